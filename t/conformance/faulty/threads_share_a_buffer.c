/* SPDX-License-Identifier: MIT */
#define FAULT_threads_share_a_buffer
#define NAME threads_share_a_buffer
#include "bad_encryptor.h"
