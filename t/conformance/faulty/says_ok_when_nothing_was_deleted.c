/* SPDX-License-Identifier: MIT */
#define FAULT_says_ok_when_nothing_was_deleted
#define NAME says_ok_when_nothing_was_deleted
#include "good_tier.h"
