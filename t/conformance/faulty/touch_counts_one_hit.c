/* SPDX-License-Identifier: MIT */
#define FAULT_touch_counts_one_hit
#define NAME touch_counts_one_hit
#include "good_tier.h"
