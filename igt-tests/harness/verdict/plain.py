# SPDX-License-Identifier: MIT
"""
Makes igt_runner's results of the files that guest/plain.sh leaves. A guest for which Debian has no IGT has no
igt_runner, and its programs have the stand-in for libigt (igt-tests/compat/standin).
"""

import json
import os
import re

from harness import step
from harness.verdict import results

# Exit statuses: of IGT's programs, and of the programs timeout and sh when they end a process.
PASSED, SKIPPED, TIMED_OUT, KILLED = 0, 77, 124, 128 + 9
# A record of /dev/kmsg is PRIORITY,NUMBER,TIME,FLAGS;TEXT (Documentation/ABI/testing/dev-kmsg). The lines behind it that
# begin with a space say more about it.
RECORD = re.compile(r"(\d+),\d+,\d+,[^;]*;(.*)")
LEVEL = 7	# the bits of the level in PRIORITY
MARK = re.compile(r"plain\.sh: (?:test (\d+)|end)")
IGNORE = re.compile(r"\[IGT\] \S+ add ignored dmesg regex: (.*)")


def word_of(status, warned, errors):
	"""
	Returns igt_runner's word for a test that ended with @status. @warned says that the kernel printed a warning
	meanwhile, @errors is the text that the test wrote to standard error.
	"""
	if status in (TIMED_OUT, KILLED):
		return "timeout"
	if status > 128:
		return "crash"
	if status == SKIPPED:
		return "skip"
	if status == PASSED:
		return "dmesg-warn" if warned else "warn" if errors.strip() else "pass"
	return "dmesg-fail" if warned else "fail"


def logs_of(text):
	"""Returns {number of a test: its records [(level, text)]} of the kernel's log @text."""
	logs, current = {}, []
	for line in text.splitlines():
		match = RECORD.match(line)
		if not match:
			continue
		mark = MARK.search(match[2])
		if mark:
			current = logs.setdefault(int(mark[1]), []) if mark[1] else []
		else:
			current.append((int(match[1]) & LEVEL, match[2]))
	return logs


def warnings_of(log):
	"""Returns the records of a test's @log that are warnings, without those that the test expects."""
	expected = [re.compile(match[1]) for match in (IGNORE.search(text) for _, text in log) if match]
	return [text for level, text in log if level <= results.WARNING and not any(pattern.search(text) for pattern in expected)]


def entry_of(status, out, errors, log):
	"""Returns the entry of a test in igt_runner's results.json."""
	found = warnings_of(log)
	return {"result": word_of(status, bool(found), errors), "out": out, "err": errors,
		"dmesg": "".join(f"{text}\n" for _, text in log), "dmesg-warnings": "".join(f"{text}\n" for text in found)}


def write_results(directory):
	"""
	Write results.json to @directory, which has the files of guest/plain.sh. Writes nothing if they are missing, and
	nothing about a test that did not end.
	"""
	tests, logs = {}, logs_of(results.read(os.path.join(directory, "kmsg")))
	for number, line in enumerate(results.read(os.path.join(directory, "tests")).splitlines()):
		name, status = line.split()
		out, errors = (results.read(os.path.join(directory, f"{number}.{kind}")) for kind in ("out", "err"))
		tests[name] = entry_of(int(status), out, errors, logs.get(number, []))
	if tests:
		step.write(os.path.join(directory, "results.json"), json.dumps({"tests": tests}))
