# SPDX-License-Identifier: MIT
"""Judges what a boot left behind: the results of tests, the kernel's log, and the GPU's trace."""
