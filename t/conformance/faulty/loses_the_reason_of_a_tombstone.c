/* SPDX-License-Identifier: MIT */
#define FAULT_loses_the_reason_of_a_tombstone
#define NAME loses_the_reason_of_a_tombstone
#include "versioned_tier.h"
