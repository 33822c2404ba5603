/* SPDX-License-Identifier: MIT */
#define FAULT_keeps_versions_as_doubles
#define NAME keeps_versions_as_doubles
#include "versioned_tier.h"
