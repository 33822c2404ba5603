/* SPDX-License-Identifier: MIT */
#define FAULT_calls_back_under_its_lock
#define NAME calls_back_under_its_lock
#include "good_tier.h"
