/* SPDX-License-Identifier: MIT */
#define FAULT_has_a_victim_when_empty
#define NAME has_a_victim_when_empty
#include "good_policy.h"
