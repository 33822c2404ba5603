/* SPDX-License-Identifier: MIT */
#define FAULT_leaks_with_each_put
#define NAME leaks_with_each_put
#include "good_tier.h"
