# SPDX-License-Identifier: MIT
"""
checkpatch.py LINUX_SRC STATE

Runs checkpatch of the kernel tree LINUX_SRC on the files that igt-tests/install-into-igt puts into a tree of IGT, as
they are there. checkpatch.ignore has the types of messages that do not count. checkpatch needs a second for each file,
so the file STATE keeps which files were clean, and only others are checked again.
"""

import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys
import tempfile

import install

IGNORE = os.path.join(install.COMPAT, "checkpatch.ignore")
OPTIONS = ["--no-tree", "--terse", "--show-types", "--no-summary", "--max-line-length=100"]
# checkpatch reports this line. If it did not, the test would prove nothing.
BAD, BAD_TYPE = "/* SPDX-License-Identifier: MIT */\nint bad; \n", "TRAILING_WHITESPACE"


def command(linux_src):
	types = [line.strip() for line in install.read(IGNORE).splitlines() if line.strip() and not line.startswith("#")]
	return ["perl", os.path.join(linux_src, "scripts/checkpatch.pl"), *OPTIONS, "--ignore", ",".join(types)]


def messages(words, tree, path):
	"""Returns the messages about the file @path of the @tree, or an empty text if it is clean."""
	done = subprocess.run([*words, "-f", path], cwd=tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
		stderr=subprocess.STDOUT, text=True, check=False)
	if done.returncode:
		return done.stdout.strip() or f"{path}: checkpatch ended with {done.returncode}"
	return ""


def known(state):
	try:
		return set(json.loads(install.read(state)))
	except (OSError, ValueError):
		return set()


def main(linux_src, state):
	words = command(linux_src)
	basis = install.read(words[1]) + " ".join(words[2:])
	with tempfile.TemporaryDirectory() as tree:
		install.small_tree(tree)
		before = install.contents(tree)
		done = install.install(tree)
		if done.returncode:
			return done.stderr
		files = {os.path.relpath(path, tree): text for path, text in install.contents(tree).items()
			if path not in before and path.endswith((".c", ".h"))}
		if len(files) < 100:
			return f"only {len(files)} files"
		install.write(os.path.join(tree, "bad.h"), BAD)
		if BAD_TYPE not in messages(words, tree, "bad.h"):
			return "checkpatch does not report a bad line"
		keys = {path: hashlib.sha256((basis + path + text).encode()).hexdigest() for path, text in files.items()}
		clean = known(state)
		todo = [path for path in sorted(files) if keys[path] not in clean]
		with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
			found = dict(zip(todo, pool.map(lambda path: messages(words, tree, path), todo)))
	install.write(state, json.dumps([key for path, key in keys.items() if not found.get(path)]))
	print(f"{len(files)} files, {len(todo)} of them checked now")
	return "\n".join(text for text in found.values() if text)


if __name__ == "__main__":
	sys.exit(main(*sys.argv[1:]) or 0)
