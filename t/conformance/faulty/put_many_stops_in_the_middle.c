/* SPDX-License-Identifier: MIT */
#define FAULT_put_many_stops_in_the_middle
#define NAME put_many_stops_in_the_middle
#include "versioned_tier.h"
