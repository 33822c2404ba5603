/* SPDX-License-Identifier: MIT */
#define FAULT_policy_leaks
#define NAME policy_leaks
#include "good_policy.h"
