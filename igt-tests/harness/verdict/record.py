# SPDX-License-Identifier: MIT
"""
Keeps the list of tests that failed when they last ran, and the sums of the last run of all suites. Makes JUnit XML.
"""

import json
import os
from xml.etree import ElementTree

from harness import step
from harness.verdict.results import FAIL, PASS, SKIP, number

FAILED = os.path.join(step.BUILD, "failed.json")
SUMMARY = os.path.join(step.BUILD, "summary.txt")


def key(suite, case):
	return [suite, case.boot, case.test or case.name]


def failed():
	"""
	Returns [suite, boot, test] of each test that failed when it last ran. The boot is empty if the test needs no
	guest.
	"""
	return json.loads(step.read_or(FAILED, "[]"))


def still_failed(old, report, whole):
	"""
	Returns the list of failed tests after a run. @old is the list before the run, @report has its cases, and @whole
	names the suites that ran completely.
	"""
	ran = [key(suite, case) for suite, cases in report.items() for case in cases]
	left = [entry for entry in old if entry[0] not in whole and entry not in ran]
	return left + [key(suite, case) for suite, cases in report.items() for case in cases if case.verdict == FAIL]


def remember(report, whole):
	"""Write the list that ./run test --failed needs after a run. The arguments are those of still_failed()."""
	step.write(FAILED, json.dumps(still_failed(failed(), report, whole), indent=1) + "\n")


def add_case(parent, suite, case):
	element = ElementTree.SubElement(parent, "testcase", classname=".".join(filter(None, (suite, case.boot))), name=case.name)
	if case.verdict != PASS:
		# A test may have printed control characters, which XML cannot have. Replace them by blanks.
		text = "".join(letter if letter >= " " else " " for letter in case.detail)
		ElementTree.SubElement(element, "failure" if case.verdict == FAIL else "skipped", message=text)


def junit(report):
	"""Returns the @report, {suite: cases}, as JUnit XML."""
	root = ElementTree.Element("testsuites")
	for suite, cases in report.items():
		element = ElementTree.SubElement(root, "testsuite", name=suite, tests=str(len(cases)),
			failures=str(number(cases, FAIL)), skipped=str(number(cases, SKIP)))
		for case in cases:
			add_case(element, suite, case)
	ElementTree.indent(root)
	return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
