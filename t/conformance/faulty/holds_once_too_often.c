/* SPDX-License-Identifier: MIT */
#define FAULT_holds_once_too_often
#define NAME holds_once_too_often
#include "good_tier.h"
