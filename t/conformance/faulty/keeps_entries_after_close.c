/* SPDX-License-Identifier: MIT */
#define FAULT_keeps_entries_after_close
#define NAME keeps_entries_after_close
#include "good_tier.h"
