/* SPDX-License-Identifier: MIT */
#define FAULT_versions_without_tombstones
#define NAME versions_without_tombstones
#include "versioned_tier.h"
