/* SPDX-License-Identifier: MIT */
#define FAULT_keeps_the_first_of_two_puts
#define NAME keeps_the_first_of_two_puts
#include "good_tier.h"
