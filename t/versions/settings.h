/* SPDX-License-Identifier: MIT
 *
 * settings.h: the settings that are searched. Schedules are walked in the same ones.
 */
#ifndef PXT_VERSIONS_SETTINGS_H
#define PXT_VERSIONS_SETTINGS_H

#include "rules.h"

enum { MILLION = 1000000 };

/* Searched by `make check`. */
enum setting {
    LISTS,
    AWAY,
    LATE,
    POWER,
    POWER_KILL,
    BELOW_POWER,
    TWO_KEYS,
    EXPIRY,
    BEHIND,
    DAMAGE,
    OFTEN,
    THREE_TIERS,
    SETTINGS
};
extern const struct config settings[SETTINGS];

/* Searched with PXT_LONG. */
enum { LONG_SETTINGS = 14 };
extern const struct config long_settings[LONG_SETTINGS];

#endif
