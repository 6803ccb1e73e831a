#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
check_no_gpu.py BINARY

Checks an IGT test program on a machine without a GPU: it lists its subtests and
describes each of them; and a run skips, with exit code 77, as root and as a user
who may open neither debugfs nor FUSE nor settings. If there is a GPU, the last
point cannot be checked, so the exit code of this script is 77, too.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
NOBODY = 65534	# a user and a group that own nothing


def run(*argv, **options):
	return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
		errors='replace', timeout=60, check=False, **options)


def listed_subtests(binary):
	done = run(binary, '--list-subtests')
	names = done.stdout.split()
	if done.returncode or not names:
		sys.exit(f'--list-subtests: exit code {done.returncode}\n{done.stdout}')
	bad = [name for name in names if not re.fullmatch('[a-z0-9-]+', name)]
	if bad or len(set(names)) != len(names):
		sys.exit(f'bad or repeated names: {bad or names}')
	return names


def check_descriptions(binary, names):
	done = run(binary, '--describe')
	described = dict(re.findall(r'^SUB (\S+) .*\n  (.*)', done.stdout, re.M))
	wrong = [name for name in names if described.get(name, 'NO DOCUMENTATION!').strip(' ').startswith('NO DOC')]
	if done.returncode or wrong:
		sys.exit(f'not described: {wrong}')


def expect_skip(who, done):
	if done.returncode != SKIP:
		sys.exit(f'exit code {done.returncode} instead of {SKIP} for {who}\n{done.stdout}')


def check_nobody(binary):
	"""Runs a copy of the program, because other users may not look into the build directory."""
	with tempfile.TemporaryDirectory() as directory:
		os.chmod(directory, 0o755)
		copy = shutil.copy(binary, directory)
		expect_skip('a user without rights', run(copy, user=NOBODY, group=NOBODY, extra_groups=[], cwd=directory))


def main(binary):
	names = listed_subtests(binary)
	check_descriptions(binary, names)
	if glob.glob('/dev/dri/renderD*'):
		print('there is a GPU, so this run does not show that the test skips without one')
		return SKIP
	expect_skip('this user', run(binary))
	if os.geteuid() == 0:
		check_nobody(binary)
	return 0


if __name__ == '__main__':
	sys.exit(main(*sys.argv[1:]))
