/* SPDX-License-Identifier: MIT */
#define FAULT_has_an_empty_record
#define NAME has_an_empty_record
#include "versioned_tier.h"
