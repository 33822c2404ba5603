# SPDX-License-Identifier: MIT
# The debhelper sequence "proxtier-plugin": build-depend on dh-sequence-proxtier-plugin to use it.
use strict;
use warnings;
use Debian::Debhelper::Dh_Lib;

insert_before('dh_gencontrol', 'dh_proxtier_plugin');

1;
