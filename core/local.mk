# SPDX-License-Identifier: MIT
# The library from the sources of all folders of core/.
core_cppflags = $(AM_CPPFLAGS) -I$(srcdir)/%D% -DPXT_VERSION='"$(PACKAGE_VERSION)"' \
    -DPXT_PLUGINDIR='"$(plugindir)"' -DPXT_SYSCONFDIR='"$(sysconfdir)"'
core_cflags = $(AM_CFLAGS) $(YAML_CFLAGS) $(JSONC_CFLAGS) $(GCRYPT_CFLAGS) $(ZLIB_CFLAGS)
core_libs = $(YAML_LIBS) $(JSONC_LIBS) $(GCRYPT_LIBS) $(LTDL_LIBS) $(CSV_LIBS) $(ZLIB_LIBS) -lpthread

# Each source is compiled once: for the library, and for tests of what is inside, to which everything is visible.
noinst_LTLIBRARIES += libcore.la
libcore_la_SOURCES = $(core_sources)
libcore_la_CPPFLAGS = $(core_cppflags)
libcore_la_CFLAGS = $(core_cflags)
libcore_la_LIBADD = $(core_libs)

lib_LTLIBRARIES += libproxtier.la
libproxtier_la_SOURCES =
libproxtier_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined -Wl,-z,nodelete \
    -Wl,--version-script=$(srcdir)/%D%/libproxtier.map
libproxtier_la_LIBADD = libcore.la
EXTRA_libproxtier_la_DEPENDENCIES = %D%/libproxtier.map
EXTRA_DIST += %D%/libproxtier.map
