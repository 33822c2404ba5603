/* SPDX-License-Identifier: MIT */
#define FAULT_evicts_tombstones
#define NAME evicts_tombstones
#include "versioned_tier.h"
