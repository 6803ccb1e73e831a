# SPDX-License-Identifier: MIT
"""Measures the time and the kernel memory that it takes to map scattered memory."""
