/* SPDX-License-Identifier: MIT */
#define FAULT_clear_leaves_one
#define NAME clear_leaves_one
#include "good_tier.h"
