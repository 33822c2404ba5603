/* SPDX-License-Identifier: MIT */
#define FAULT_has_no_victim_when_there_is_one_entry
#define NAME has_no_victim_when_there_is_one_entry
#include "good_policy.h"
