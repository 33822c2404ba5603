/* SPDX-License-Identifier: MIT */
#define FAULT_reports_expired_tombstones
#define NAME reports_expired_tombstones
#include "versioned_tier.h"
