# SPDX-License-Identifier: MIT
"""Judges what a run left behind: results, expectations, the kernel's log, the GPU's trace."""
