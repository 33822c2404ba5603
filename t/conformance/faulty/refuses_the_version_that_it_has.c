/* SPDX-License-Identifier: MIT */
#define FAULT_refuses_the_version_that_it_has
#define NAME refuses_the_version_that_it_has
#include "versioned_tier.h"
