/* SPDX-License-Identifier: MIT */
#define FAULT_installs_a_signal_handler
#define NAME installs_a_signal_handler
#include "good_tier.h"
