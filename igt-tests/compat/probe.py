#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Decides whether an installed libigt behaves as igt.h of this directory says.

The name libigt.so.0 stays the same whatever changes in the library. If a
function is missing, linking fails. But if an argument, the value of an enum, the
bit of a driver, or the way in which a subtest jumps has changed, nothing fails.
So this script links all functions of igt.h, then runs tests/igt_framework.c, and
compares its exit codes and its output.

  probe.py build WORKDIR LIBIGT CC [FLAGS...]   compile, link, run the basic subtests
  probe.py check BINARY                 run every subtest of a built binary

Prints one line; exit code 0 means that the library can be used.
"""
import os
import re
import stat
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTED_VERSIONS = ('2.4', '2.5')
PASS, SKIP, FAIL, CRASH, INVALID = 0, 77, 98, 139, 79

BASIC = {'pass': PASS, 'fail': FAIL, 'skip': SKIP, 'dynamic': PASS, 'fork': PASS}
ALL = BASIC | {
	'skip-on': SKIP, 'fail-u64': FAIL, 'fail-message': FAIL, 'crash': CRASH,
	'timeout': FAIL, 'named-0': PASS, 'named-1': PASS, 'named-*': PASS,
	'dynamic-fail': FAIL, 'dynamic-empty': SKIP, 'fork-fail': FAIL,
	'until-timeout': PASS, 'after-group': PASS, 'no-such-subtest': INVALID,
}


class Refused(Exception):
	"""The library does not behave as igt.h says; the message says what differs."""


def run(binary, *args):
	"""Run @binary with @args. Return its exit code as a shell shows it (128 + signal), and its output."""
	done = subprocess.run([binary, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
		timeout=60, text=True, errors='replace', check=False)
	code = done.returncode
	return (128 - code if code < 0 else code), done.stdout


def expect(binary, code, *args):
	got, output = run(binary, *args)
	if got != code:
		raise Refused(f'{" ".join(args)}: exit code {got} instead of {code}\n{output}')
	return output


def check_outcomes(binary, table):
	for name, code in table.items():
		expect(binary, code, '--run-subtest', name)


def check_output(binary):
	text = expect(binary, FAIL, '--run-subtest', 'fail')
	if 'Subtest fail: FAIL' not in text:
		raise Refused(f'no "Subtest fail: FAIL" in\n{text}')
	text = expect(binary, PASS, '--describe=pass')
	if 'A subtest that passes.' not in text:
		raise Refused(f'no description in\n{text}')
	listed = set(expect(binary, PASS, '--list-subtests').split())
	wanted = {name for name in ALL if name != 'no-such-subtest' and '*' not in name}
	if not wanted <= listed:
		raise Refused(f'--list-subtests lacks {sorted(wanted - listed)}')


def check_driver_bit(binary):
	"""
	Check that DRIVER_AMDGPU of igt.h means amdgpu. Without a GPU the message of the skip names the driver. With a
	GPU the subtest itself compares the driver's name.
	"""
	code, text = run(binary, '--run-subtest', 'device')
	if code not in (PASS, SKIP) or (code == SKIP and '(amdgpu)' not in text):
		raise Refused(f'driver bit of amdgpu: exit code {code}\n{text}')


def version(binary):
	_, text = run(binary, '--run-subtest', 'pass')
	found = re.search(r'IGT-Version: (\d+\.\d+)', text)
	if not found:
		raise Refused(f'no IGT-Version in\n{text}')
	return found.group(1)


def check_all(binary, table):
	expect(binary, FAIL, '--run-subtest', ','.join(BASIC))
	check_outcomes(binary, table)
	check_output(binary)
	check_driver_bit(binary)
	return version(binary)


def compile_and_link(workdir, libigt, compiler):
	programs = {'entry_points': 'entry_points.c', 'igt_framework': 'tests/igt_framework.c'}
	for name, source in programs.items():
		# -z now: if a function is missing, the program must fail at its start and not only at the call.
		done = subprocess.run(
			[*compiler, '-std=gnu11', '-D_GNU_SOURCE', '-I', HERE,
				'-o', os.path.join(workdir, name), os.path.join(HERE, source),
				libigt, '-ldrm', '-Wl,-z,now'],
			stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
		if done.returncode:
			raise Refused(f'{source} does not link:\n{done.stdout}')
	expect(os.path.join(workdir, 'entry_points'), PASS)
	return os.path.join(workdir, 'igt_framework')


def drop_stray_kmsg(existed):
	"""Remove /dev/kmsg if IGT created it: IGT opens it for writing, which makes a file if there is no device."""
	path = '/dev/kmsg'
	if not existed and os.path.exists(path) and stat.S_ISREG(os.stat(path).st_mode):
		os.unlink(path)


def main(argv):
	had_kmsg = os.path.exists('/dev/kmsg')
	try:
		if argv[1] == 'build':
			os.makedirs(argv[2], exist_ok=True)
			found = check_all(compile_and_link(argv[2], argv[3], argv[4:]), BASIC)
		else:
			found = check_all(argv[2], ALL)
	except (Refused, OSError, subprocess.TimeoutExpired) as reason:
		print(reason)
		return 1
	finally:
		drop_stray_kmsg(had_kmsg)
	print(found if found in TESTED_VERSIONS else f'{found} untested')
	return 0


if __name__ == '__main__':
	sys.exit(main(sys.argv))
