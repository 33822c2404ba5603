/* SPDX-License-Identifier: MIT */
#define FAULT_changes_the_folder
#define NAME changes_the_folder
#include "good_tier.h"
