/* SPDX-License-Identifier: MIT
 *
 * settings.c: the settings that are searched: how many tiers, keys and changes, and which operations and faults.
 */
#include "settings.h"

#define NEW(tiers_, keys_, changes_)                                                                                   \
    .rules = ALL_RULES, .tiers = tiers_, .keys = keys_, .changes = changes_, .most_states = 20 * MILLION

const struct config settings[SETTINGS] = {
    [LISTS] = {NEW(2, 1, 2), .name = "kill, failed writes, listings", .kills = 1, .failures = 1, .evict = true,
               .promote = true, .list = true, .no_deletes = true},
    [AWAY] = {NEW(2, 1, 2), .name = "kill, failed writes, a tier away and back", .kills = 1, .failures = 1,
              .absences = 1, .evict = true, .promote = true},
    [LATE] = {NEW(2, 1, 2), .name = "kill, late writes, dropped tombstones", .kills = 1, .failures = 1, .evict = true,
              .promote = true, .late = true, .checkpoint = true},
    [POWER] = {NEW(2, 1, 2), .name = "lost power at level power, failed syncs", .sync = true, .power_losses = 1,
               .failures = 1, .evict = true, .promote = true, .checkpoint = true, .no_deletes = true},
    [POWER_KILL] = {NEW(2, 1, 2), .name = "lost power at level power, kill, write-behind", .sync = true,
                    .power_losses = 1, .failures = 1, .kills = 1, .write_behind = true, .no_deletes = true},
    [BELOW_POWER] = {NEW(2, 1, 2), .name = "lost power below level power", .power_losses = 1, .failures = 1,
                     .evict = true, .promote = true, .checkpoint = true, .no_deletes = true},
    [TWO_KEYS] = {NEW(2, 2, 2), .name = "two keys of one word", .kills = 1, .failures = 1, .evict = true,
                  .no_deletes = true},
    [EXPIRY] = {NEW(2, 1, 2), .name = "two failures, expiry", .failures = 2, .expiries = 1, .evict = true,
                .promote = true},
    [BEHIND] = {NEW(2, 1, 2), .name = "write-behind, a tier away, listings", .failures = 1, .absences = 1, .list = true,
                .write_behind = true, .evict = true, .no_deletes = true},
    [DAMAGE] = {NEW(2, 1, 2), .name = "a damaged tier, dropped tombstones", .damages = 1, .failures = 1, .evict = true,
                .checkpoint = true},
    [OFTEN] = {NEW(2, 1, 3), .name = "three changes", .kills = 1, .failures = 1, .evict = true, .promote = true,
               .no_deletes = true},
    [THREE_TIERS] = {NEW(3, 1, 2), .name = "three tiers", .kills = 1, .failures = 1, .evict = true, .no_deletes = true},
};

const struct config long_settings[LONG_SETTINGS] = {
    {NEW(2, 1, 2), .name = "kill, failed writes, a tier away and back, listings", .kills = 1, .failures = 1,
     .absences = 1, .evict = true, .promote = true, .list = true, .write_behind = true},
    {NEW(2, 1, 3), .name = "three changes, late writes, dropped tombstones", .kills = 1, .failures = 1, .evict = true,
     .promote = true, .late = true, .checkpoint = true},
    {NEW(2, 1, 2), .name = "two kills, late writes, dropped tombstones", .kills = 2, .failures = 1, .evict = true,
     .promote = true, .late = true, .checkpoint = true},
    {NEW(2, 1, 2), .name = "late writes, a tier away and back", .failures = 1, .absences = 1, .evict = true,
     .promote = true, .late = true, .checkpoint = true},
    {NEW(2, 1, 2), .name = "lost power at level power, expiry", .sync = true, .power_losses = 1, .failures = 1,
     .expiries = 1, .evict = true, .promote = true, .checkpoint = true},
    {NEW(2, 1, 2), .name = "lost power at level power, write-behind, kill", .sync = true, .power_losses = 1,
     .failures = 1, .kills = 1, .write_behind = true, .evict = true, .promote = true, .no_deletes = true},
    {NEW(2, 2, 3), .name = "three changes of two keys, kill", .kills = 1, .evict = true},
    {NEW(3, 1, 2), .name = "three tiers, promotion, deletes", .kills = 1, .failures = 1, .evict = true,
     .promote = true},
    {NEW(2, 1, 2), .name = "a damaged tier, kill, promotion", .damages = 1, .failures = 1, .kills = 1, .evict = true,
     .promote = true, .checkpoint = true},
    {NEW(2, 1, 3), .name = "write-behind, a tier away, kill", .failures = 1, .absences = 1, .kills = 1,
     .write_behind = true, .evict = true},
    {NEW(2, 2, 2), .name = "two keys, late writes, promotion", .kills = 1, .failures = 1, .evict = true,
     .promote = true, .late = true, .no_deletes = true},
    {NEW(2, 2, 2), .name = "two keys, dropped tombstones", .failures = 1, .evict = true, .promote = true,
     .checkpoint = true},
    {NEW(3, 1, 2), .name = "three tiers, one away and back", .failures = 1, .absences = 1, .evict = true,
     .promote = true},
    {NEW(3, 1, 2), .name = "three tiers, late writes", .kills = 1, .failures = 1, .evict = true, .promote = true,
     .late = true, .no_deletes = true},
};
