# SPDX-License-Identifier: MIT
proxtier completion fish | source
