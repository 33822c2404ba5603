/* SPDX-License-Identifier: MIT */
#define FAULT_changes_the_umask
#define NAME changes_the_umask
#include "good_tier.h"
