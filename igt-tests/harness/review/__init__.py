# SPDX-License-Identifier: MIT
"""Checks the kernel series and the source text; boots nothing."""
