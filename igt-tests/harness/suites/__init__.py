# SPDX-License-Identifier: MIT
"""Decides which guests a suite boots, what each guest runs, and how its run is judged."""
