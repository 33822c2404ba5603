/* SPDX-License-Identifier: MIT */
#define FAULT_expires_a_microsecond_late
#define NAME expires_a_microsecond_late
#include "good_tier.h"
