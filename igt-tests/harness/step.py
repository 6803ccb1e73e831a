# SPDX-License-Identifier: MIT
"""Paths, progress on the terminal, logged stages, locks, and files: used by all other modules."""

import contextlib
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time

from harness import trouble

PROJECT = "/project"	# the checkout
CACHE = "/cache"	# shared by all checkouts
BUILD = "/build"	# in the cache, of this checkout alone
TREE = "/tree"		# git tree of the kernel commands
DIR = "/dir"		# the caller's, of exec, shell and cc
LOGS = os.path.join(BUILD, "log")

HARNESS = os.path.dirname(os.path.abspath(__file__))
TABLES = os.path.join(HARNESS, "tables")
GUEST = os.path.join(HARNESS, "guest")	# what runs there

HEARTBEAT = 30		# seconds between signs of life
TAIL = 30		# lines of a failed stage's log to show
# The standard output of exec and cc belongs to the program.
PROGRESS = sys.stderr if os.environ.get("SAY") == "2" else sys.stdout
quiet = False		# say nothing but what failed
STARTED = float(os.environ.get("STARTED", time.time()))


class Failed(Exception):
	"""The run cannot go on; the text is for the user."""


class Wrong(Failed):
	"""The command line is wrong: exit status 2."""


def host_path(path, environment=os.environ):
	"""@path as the user of ./run knows it; ./run has put the places into the @environment."""
	places = ((BUILD, "HOST_BUILD"), (CACHE, "HOST_CACHE"), (PROJECT, "HOST_PROJECT"), (TREE, "HOST_TREE"),
		(DIR, "HOST_DIR"))
	for inside, variable in places:
		if path == inside or path.startswith(inside + "/"):
			return environment.get(variable, inside) + path[len(inside):]
	return path


def script(name):
	"""Path of a shell script in the folder build."""
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
	"""Print a part of the result that is not wanted of a quiet run."""
	if not quiet:
		print(text, flush=True)


def user_paths(text, environment=os.environ):
	"""@text of a compiler with the paths that the user knows: the project's from the top of the checkout, others whole."""
	text = re.sub(r"(?<![\w./-])(\.\./)*/?project/(?=\S)", "", text)
	return re.sub(r"(?<![\w./-])/(build|cache|tree|dir)(/[^\s:;,'\")]*)", lambda match: host_path(match[0], environment), text)


def show_tail(text):
	for line in text.splitlines()[-TAIL:]:
		print("    " + line, file=sys.stderr)


def log_of(what):
	"""Path of the log of the stage that is called @what."""
	return os.path.join(LOGS, re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-") + ".log")


def run_logged(what, argv, quiet=False, show=True, **kwargs):
	"""Run one stage with its output in a log; the log's path. Raises Failed, and with @show prints the end of the log then."""
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
	"""Make the files in @directory belong to its owner: root has written them for a user who called sudo."""
	subprocess.run(["chown", "-R", f"--reference={directory}", directory], check=True)


@contextlib.contextmanager
def locked(name):
	"""Exclusive use of a part of the cache that checkouts share."""
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
	"""Write a file so that a reader finds either the old text or the new one."""
	temporary = path + ".new"
	with open(temporary, "w", encoding="utf-8") as f:
		f.write(text)
	os.rename(temporary, path)


def digest(*parts):
	"""One hash over texts, each delimited."""
	total = hashlib.sha256()
	for part in parts:
		data = part.encode() if isinstance(part, str) else part
		total.update(b"%d:" % len(data) + data)
	return total.hexdigest()
