# proxtier.m4 - for packages that build plugins of proxtier                                       -*- Autoconf -*-
# serial 1
# SPDX-License-Identifier: MIT

# PROXTIER_PLUGIN([MINIMUM-ABI], [ACTION-IF-FOUND], [ACTION-IF-NOT-FOUND])
# Finds the headers of proxtier through pkg-config and sets, for Makefile.am:
#   PROXTIER_PLUGIN_CFLAGS   to compile with
#   PROXTIER_PLUGIN_LDFLAGS  to link a libtool module with: foo_la_LDFLAGS = $(PROXTIER_PLUGIN_LDFLAGS)
#   proxtierplugindir        where plugins are installed: proxtierplugin_LTLIBRARIES = foo.la
#   PROXTIER_ABI             the ABI of the installed headers, such as 1.0
# A plugin links against nothing of proxtier. MINIMUM-ABI defaults to 1.0; another major version is not accepted.
AC_DEFUN([PROXTIER_PLUGIN],
[AC_REQUIRE([PKG_PROG_PKG_CONFIG])dnl
m4_pushdef([_PROXTIER_MINIMUM], m4_default([$1], [1.0]))dnl
dnl Not PROXTIER_PLUGIN: that is this macro, and would be expanded without end.
PKG_CHECK_MODULES([PROXTIER_HEADERS], [proxtier-plugin], [_proxtier_found=yes], [_proxtier_found=no])
PROXTIER_PLUGIN_CFLAGS=$PROXTIER_HEADERS_CFLAGS
AS_IF([test "x$_proxtier_found" = xyes],
  [PROXTIER_ABI=`$PKG_CONFIG --variable=abi_version proxtier-plugin`
   AC_ARG_WITH([proxtier-plugindir],
     [AS_HELP_STRING([--with-proxtier-plugindir=DIR], [where plugins of proxtier are installed])],
     [proxtierplugindir=$withval],
     [proxtierplugindir=`$PKG_CONFIG --variable=plugindir proxtier-plugin`])
   AC_MSG_CHECKING([whether the plugin ABI of proxtier is _PROXTIER_MINIMUM or a later minor one])
   _proxtier_wanted_minor=`echo _PROXTIER_MINIMUM | sed 's/.*\.//'`
   _proxtier_wanted_major=`echo _PROXTIER_MINIMUM | sed 's/\..*//'`
   AS_IF([test "`echo $PROXTIER_ABI | sed 's/\..*//'`" = "$_proxtier_wanted_major" &&
          test "`echo $PROXTIER_ABI | sed 's/-.*//; s/.*\.//'`" -ge "$_proxtier_wanted_minor"],
     [AC_MSG_RESULT([yes, $PROXTIER_ABI])], [AC_MSG_RESULT([no, $PROXTIER_ABI]); _proxtier_found=no])])
PROXTIER_PLUGIN_LDFLAGS="-module -avoid-version -shared -export-symbols-regex '^pxt_plugin\$\$'"
AC_SUBST([PROXTIER_PLUGIN_CFLAGS])dnl
AC_SUBST([PROXTIER_PLUGIN_LDFLAGS])dnl
AC_SUBST([PROXTIER_ABI])dnl
AC_SUBST([proxtierplugindir])dnl
m4_popdef([_PROXTIER_MINIMUM])dnl
AS_IF([test "x$_proxtier_found" = xyes], [m4_default([$2], [:])],
  [m4_default([$3], [AC_MSG_ERROR([the headers of proxtier are missing, or of another ABI: install libproxtier-dev])])])
])
