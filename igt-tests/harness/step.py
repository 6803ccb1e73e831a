# SPDX-License-Identifier: MIT
"""
Has the functions that all other modules use: for paths, progress on the terminal, stages with a log, locks, and files.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time

from harness import trouble

# ./run mounts these directories of the host at fixed paths in the build root.
PROJECT = "/project"	# the checkout
CACHE = "/cache"	# the whole cache, which all checkouts share
BUILD = "/build"	# the part of the cache that belongs to this checkout alone
TREE = "/tree"		# the git tree that ./run kernel checkout makes and ./run kernel export reads
DIR = "/dir"		# a directory of the user, for ./run exec, shell and cc, and for the file of test --junit
LOGS = os.path.join(BUILD, "log")

HARNESS = os.path.dirname(os.path.abspath(__file__))
TABLES = os.path.join(HARNESS, "tables")
GUEST = os.path.join(HARNESS, "guest")	# scripts that run in the guest

HEARTBEAT = 30		# seconds after which a stage that still runs prints a line
TAIL = 30		# how many lines of a failed stage's log the user sees
# With ./run exec and cc standard output belongs to the program that they run. So `run` sets SAY=2, and progress goes to
# standard error.
PROGRESS = sys.stderr if os.environ.get("SAY") == "2" else sys.stdout
quiet = False		# with --quiet: print no progress, only failures and the sums
STARTED = float(os.environ.get("STARTED", time.time()))


class Failed(Exception):
	"""Raised when the run cannot go on; the text tells the user why."""


class Wrong(Failed):
	"""Raised when the command line is wrong. Then ./run ends with status 2 instead of 1."""


def host_path(path, environment=os.environ):
	"""
	Returns the host's path of @path, which is in the build root. `run` has put the host's paths into the
	@environment.
	"""
	places = ((BUILD, "HOST_BUILD"), (CACHE, "HOST_CACHE"), (PROJECT, "HOST_PROJECT"), (TREE, "HOST_TREE"),
		(DIR, "HOST_DIR"))
	for inside, variable in places:
		if path == inside or path.startswith(inside + "/"):
			return environment.get(variable, inside) + path[len(inside):]
	return path


def script(name):
	"""Returns the path of the shell script @name in the folder build."""
	return os.path.join(HARNESS, "build", name)


def clock(seconds):
	return f"{int(seconds) // 60:2d}:{int(seconds) % 60:02d}"


def set_quiet(wanted):
	global quiet
	quiet = wanted


def say(text):
	if quiet:
		return
	print(f"[{clock(time.time() - STARTED)}] {text}", file=PROGRESS, flush=True)


def show(text):
	"""Print @text, which is a part of the result, unless the run is quiet."""
	if not quiet:
		print(text, flush=True)


def user_paths(text, environment=os.environ):
	"""
	Returns the output @text of a compiler with paths that the user knows: paths of the project begin at the top of
	the checkout, other paths are those of the host. The compiler runs in the build root, so it prints the paths
	there.
	"""
	text = re.sub(r"(?<![\w./-])(\.\./)*/?project/(?=\S)", "", text)
	return re.sub(r"(?<![\w./-])/(build|cache|tree|dir)(/[^\s:;,'\")]*)", lambda match: host_path(match[0], environment), text)


def show_tail(text):
	for line in text.splitlines()[-TAIL:]:
		print("    " + line, file=sys.stderr)


def log_of(what):
	"""Returns the path of the log of the stage that is called @what."""
	return os.path.join(LOGS, re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-") + ".log")


def run_logged(what, argv, quiet=False, show=True, **kwargs):
	"""
	Run the command @argv, the stage that is called @what, with its output in a log. Returns the path of the log. If
	the command fails, print the end of the log unless the reason is known or @show is false, and raise Failed.
	"""
	os.makedirs(LOGS, exist_ok=True)
	log = log_of(what)
	if not quiet:
		say(what)
	begin = time.monotonic()
	with open(log, "wb") as out:
		process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **kwargs)
		while True:
			try:
				status = process.wait(HEARTBEAT)
				break
			except subprocess.TimeoutExpired:
				say(f"{what}: {clock(time.monotonic() - begin)} so far")
	if status:
		with open(log, encoding="utf-8", errors="replace") as f:
			text = user_paths(f.read())
		reason = trouble.reason(log, text)
		if not reason:
			write(log, text)
			if show:
				show_tail(text)
		raise Failed(f"{what} failed ({reason or f'status {status}'}); log: {host_path(log)}")
	if time.monotonic() - begin > HEARTBEAT:
		say(f"{what}: done in {clock(time.monotonic() - begin)}")
	return log


def give(directory):
	"""
	Give the files in @directory to the owner of @directory. Root has written them for the user who called sudo.
	"""
	subprocess.run(["chown", "-R", f"--reference={directory}", directory], check=True)


@contextlib.contextmanager
def locked(name):
	"""Lock the part @name of the cache, which all checkouts share, for a "with" block."""
	with open(os.path.join(CACHE, name + ".lock"), "a", encoding="utf-8") as f:
		try:
			fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
		except BlockingIOError:
			say(f"waiting for another run to finish with {host_path(os.path.join(CACHE, name))}")
			fcntl.flock(f, fcntl.LOCK_EX)
		yield


def read(path):
	with open(path, encoding="utf-8") as f:
		return f.read()


def read_or(path, default=""):
	try:
		return read(path)
	except FileNotFoundError:
		return default


def write(path, text):
	"""
	Write @text to a file so that a reader at any time finds either the old text or the new one, and no part of it.
	"""
	temporary = path + ".new"
	with open(temporary, "w", encoding="utf-8") as f:
		f.write(text)
	os.rename(temporary, path)


def digest(*parts):
	"""
	Returns one hash of all @parts. It also covers where each part ends, so ("ab", "c") and ("a", "bc") differ.
	"""
	total = hashlib.sha256()
	for part in parts:
		data = part.encode() if isinstance(part, str) else part
		total.update(b"%d:" % len(data) + data)
	return total.hexdigest()
