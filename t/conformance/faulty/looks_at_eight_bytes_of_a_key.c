/* SPDX-License-Identifier: MIT */
#define FAULT_looks_at_eight_bytes_of_a_key
#define NAME looks_at_eight_bytes_of_a_key
#include "good_tier.h"
