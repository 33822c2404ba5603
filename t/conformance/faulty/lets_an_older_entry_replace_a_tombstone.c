/* SPDX-License-Identifier: MIT */
#define FAULT_lets_an_older_entry_replace_a_tombstone
#define NAME lets_an_older_entry_replace_a_tombstone
#include "versioned_tier.h"
