/* SPDX-License-Identifier: MIT */
#define FAULT_saves_when_closed
#define NAME saves_when_closed
#include "good_tier.h"
