/* SPDX-License-Identifier: MIT */
#define FAULT_forgets_tombstones_when_closed
#define NAME forgets_tombstones_when_closed
#include "versioned_tier.h"
