/* SPDX-License-Identifier: MIT */
#define FAULT_hangs_in_open
#define NAME hangs_in_open
#include "good_tier.h"
