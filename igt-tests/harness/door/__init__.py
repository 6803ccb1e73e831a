# SPDX-License-Identifier: MIT
"""The suite "door": `run` on made-up hosts, as somebody meets it who has just cloned the project."""
