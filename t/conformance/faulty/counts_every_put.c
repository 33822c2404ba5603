/* SPDX-License-Identifier: MIT */
#define FAULT_counts_every_put
#define NAME counts_every_put
#include "good_tier.h"
