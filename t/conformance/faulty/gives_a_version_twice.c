/* SPDX-License-Identifier: MIT */
#define FAULT_gives_a_version_twice
#define NAME gives_a_version_twice
#include "versioned_tier.h"
