# SPDX-License-Identifier: MIT
"""The suite "door": starts `run` on made-up hosts, as a user does who has just cloned the project."""
