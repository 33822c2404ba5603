/* SPDX-License-Identifier: MIT */
#define FAULT_loses_the_supplied_version
#define NAME loses_the_supplied_version
#include "versioned_tier.h"
