/* SPDX-License-Identifier: MIT */
#define FAULT_instances_share_entries
#define NAME instances_share_entries
#include "good_tier.h"
