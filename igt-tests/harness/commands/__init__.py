# SPDX-License-Identifier: MIT
"""Implements the commands of ./run."""
