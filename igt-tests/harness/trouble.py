# SPDX-License-Identifier: MIT
"""Why a program failed, when the reason is the machine or the network, and what the user can do."""

import errno
import os
import re

FULL = re.compile(r"No space left on device|Disk quota exceeded|enough free space")
# How apt says it; `run` has the same list for what comes before this.
UNREACHABLE = re.compile(r"Could not (resolve|connect)|Temporary failure|[Uu]nable to (connect|resolve)"
	r"|[Uu]nreachable|[Tt]imed out")
MAKE_ROOM = "no space left on device; make room, or AMDGPU_USERPTR_CACHE names another directory for the cache"
OTHER_MIRROR = "is there a network? http_proxy or apt.conf names a proxy, AMDGPU_USERPTR_MIRROR another mirror"


def mirror():
	"""Address of the mirror that the root's packages come from."""
	with open("/etc/apt/sources.list", encoding="utf-8") as f:
		return re.search(r"https?://\S+", f.read())[0]


def is_full(path):
	return os.statvfs(path).f_bavail == 0


def reason(log, text):
	"""Why a program failed that printed @text to the file @log; "" when that is not known."""
	# A full disk may have kept the program's own words from the log.
	if FULL.search(text) or is_full(log):
		return MAKE_ROOM
	if UNREACHABLE.search(text):
		return f"the Debian mirror {mirror()} cannot be reached; {OTHER_MIRROR}"
	return ""


def of_error(error, path):
	"""One line about the OSError @error; the user knows its file, if there is one, as @path."""
	what = MAKE_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
	return f"{path}: {what}" if path else what
