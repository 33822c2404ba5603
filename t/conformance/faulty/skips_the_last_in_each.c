/* SPDX-License-Identifier: MIT */
#define FAULT_skips_the_last_in_each
#define NAME skips_the_last_in_each
#include "good_tier.h"
