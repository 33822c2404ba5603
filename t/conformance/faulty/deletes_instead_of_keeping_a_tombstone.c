/* SPDX-License-Identifier: MIT */
#define FAULT_deletes_instead_of_keeping_a_tombstone
#define NAME deletes_instead_of_keeping_a_tombstone
#include "versioned_tier.h"
