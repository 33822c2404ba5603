/* SPDX-License-Identifier: MIT */
#define FAULT_expires_any_version
#define NAME expires_any_version
#include "versioned_tier.h"
