# SPDX-License-Identifier: MIT
"""Tests which suites, boots and tests ./run test chooses, its files for --failed and --junit, and its output."""

import os
import re
import sys
import unittest
from unittest import mock
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import arguments, step
from harness.boot import qemu
from harness.commands import listing, test
from harness.suites import debug, scenarios, trials
from harness.verdict import record, results
from harness.verdict.results import FAIL, PASS, SKIP, Case

SUBTESTS = {"amd_userptr_hsa": ["fork-cow", "stock-gap"], "amd_kfd_aql": ["dispatch"], "amd_userptr_scatter": ["hole"]}


def listed(programs, _directory=None):
	return [f"igt@amdgpu/{program}@{name}" for program in programs for name in SUBTESTS.get(program, [])]


def choice(text, failed=()):
	with mock.patch.object(record, "failed", return_value=list(failed)):
		return test.choice_of(arguments.parse(["test", *text.split()]))


def kept(suite, change):
	"""Let the function @change change the scenarios. Returns {boot: the tests that it then runs} of @suite."""
	config = scenarios.all_scenarios()
	with mock.patch.object(scenarios, "listed_tests", listed):
		change(config)
		return {name: sorted(name for part in scenarios.parts_of(config[name]) for name in part.tests)
			for name in config.sections() if config[name]["suite"] == suite}


class Suites(unittest.TestCase):
	def test_all(self):
		self.assertEqual(choice("").suites, [name for name in arguments.suites() if name != "deb"])
		self.assertTrue(choice("").is_whole())

	def test_only_if_named(self):
		self.assertEqual(choice("deb style").suites, ["style", "deb"])
		self.assertTrue(choice("deb").is_whole())

	def test_some_in_their_order(self):
		self.assertEqual(choice("igt style").suites, ["style", "igt"])
		self.assertTrue(choice("igt style").is_whole())

	def test_of_options(self):
		self.assertEqual(choice("--debug").suites, ["kunit", "device", "igt", "soak"])
		self.assertEqual(choice("--debug igt").suites, ["igt"])
		self.assertEqual(choice("amd_userptr_hsa").suites, ["igt"])
		self.assertEqual(choice("stock amd_userptr_hsa").suites, ["stock"])
		for text in ("--debug", "amd_userptr_hsa", "igt --mode hws-cpu", "igt --seed 3"):
			self.assertFalse(choice(text).is_whole(), text)

	def test_page_size(self):
		self.assertEqual(choice("--page-size 64k").suites, ["lib", "kunit", "device", "igt", "soak", "stock"])
		self.assertEqual(choice("amd_userptr_hsa --page-size 16k").suites, ["igt"])
		self.assertFalse(choice("igt --page-size 64k").is_whole())
		self.assertTrue(choice("igt --page-size 4k").is_whole())
		config = scenarios.with_page_size(scenarios.all_scenarios(), "64k")
		self.assertEqual({config[name]["kernel"] for name in config.sections()}, {"64k", "64k-base"})
		stock = config["stock-hws-sdma"]
		self.assertEqual(stock["kernel"], "64k-base")
		self.assertIn("igt@amdgpu/amd_userptr_hsa@stock-gap", results.expected_fails(stock["expected-fails"]))
		self.assertIn("igt@amdgpu/amd_userptr_stock_bugs@split-clear", results.expected_fails(stock["expected-fails"]))
		entry = config["igt-hws-sdma"]
		self.assertEqual(scenarios.label(entry), "hws-sdma 64k")
		self.assertTrue(scenarios.directory("igt-hws-sdma", entry).endswith("/igt-hws-sdma-64k"))
		self.assertIn("meson-arm64", scenarios.test_directory(entry))
		self.assertNotIn("64k", scenarios.label(scenarios.with_page_size(scenarios.all_scenarios(), "4k")["igt-hws-sdma"]))

	def test_no_iommu_with_large_pages(self):
		config = scenarios.with_page_size(scenarios.all_scenarios(), "64k")
		with mock.patch.object(qemu, "boot_guest", side_effect=AssertionError("booted")):
			case, = scenarios.boot_tests("igt-iommu-hws-sdma", config["igt-iommu-hws-sdma"], None)
		self.assertEqual((case.verdict, case.detail), (SKIP, scenarios.NO_IOMMU))

	def test_all_tests_may_skip_with_large_pages(self):
		for page_size, wanted in (("4k", []), ("64k", ["igt-offline"])):
			config = scenarios.with_page_size(scenarios.all_scenarios(), page_size)
			self.assertEqual([name for name in config.sections() if config[name].getboolean("chosen")], wanted, page_size)

	def test_tests_left_out_with_large_pages(self):
		for page_size, wanted in (("4k", True), ("16k", False)):
			entry = scenarios.with_page_size(scenarios.all_scenarios(), page_size)["igt-hostile-hws-sdma"]
			for test, runs in (("amd_userptr_hostile@evict-restore", wanted), ("amd_userptr_hostile@evict-restore-kfd", False),
					("amd_userptr_hostile@restore", True), ("amd_userptr_stock_bugs@restore-window-hsa", wanted),
					("amd_userptr_mixed@svm-beside", True), ("amd_userptr_stock_bugs@unmap-split-kfd", False)):
				self.assertEqual(bool(re.search(entry["only"], "igt@amdgpu/" + test)), runs, (page_size, test))

	def test_accel(self):
		self.assertEqual((choice("").accel, choice("--accel tcg").accel, choice("--accel kvm").accel), ("tcg", "tcg", "kvm"))
		self.assertEqual(choice("--accel kvm").suites, arguments.usual_suites())
		self.assertTrue(choice("--accel tcg").is_whole())
		self.assertFalse(choice("--accel kvm").is_whole())
		self.addCleanup(qemu.set_accel, None)
		qemu.set_accel("kvm")
		self.assertEqual(scenarios.label(scenarios.all_scenarios()["igt-hws-sdma"]), "hws-sdma kvm")

	def test_jobs(self):
		self.assertEqual((choice("").jobs, choice("--jobs 1").jobs), (3, 1))


class Debug(unittest.TestCase):
	def of(self, everything):
		config = debug.scenarios_of("igt", everything)
		return {name: config[name] for name in config.sections() if config[name]["suite"] == "igt"}

	def test_some_tests_only(self):
		whole, found = self.of(True), self.of(False)
		self.assertEqual({entry["kernel"] for entry in whole.values()}, {scenarios.DEBUG})
		self.assertIn("igt-hws-cpu", whole)
		self.assertNotIn("igt-hws-cpu", found)
		for name, test, where in (("igt-matrix-hws-sdma", "matrix@anon-fork-restore-pm4", (whole, found)),
				("igt-matrix-hws-sdma", "matrix@anon-fork-idle-pm4", (whole,)),
				("igt-hws-sdma", "hsa@fork-cow", (whole, found)),
				("igt-hws-sdma", "hsa@va-unmap-while-evicted", ())):
			for boots in (whole, found):
				self.assertEqual(bool(re.search(boots[name]["only"], f"igt@amdgpu/amd_userptr_{test}")),
					any(boots is one for one in where), test)

	def test_the_rest_is_skipped(self):
		cases = {case.name: case for case in debug.shortened(["igt"])}
		self.assertEqual(set(cases), {name for name, entry in self.of(True).items() if entry["debug"]})
		self.assertEqual({case.verdict for case in cases.values()}, {SKIP})
		self.assertEqual(debug.shortened(["soak"]), [])
		self.assertEqual({case.name for case in debug.shortened(["igt"], ["hws-cpu"])}, {"igt-hws-cpu"})

	def test_left_out_tests_exist(self):
		names = ["amd_userptr_scatter@heal-uffd-wp", "amd_userptr_stock_bugs@restore-window-hsa", "amd_userptr_hostile@evict-restore-kfd",
			"amd_userptr_hsa@va-unmap-while-evicted"]
		with mock.patch.object(scenarios, "listed_tests", return_value=[f"igt@amdgpu/{name}" for name in names]):
			verdicts = {case.name: case.verdict for case in debug.left_out()}
		self.assertEqual([name for name, verdict in verdicts.items() if verdict == FAIL], ["amd_userptr_hostile@evict-restore"])
		self.assertEqual(set(verdicts), set(debug.LEFT_OUT))

	def test_named_tests_run(self):
		self.assertTrue(choice("igt amd_userptr_hsa@fork-cow --debug").picked)
		self.assertFalse(choice("igt --debug --mode hws-sdma").picked)


class Programs(unittest.TestCase):
	def test_subtest_in_each_boot_that_has_it(self):
		found = kept("igt", lambda config: scenarios.keep_tests(config, "igt", ["amd_userptr_hsa@fork-cow"]))
		self.assertEqual(set(found), {"igt-hws-sdma", "igt-hws-cpu", "igt-nohws-sdma", "igt-nohws-cpu", "igt-default-page", "igt-iommu-hws-sdma",
			"igt-hdp-hws-sdma", "igt-hdp-nohws-cpu", "igt-xcc-hws-sdma", "igt-xcc-nohws-cpu", "igt-cpx-hws-sdma"})
		self.assertEqual({tuple(tests) for tests in found.values()}, {("igt@amdgpu/amd_userptr_hsa@fork-cow",)})

	def test_program(self):
		found = kept("igt", lambda config: scenarios.keep_tests(config, "igt", ["amd_userptr_hsa", "amd_userptr_scatter"]))
		self.assertEqual(found["igt-hws-sdma"], listed(["amd_userptr_hsa"]))
		self.assertEqual(found["igt-scatter-hws-sdma"], listed(["amd_userptr_scatter"]))

	def test_others_are_not_wanted(self):
		config = scenarios.all_scenarios()
		with mock.patch.object(scenarios, "listed_tests", listed):
			scenarios.keep_tests(config, "stock", ["amd_userptr_hsa"])
		entry = config["stock-hws-sdma"]
		self.assertEqual(entry["must-pass"], "igt@amdgpu/amd_userptr_hsa@stock-gap")
		self.assertEqual(results.expected_fails(entry["expected-fails"]), {})
		self.assertTrue(entry.getboolean("chosen"))

	def test_lines_are_not_wanted(self):
		config = scenarios.all_scenarios()
		self.assertTrue(config["igt-cpx-hws-sdma"]["log"])
		with mock.patch.object(scenarios, "listed_tests", listed):
			scenarios.keep_tests(config, "igt", ["amd_kfd_aql"])
		self.assertFalse(config["igt-cpx-hws-sdma"]["log"])

	def test_unknown(self):
		with self.assertRaisesRegex(step.Wrong, "amd_userptr_hsa@nothing"):
			kept("igt", lambda config: scenarios.keep_tests(config, "igt", ["amd_userptr_hsa@fork-cow", "amd_userptr_hsa@nothing"]))


class Failed(unittest.TestCase):
	FAILED = [["style", "", "file size"], ["igt", "igt-hws-cpu", "amd_userptr_hsa@fork-cow"], ["igt", "igt-reset-hws-sdma", "boot"],
		["negative", "negative-no-recheck", "no-recheck"]]

	def test_suites(self):
		found = choice("--failed", self.FAILED)
		self.assertEqual(found.suites, ["style", "igt", "negative"])
		self.assertEqual(found.failed_of("igt"), {"igt-hws-cpu": ["amd_userptr_hsa@fork-cow"], "igt-reset-hws-sdma": ["boot"]})
		self.assertEqual(found.failed_of("lib"), {})
		self.assertIsNone(choice("igt").failed_of("igt"))

	def test_no_suite(self):
		self.assertEqual(choice("--failed").suites, [])

	def test_set_up(self):
		self.assertIsNone(choice("--failed", [["igt", "", "set-up"], ["igt", "igt-reset-hws-sdma", "boot"]]).failed_of("igt"))

	def test_boots(self):
		found = kept("igt", lambda config: scenarios.keep_failed(config, "igt", choice("--failed", self.FAILED).failed_of("igt")))
		self.assertEqual(found, {"igt-hws-cpu": ["igt@amdgpu/amd_userptr_hsa@fork-cow"], "igt-reset-hws-sdma": []})
		config = scenarios.all_scenarios()
		scenarios.keep_failed(config, "igt", {"igt-reset-hws-sdma": ["boot"]})
		self.assertFalse(config["igt-reset-hws-sdma"].getboolean("chosen"))

	def test_remembered(self):
		def after(verdict, whole=(), old=self.FAILED):
			report = {"igt": [Case("hws-cpu amd_userptr_hsa@fork-cow", verdict, "", "igt-hws-cpu", "amd_userptr_hsa@fork-cow")]}
			return record.still_failed(old, report, whole)
		self.assertEqual(sorted(after(FAIL)), sorted(self.FAILED))
		self.assertEqual(after(PASS), [entry for entry in self.FAILED if entry[1] != "igt-hws-cpu"])
		self.assertEqual(after(PASS, ["igt"]), [entry for entry in self.FAILED if entry[0] != "igt"])
		self.assertEqual(after(FAIL, old=[]), [["igt", "igt-hws-cpu", "amd_userptr_hsa@fork-cow"]])


class Output(unittest.TestCase):
	REPORT = {"igt": [Case("hws-cpu a@x", PASS, "", "igt-hws-cpu", "a@x"), Case("hws-cpu a@y", FAIL, "got <1> & \x1b[0m", "igt-hws-cpu", "a@y")],
		"lib": [Case("lib-map", SKIP, "no GPU")]}

	def test_junit(self):
		root = ElementTree.fromstring(record.junit(self.REPORT))
		self.assertEqual([(suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("skipped")) for suite in root],
			[("igt", "2", "1", "0"), ("lib", "1", "0", "1")])
		self.assertEqual([case.get("classname") for case in root.iter("testcase")], ["igt.igt-hws-cpu", "igt.igt-hws-cpu", "lib"])
		self.assertEqual(next(root.iter("failure")).get("message"), "got <1> &  [0m")

	def printed(self, quiet, report=None):
		with mock.patch("builtins.print") as shown:
			status = results.report(report or self.REPORT, quiet)
		return status, "".join(call.args[0] + call.kwargs.get("end", "\n") for call in shown.call_args_list)

	def test_a_skip_has_a_reason(self):
		passed = Case("lib-range", PASS)
		status, text = self.printed(False, {"lib": [passed, Case("lib-map", SKIP, "no GPU")]})
		self.assertEqual(status, 0)
		self.assertIn("skipped: lib: lib-map: no GPU\n", text)
		status, text = self.printed(True, {"lib": [passed, Case("lib-map", SKIP)]})
		self.assertEqual(status, 1)
		self.assertIn(f"failed: lib: lib-map: skipped, but {results.NO_REASON}\n", text)
		self.assertTrue(text.endswith("1 passed, 1 failed, 0 skipped\n"))

	def test_quiet(self):
		text = self.printed(True)[1]
		self.assertNotIn("skipped: ", text)
		self.assertIn("failed: igt: hws-cpu a@y: got", text)
		self.assertTrue(text.endswith("1 passed, 1 failed, 1 skipped\n"))

	def test_descriptions(self):
		text = "this program\n\nSUB fork-cow ../a.c:12:\n  A fork\n  and more\n\nSUB none ../a.c:13:\n\nSUB last ../a.c:14:\n  The last\n"
		self.assertEqual(listing.descriptions(text), {"fork-cow": "A fork", "none": "", "last": "The last"})

	def test_a_block_for_each_suite(self):
		self.assertEqual(sorted(listing.LINES), sorted(arguments.suites()))
		for suite in [*listing.COMMANDS, *trials.TABLES, "style"]:
			self.assertTrue(listing.LINES[suite](), suite)
		self.assertIn("igt-undo  hws-sdma", listing.LINES["igt"]())
		self.assertTrue(any(line.startswith("  ") and "gather" in line for line in listing.LINES["device"]()))

	def test_boots_of_a_program(self):
		self.assertIn("igt hws-cpu", listing.boots_of("amd_userptr_hsa"))
		self.assertEqual(listing.boots_of("amd_userptr_reset"), ["igt hws-sdma"])


if __name__ == "__main__":
	unittest.main()
