# SPDX-License-Identifier: MIT
"""Measures what mapping scattered memory costs."""
