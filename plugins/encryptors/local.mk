# SPDX-License-Identifier: MIT
plugin_LTLIBRARIES += plugins/fernet.la plugins/plain.la
EXTRA_DIST += %D%/README.md

plugins_fernet_la_SOURCES = \
    %D%/fernet/base64url.c %D%/fernet/fernet.c %D%/fernet/fernet.h %D%/fernet/keys.c
plugins_fernet_la_CFLAGS = $(AM_CFLAGS) $(GCRYPT_CFLAGS)
plugins_fernet_la_LDFLAGS = $(plugin_ldflags)
plugins_fernet_la_LIBADD = $(GCRYPT_LIBS) -lpthread

plugins_plain_la_SOURCES = %D%/plain.c
plugins_plain_la_LDFLAGS = $(plugin_ldflags)
