/* SPDX-License-Identifier: MIT */
#define FAULT_expires_beyond_the_limit
#define NAME expires_beyond_the_limit
#include "good_tier.h"
