# SPDX-License-Identifier: MIT
"""Boots a guest with QEMU and the simulated GPU, and several guests side by side."""
