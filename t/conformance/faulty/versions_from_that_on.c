/* SPDX-License-Identifier: MIT */
#define FAULT_versions_from_that_on
#define NAME versions_from_that_on
#include "versioned_tier.h"
