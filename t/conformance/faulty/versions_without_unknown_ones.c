/* SPDX-License-Identifier: MIT */
#define FAULT_versions_without_unknown_ones
#define NAME versions_without_unknown_ones
#include "versioned_tier.h"
