/* SPDX-License-Identifier: MIT */
#define FAULT_victims_at_random
#define NAME victims_at_random
#include "good_policy.h"
