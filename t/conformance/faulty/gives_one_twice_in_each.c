/* SPDX-License-Identifier: MIT */
#define FAULT_gives_one_twice_in_each
#define NAME gives_one_twice_in_each
#include "good_tier.h"
