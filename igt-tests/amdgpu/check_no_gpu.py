#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
check_no_gpu.py BINARY

Checks an IGT test program on a machine without a GPU: it lists its subtests and
describes each of them; and a run skips, with exit code 77. If there is a GPU,
the last point cannot be checked, so the exit code of this script is 77, too.
"""
import glob
import re
import subprocess
import sys

SKIP = 77


def run(*argv):
	return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
		errors='replace', timeout=60, check=False)


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


def main(binary):
	names = listed_subtests(binary)
	check_descriptions(binary, names)
	if glob.glob('/dev/dri/renderD*'):
		print('there is a GPU, so this run does not show that the test skips without one')
		return SKIP
	done = run(binary)
	if done.returncode != SKIP:
		sys.exit(f'exit code {done.returncode} instead of {SKIP}\n{done.stdout}')
	return 0


if __name__ == '__main__':
	sys.exit(main(*sys.argv[1:]))
