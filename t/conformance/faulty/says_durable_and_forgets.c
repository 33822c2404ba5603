/* SPDX-License-Identifier: MIT */
#define FAULT_says_durable_and_forgets
#define NAME says_durable_and_forgets
#include "good_tier.h"
