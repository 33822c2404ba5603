/* SPDX-License-Identifier: MIT */
#define FAULT_crashes_when_loaded
#define NAME crashes_when_loaded
#include "good_tier.h"
