/* SPDX-License-Identifier: MIT */
#define FAULT_overruns_its_state
#define NAME overruns_its_state
#include "good_policy.h"
