/* SPDX-License-Identifier: MIT */
#define FAULT_leaves_self_unset
#define NAME leaves_self_unset
#include "good_tier.h"
