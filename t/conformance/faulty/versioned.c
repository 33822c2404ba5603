/* SPDX-License-Identifier: MIT */
#define NAME versioned
#include "versioned_tier.h"
