/* SPDX-License-Identifier: MIT */
#define FAULT_prints
#define NAME prints
#include "good_tier.h"
