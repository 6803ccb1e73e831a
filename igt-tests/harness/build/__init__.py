# SPDX-License-Identifier: MIT
"""Builds the kernel, the project, and the guest's kernel modules."""
