/* SPDX-License-Identifier: MIT */
#define FAULT_opens_to_other_text
#define NAME opens_to_other_text
#include "bad_encryptor.h"
