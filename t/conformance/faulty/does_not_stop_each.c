/* SPDX-License-Identifier: MIT */
#define FAULT_does_not_stop_each
#define NAME does_not_stop_each
#include "good_tier.h"
