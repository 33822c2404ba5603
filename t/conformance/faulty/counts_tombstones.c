/* SPDX-License-Identifier: MIT */
#define FAULT_counts_tombstones
#define NAME counts_tombstones
#include "versioned_tier.h"
