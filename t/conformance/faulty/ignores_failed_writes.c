/* SPDX-License-Identifier: MIT */
#define FAULT_ignores_failed_writes
#define NAME ignores_failed_writes
#include "good_tier.h"
