/* SPDX-License-Identifier: MIT */
#define FAULT_cuts_a_long_record
#define NAME cuts_a_long_record
#include "versioned_tier.h"
