/* SPDX-License-Identifier: MIT */
#define FAULT_says_that_it_binds
#define NAME says_that_it_binds
#include "bad_encryptor.h"
