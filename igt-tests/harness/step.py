# SPDX-License-Identifier: MIT
"""Functions that all other modules use: for paths, progress on the terminal, stages with a log, locks, and files."""

import contextlib
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time

from harness import trouble

PROJECT = "/project"	# the checkout; these are paths in the build root
CACHE = "/cache"	# shared by all checkouts
BUILD = "/build"	# the part of the cache that belongs to this checkout alone
TREE = "/tree"		# git tree of the kernel commands
DIR = "/dir"		# the directory of the user of ./run exec, shell and cc
LOGS = os.path.join(BUILD, "log")

HARNESS = os.path.dirname(os.path.abspath(__file__))
TABLES = os.path.join(HARNESS, "tables")
GUEST = os.path.join(HARNESS, "guest")	# scripts that run in the guest

HEARTBEAT = 30		# seconds between two lines that say that a stage still runs
TAIL = 30		# lines of a failed stage's log to show
# The standard output of exec and cc belongs to the program that they run, so run sets SAY=2 for them.
PROGRESS = sys.stderr if os.environ.get("SAY") == "2" else sys.stdout
quiet = False		# print only what failed
STARTED = float(os.environ.get("STARTED", time.time()))


class Failed(Exception):
	"""The run cannot go on; the text tells the user why."""


class Wrong(Failed):
	"""The command line is wrong, so the exit status is 2."""


def host_path(path, environment=os.environ):
	"""The path that @path of the build root has on the host. The @environment has the host's paths, which ./run puts there."""
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
	"""Print a part of the result, unless the run is quiet."""
	if not quiet:
		print(text, flush=True)


def user_paths(text, environment=os.environ):
	"""
	The @text of a compiler with paths that the user knows: paths of the project begin at the top of the checkout, other
	paths are those of the host.
	"""
	text = re.sub(r"(?<![\w./-])(\.\./)*/?project/(?=\S)", "", text)
	return re.sub(r"(?<![\w./-])/(build|cache|tree|dir)(/[^\s:;,'\")]*)", lambda match: host_path(match[0], environment), text)


def show_tail(text):
	for line in text.splitlines()[-TAIL:]:
		print("    " + line, file=sys.stderr)


def log_of(what):
	"""Path of the log of the stage that is called @what."""
	return os.path.join(LOGS, re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-") + ".log")


def run_logged(what, argv, quiet=False, show=True, **kwargs):
	"""
	Run the command @argv of one stage with its output in a log; the path of the log. If the command fails, print the
	end of the log if @show is set, and raise Failed.
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
	"""Give the files in @directory to the owner of @directory. Root has written them for the user who called sudo."""
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
	"""Write a file so that a reader finds either the old text or the new one."""
	temporary = path + ".new"
	with open(temporary, "w", encoding="utf-8") as f:
		f.write(text)
	os.rename(temporary, path)


def digest(*parts):
	"""One hash of all @parts and of where each ends."""
	total = hashlib.sha256()
	for part in parts:
		data = part.encode() if isinstance(part, str) else part
		total.update(b"%d:" % len(data) + data)
	return total.hexdigest()
