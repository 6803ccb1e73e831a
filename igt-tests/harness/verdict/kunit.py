# SPDX-License-Identifier: MIT
"""
Judges the results of KUnit tests in a kernel's log, which are in the format KTAP (Documentation/dev-tools/ktap.rst of
the kernel). The sources say which tests there are, so a suite or a test that did not run is a failure.
"""

import re

from harness.verdict import results

BEGIN = "kunit.sh: begin"	# guest/kunit.sh writes this line into the log before the tests run

# Match the parts of a test's source that name its suites and their tests.
CASES = re.compile(r"struct kunit_case (\w+)\[\] = \{(.*?)^\};", re.S | re.M)
CASE = re.compile(r"\bKUNIT_CASE\w*\((\w+)")
SUITE = re.compile(r"struct kunit_suite \w+ = \{(.*?)^\};", re.S | re.M)
MEMBER = r"\.{}\s*=\s*\"?(\w+)"

# Match lines of the log. The lines of a test are indented. Of the lines of a suite only the title is indented.
TITLE = re.compile(r"    # Subtest: (\w+)$")
RESULT = re.compile(r"(    )?(ok|not ok) \d+ (\w+)( # SKIP ?.*)?$")
REASON = re.compile(r"    # (\w+): ((?:EXPECTATION|ASSERTION) FAILED at .*|.*timed out.*|.*crash.*)")


def tests_in(text):
	"""Returns {suite: [tests]} of the source @text of KUnit tests."""
	arrays = {name: CASE.findall(body) for name, body in CASES.findall(text)}
	found = {}
	for body in SUITE.findall(text):
		name, cases = (re.search(MEMBER.format(member), body)[1] for member in ("name", "test_cases"))
		found[name] = arrays[cases]
	return found


def lines_of(log):
	"""Returns the lines of a @log behind the last line BEGIN, without their time stamps."""
	lines = [results.STAMP.sub("", line.rstrip()) for line in log.splitlines()]
	starts = [number for number, line in enumerate(lines) if line == BEGIN]
	return lines[starts[-1] + 1:] if starts else []


def results_in(log):
	"""
	Returns {(suite, test): (good, reason)} of a @log. The result of a suite as a whole has "" as its test. A test that
	skipped is not good, because the driver's tests need nothing that a machine could lack.
	"""
	found, reasons, suite = {}, {}, ""
	for line in lines_of(log):
		title, result, reason = TITLE.match(line), RESULT.match(line), REASON.match(line)
		if title:
			suite = title[1]
		elif reason:
			reasons.setdefault(reason[1], reason[2])
		elif result:
			indent, word, name, skip = result.groups()
			key = (suite, name) if indent else (name, "")
			good = word == "ok" and not skip
			found[key] = good, "" if good else (skip or reasons.get(name) or word).strip(" #")
			if not indent:
				suite = ""
	return found


def case(name, result):
	"""Returns the Case of the test or suite @name, whose @result is of results_in(), or None if it has none."""
	if not result:
		return results.Case(name, results.FAIL, "did not run")
	return results.Case(name, results.PASS if result[0] else results.FAIL, result[1])


def cases(log, wanted):
	"""
	Returns the cases of a boot with this @log. Each suite of @wanted, {suite: [tests]}, must have run all its
	tests. No other test may have run, because then the driver would not be built from these sources.
	"""
	found = results_in(log)
	keys = [(suite, test) for suite, tests in wanted.items() for test in (*tests, "")]
	made = [case(f"{suite}.{test}".rstrip("."), found.get((suite, test))) for suite, test in keys]
	made += [results.Case(f"{suite}.{test}".rstrip("."), results.FAIL, "is not in the sources")
		for suite, test in found if (suite, test) not in keys]
	empty = [suite for suite, tests in wanted.items() if not tests]
	if empty or not wanted:
		made.append(results.Case("sources", results.FAIL, "no tests in " + (", ".join(empty) or "the driver")))
	return made
