/* SPDX-License-Identifier: MIT
 *
 * keys.h: the key that an entry gets when it comes without one. pxt_cache_find_key() finds a stored one by its URL.
 */
#ifndef PXT_KEYS_H
#define PXT_KEYS_H

#include "proxy/proxyurl.h"
#include <proxtier/cache.h>

/* Makes the key of a proxy. In a chain that is shared with ProxyWhirl it is ProxyWhirl's: of the URL as it was `given`, to
 * which a separate user name does not belong. Otherwise pxt_proxy_key(). */
void pxt_cache_make_key(const pxt_cache *cache, const char *given, size_t length, const struct pxt_proxy *proxy,
                        char out[17]);

#endif
