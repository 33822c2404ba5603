/* SPDX-License-Identifier: MIT */
#define FAULT_deletes_nothing
#define NAME deletes_nothing
#include "good_tier.h"
