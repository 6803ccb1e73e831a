# SPDX-License-Identifier: MIT
"""Builds everything, boots the guest with the simulated GPU, and judges each run; README.md says how."""
