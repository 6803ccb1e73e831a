# SPDX-License-Identifier: MIT
"""Tells the user the reason and a remedy if a program failed because of the machine or the network."""

import errno
import os
import re

FULL = re.compile(r"No space left on device|Disk quota exceeded|enough free space")
# Matches the messages by which apt and wget report that there is no network, or no server. `run` has a similar pattern
# for the stages before the build root exists.
UNREACHABLE = re.compile(r"Could not (resolve|connect)|Temporary failure|[Uu]nable to (connect|resolve)"
	r"|[Uu]nreachable|[Tt]imed out")
MAKE_ROOM = "no space left on device; make room, or AMDGPU_USERPTR_CACHE names another directory for the cache"
OTHER_MIRROR = "is there a network? http_proxy or apt.conf names a proxy, AMDGPU_USERPTR_MIRROR another mirror"


def mirror():
	"""Returns the address of the mirror from which the build root's packages come."""
	with open("/etc/apt/sources.list", encoding="utf-8") as f:
		return re.search(r"https?://\S+", f.read())[0]


def is_full(path):
	return os.statvfs(path).f_bavail == 0


def reason(log, text):
	"""Returns why a program failed that printed @text to the file @log, or "" if that is not known."""
	# If the disk is full, the log may lack the message, so look at the disk, too.
	if FULL.search(text) or is_full(log):
		return MAKE_ROOM
	if UNREACHABLE.search(text):
		return f"the Debian mirror {mirror()} cannot be reached; {OTHER_MIRROR}"
	return ""


def of_error(error, path):
	"""Returns a line for the user about the OSError @error. @path is the file that it concerns, or empty."""
	what = MAKE_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
	return f"{path}: {what}" if path else what
