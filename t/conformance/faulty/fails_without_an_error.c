/* SPDX-License-Identifier: MIT */
#define FAULT_fails_without_an_error
#define NAME fails_without_an_error
#include "good_tier.h"
