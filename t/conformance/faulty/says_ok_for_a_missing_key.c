/* SPDX-License-Identifier: MIT */
#define FAULT_says_ok_for_a_missing_key
#define NAME says_ok_for_a_missing_key
#include "good_tier.h"
