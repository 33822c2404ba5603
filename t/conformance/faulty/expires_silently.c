/* SPDX-License-Identifier: MIT */
#define FAULT_expires_silently
#define NAME expires_silently
#include "good_tier.h"
