/* SPDX-License-Identifier: MIT */
#define FAULT_not_thread_safe
#define NAME not_thread_safe
#include "good_tier.h"
