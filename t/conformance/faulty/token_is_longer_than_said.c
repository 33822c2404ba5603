/* SPDX-License-Identifier: MIT */
#define FAULT_token_is_longer_than_said
#define NAME token_is_longer_than_said
#include "bad_encryptor.h"
