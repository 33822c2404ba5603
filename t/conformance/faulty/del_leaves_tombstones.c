/* SPDX-License-Identifier: MIT */
#define FAULT_del_leaves_tombstones
#define NAME del_leaves_tombstones
#include "versioned_tier.h"
