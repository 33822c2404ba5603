/* SPDX-License-Identifier: MIT */
#define FAULT_loses_a_field
#define NAME loses_a_field
#include "good_tier.h"
