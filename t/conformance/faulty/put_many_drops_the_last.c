/* SPDX-License-Identifier: MIT */
#define FAULT_put_many_drops_the_last
#define NAME put_many_drops_the_last
#include "good_tier.h"
