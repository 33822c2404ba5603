/* SPDX-License-Identifier: MIT */
#define FAULT_never_expires_tombstones
#define NAME never_expires_tombstones
#include "versioned_tier.h"
