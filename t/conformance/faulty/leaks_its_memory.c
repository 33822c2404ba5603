/* SPDX-License-Identifier: MIT */
#define FAULT_leaks_its_memory
#define NAME leaks_its_memory
#include "good_tier.h"
