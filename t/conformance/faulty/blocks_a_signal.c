/* SPDX-License-Identifier: MIT */
#define FAULT_blocks_a_signal
#define NAME blocks_a_signal
#include "good_tier.h"
