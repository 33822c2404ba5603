/* SPDX-License-Identifier: MIT */
#define FAULT_token_holds_the_text
#define NAME token_holds_the_text
#include "bad_encryptor.h"
