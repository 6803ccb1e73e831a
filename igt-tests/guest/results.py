# SPDX-License-Identifier: MIT
"""From what a boot left behind to a verdict."""

import re

# What no run may print, whatever its tests said. Lines of the kernel only:
# test names come through the kernel log as "[IGT] ...".
BAD_LINES = re.compile(
	r"WARNING:|BUG:|Oops|UBSAN:|KASAN:|KCSAN:|KFENCE:|Kernel panic|general protection fault"
	r"|INFO: task .* blocked for more than|INFO: rcu.* detected|rcu: INFO:.*stall"
	r"|refcount_t:|list_(add|del) corruption|DEBUG_LOCKS_WARN_ON|possible (recursive|circular) locking"
	r"|suspicious RCU usage|inconsistent lock state|slab-use-after-free|DMA-API:")
NOT_KERNEL = re.compile(r"\[IGT\]")


def bad_lines(text):
	"""The lines of a kernel log that fail a run."""
	return [line.strip() for line in text.splitlines()
		if BAD_LINES.search(line) and not NOT_KERNEL.search(line)]


def read(path):
	try:
		with open(path, encoding="utf-8", errors="replace") as f:
			return f.read()
	except FileNotFoundError:
		return ""


def kernel_problems(boot):
	"""Bad lines of one boot; the console has what a dying guest could not write to dmesg."""
	stamp = re.compile(r"^(<\d+>)?\[ *\d+\.\d+\](\[[^]]*\])? ?")
	seen = {}
	for path in (boot.dmesg, boot.console):
		for line in bad_lines(read(path)):
			seen.setdefault(stamp.sub("", line), None)
	return list(seen)
