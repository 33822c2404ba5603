/* SPDX-License-Identifier: MIT */
#define FAULT_does_not_stop_versions
#define NAME does_not_stop_versions
#include "versioned_tier.h"
