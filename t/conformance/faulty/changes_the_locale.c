/* SPDX-License-Identifier: MIT */
#define FAULT_changes_the_locale
#define NAME changes_the_locale
#include "good_tier.h"
