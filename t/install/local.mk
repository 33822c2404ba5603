# SPDX-License-Identifier: MIT
script_tests += \
    %D%/abi_binaries.t %D%/abi_grows.t %D%/abi_is_kept.t %D%/before.t %D%/make_install.t %D%/other_libc.t \
    %D%/out_of_tree.t %D%/symbols.t %D%/tests_see_only_themselves.t %D%/units.t
EXTRA_DIST += %D%/abi %D%/before
