/* SPDX-License-Identifier: MIT */
#define FAULT_del_tells_of_tombstones
#define NAME del_tells_of_tombstones
#include "versioned_tier.h"
