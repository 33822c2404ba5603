/* SPDX-License-Identifier: MIT */
#define FAULT_instances_share_a_ring
#define NAME instances_share_a_ring
#include "good_policy.h"
