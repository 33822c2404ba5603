/* SPDX-License-Identifier: MIT
 *
 * proxtier.h: all that a program needs.
 */
#ifndef PROXTIER_PROXTIER_H
#define PROXTIER_PROXTIER_H

#include <proxtier/cache.h>
#include <proxtier/entry.h>
#include <proxtier/error.h>
#include <proxtier/stats.h>

#endif
