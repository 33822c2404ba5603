/* SPDX-License-Identifier: MIT */
#define FAULT_compares_with_what_it_read_before
#define NAME compares_with_what_it_read_before
#include "versioned_tier.h"
