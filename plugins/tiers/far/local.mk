# SPDX-License-Identifier: MIT
# What the tiers with a server share is compiled once.
EXTRA_DIST += %D%/README.md
noinst_LTLIBRARIES += %D%/libfar.la
%C%_libfar_la_SOURCES = %D%/far_pool.c %D%/far_pool.h
%C%_libfar_la_LIBADD = -lpthread
