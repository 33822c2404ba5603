/* SPDX-License-Identifier: MIT
 *
 * Its name is not its file's.
 */
#include <proxtier/eviction.h>
static const struct pxt_eviction_ops ops = {.size = sizeof ops};
PXT_PLUGIN(PXT_KIND_EVICTION, "someone_else", "1.0", "MIT", "misnamed", NULL, &ops);
