/* SPDX-License-Identifier: MIT */
#define FAULT_crashes_in_close
#define NAME crashes_in_close
#include "good_tier.h"
