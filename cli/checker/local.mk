# SPDX-License-Identifier: MIT
# The program that `proxtier check` runs. It alone is linked with libcurl, and with nothing of proxtier.
EXTRA_DIST += %D%/README.md
if WITH_CURL
pkglibexec_PROGRAMS = proxtier-check
proxtier_check_SOURCES = %D%/answer.c %D%/main.c %D%/requests.c %D%/transfers.c %D%/worker.h
proxtier_check_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
proxtier_check_LDADD = $(CURL_LIBS)
endif
