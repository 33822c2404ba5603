/* SPDX-License-Identifier: MIT */
#define FAULT_forgets_the_dead
#define NAME forgets_the_dead
#include "versioned_tier.h"
