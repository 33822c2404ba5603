/* SPDX-License-Identifier: MIT */
#define FAULT_takes_older_versions
#define NAME takes_older_versions
#include "versioned_tier.h"
