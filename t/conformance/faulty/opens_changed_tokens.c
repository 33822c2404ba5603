/* SPDX-License-Identifier: MIT */
#define FAULT_opens_changed_tokens
#define NAME opens_changed_tokens
#include "bad_encryptor.h"
