# SPDX-License-Identifier: MIT
"""Tests the files that the scripts of the folder guest leave in the share, and the words that Python expects in them."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import step
from harness.boot import qemu
from harness.build import kernel
from harness.suites import scenarios, shared, soak
from harness.verdict import results
from harness.verdict.results import FAIL, PASS

# Stands for igt_runner: writes its options and the lists of tests to files seen-*, makes an empty result, and fails.
RUNNER = """#!/bin/sh
while [ $# -gt 2 ]; do
	echo "$1"
	case $1 in
	--test-list) cp "$2" "$SHARE/seen-list" ;;
	-o) cp "$2/test-list.txt" "$SHARE/seen-programs"; mkdir "$3"; echo '{}' > "$3/results.json" ;;
	esac
	shift
done > "$SHARE/seen-words"
echo "${IGT_RUNNER_DISABLE_SOCKET_COMMUNICATION:-no}" > "$SHARE/seen-socket"
exit 7
"""


class Guest(unittest.TestCase):
	"""Runs scripts here, with a share, and with made-up programs instead of those of the guest."""

	def setUp(self):
		self.share = tempfile.mkdtemp()
		self.addCleanup(shutil.rmtree, self.share)
		for name in qemu.guest_scripts():
			shutil.copy(os.path.join(step.GUEST, name), self.share)
		self.bin = os.path.join(self.share, "bin")
		os.mkdir(self.bin)

	def program(self, name, text):
		path = os.path.join(self.bin, name)
		step.write(path, text)
		os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

	def run_lines(self, text):
		"""Run the shell script @text, which is made for a guest, here. Returns its exit status."""
		env = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "SHARE": self.share}
		return subprocess.run(["sh", "-c", text.replace(qemu.SHARE, self.share)], env=env, check=False).returncode

	def left(self, name):
		return step.read(os.path.join(self.share, name))


class Igt(Guest):
	def run_igt(self, **options):
		name = "-" + os.path.basename(self.share)
		for path in ("/tmp/igt" + name, "/tmp/igt-results" + name):
			self.addCleanup(shutil.rmtree, path, ignore_errors=True)
		self.program("igt_runner", RUNNER)
		line = scenarios.runner_line(["amd_a", "amd_b"], ["igt@amdgpu/amd_a@x", "igt@amdgpu/amd_b@y"], name=name, **options)
		self.assertEqual(self.run_lines(scenarios.all_lines(line)), 7)
		self.assertTrue(os.path.exists(os.path.join(self.share, f"results{name}.tar")))

	@unittest.skipUnless(shutil.which("busybox"), "no busybox")
	def test_lists(self):
		self.run_igt()
		self.assertEqual(self.left("seen-list"), "igt@amdgpu/amd_a@x\nigt@amdgpu/amd_b@y\n")
		self.assertEqual(self.left("seen-programs"), "TESTLIST\namdgpu/amd_a amdgpu/amd_b\nEND TESTLIST\n")
		self.assertEqual(self.left("seen-socket"), "no\n")
		self.assertEqual(self.left("seen-words").split()[:2], ["--per-test-timeout", str(scenarios.PER_TEST)])

	@unittest.skipUnless(shutil.which("busybox"), "no busybox")
	def test_one_process(self):
		self.run_igt(one_process=True, options="--prune-mode keep-subtests")
		self.assertIn("--multiple-mode", self.left("seen-words").split())
		self.assertEqual(self.left("seen-socket"), "1\n")


# Stands for igt_runner with a list: its last two words are the root of tests and the directory for the results.
LIST_RUNNER = """#!/bin/sh
echo "$@" > "$SHARE/seen-words"
echo "${IGT_RUNNER_DISABLE_SOCKET_COMMUNICATION:-no}" > "$SHARE/seen-socket"
while [ $# -gt 1 ]; do shift; done
mkdir "$1"
cp "$SHARE"/results.json "$SHARE"/joblist.txt "$1"
"""


class Lists(Guest):
	"""Runs a list of tests and the real command judge."""

	@unittest.skipUnless(shutil.which("busybox"), "no busybox")
	def run_list(self, word, log="nothing"):
		name = "-" + os.path.basename(self.share)
		self.addCleanup(shutil.rmtree, "/tmp/igt-results" + name, ignore_errors=True)
		shutil.rmtree("/tmp/igt-results" + name, ignore_errors=True)
		self.program("igt_runner", LIST_RUNNER)
		self.program("dmesg", f"#!/bin/sh\necho '{log}'\n")
		tests = {"igt@amdgpu/amd_a@x": {"result": "pass"}, "igt@amdgpu/amd_a@y": {"result": word}}
		step.write(os.path.join(self.share, "results.json"), json.dumps({"tests": tests}))
		step.write(os.path.join(self.share, "joblist.txt"), "amdgpu/amd_a x,y\n")
		judge = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../judge")
		line = qemu.script_line("lists.sh", name, "/root-of-tests", "/the/list", 60, judge, "guest")
		self.assertEqual(self.run_lines(scenarios.all_lines(line)), 0)
		self.assertTrue(os.path.exists(os.path.join(self.share, f"results{name}.tar")))
		cases = results.igt_cases([os.path.join(self.share, "results.json")], list(tests), re.compile("^$"), [])
		return scenarios.judge_case(cases, self.left("judge-status").strip(), self.left("judge"))

	def test_same_numbers(self):
		for word, status in (("pass", "0\n"), ("fail", "1\n"), ("skip", "1\n")):
			self.assertEqual(self.run_list(word).verdict, PASS, word)
			self.assertEqual(self.left("judge-status"), status, word)
		self.assertEqual(self.left("seen-socket"), "1\n")
		self.assertIn("--test-list /the/list /root-of-tests", self.left("seen-words"))

	def test_other_numbers(self):
		"""The judge sees a line of the kernel's log that the suite's cases do not have, so it comes to another verdict."""
		self.assertEqual(self.run_list("pass", "[ 1.0] WARNING: something").verdict, FAIL)
		for status, output in (("0", "2 passed, 0 failed, 0 skipped"), ("1", "3 passed, 0 failed, 0 skipped"), ("", "")):
			cases = [results.Case("a", PASS), results.Case("b", PASS)]
			self.assertEqual(scenarios.judge_case(cases, status, output).verdict, FAIL)

	def test_tests_of_list(self):
		path = os.path.join(self.share, "list")
		step.write(path, "# SPDX\nigt@amdgpu/amd_a@x\n\nigt@amdgpu/amd_a@y # why\n")
		self.assertEqual(scenarios.tests_of_list(path), ["igt@amdgpu/amd_a@x", "igt@amdgpu/amd_a@y"])


class Bare(unittest.TestCase):
	def verdicts(self, *runs):
		return [case.verdict for case in scenarios.bare_cases("".join(run + "\n" for run in runs), "the reason")]

	def test_skip_or_pass(self):
		self.assertEqual(self.verdicts("root amd_a 0", "nobody amd_a 77", "without-gpu amd_a 77"), [PASS] * 3)

	def test_failed(self):
		for run in ("root amd_a 98", "nobody amd_a 124", "without-gpu amd_a 0", "without-gpu amd_a 98"):
			self.assertEqual(self.verdicts(run), [FAIL], run)


class Programs(Guest):
	def test_each_has_log_and_status(self):
		text = qemu.script_line("programs.sh", "/", "echo one two; exit 3", "pwd")
		self.assertEqual(self.run_lines(text), 0)
		self.assertEqual([self.left(f"0.{what}") for what in ("log", "status")], ["one two\n", "3\n"])
		self.assertEqual([self.left(f"1.{what}") for what in ("log", "status")], ["/\n", "0\n"])

	def test_rocminfo(self):
		self.program("rocminfo", "#!/bin/sh\necho agents\nexit 2\n")
		self.assertEqual(self.run_lines(qemu.script_line("rocminfo.sh", 10)), 0)
		self.assertEqual((self.left("rocminfo"), self.left("rocminfo-status")), ("agents\n", "2\n"))

	def test_nothing_after_a_line_that_failed(self):
		self.assertEqual(self.run_lines(scenarios.all_lines("true", "sh -c 'exit 5'", "echo no > $SHARE/no")), 5)
		self.assertFalse(os.path.exists(os.path.join(self.share, "no")))

	def test_status_fails_the_boot(self):
		entry = scenarios.all_scenarios()["igt-hws-sdma"]
		for status, verdict in ((0, PASS), (7, FAIL)):
			with mock.patch.object(qemu, "boot_guest", return_value=qemu.Outcome(status)), mock.patch.object(step, "say"):
				case, = scenarios.boot_scenario("name", entry, kernel.Image("", "", ""), "", lambda where: [])
			self.assertEqual((case.test, case.verdict), ("boot", verdict), case.detail)

	def test_no_reload(self):
		step.write(os.path.join(self.share, "config"), "DRIVER=amdgpu\n")
		self.assertEqual(self.run_lines(scenarios.all_lines(scenarios.reload_line(0))), 0)


# Stands for amdgpu-userptr-info: as root it finds one GPU. It ends with the status in the file status-text, or with
# --json in the file status-json. For other users it fails, because setpriv sets the variable USER_IS_NOT_ROOT.
INFO = """#!/bin/sh
if [ -n "$USER_IS_NOT_ROOT" ]; then
	echo 'map: no: cannot open /dev/dri/renderD128: Permission denied'
	exit 1
elif [ "$1" = --json ]; then
	printf '{"gpus": [{"can_map": true, "isa": "gfx942", "hdp": '
	echo '{"needed": true, "way": "kernel", "status": {"kernel": 0, "submit": 0}}}]}'
	exit "$(cat "$SHARE/status-json")"
fi
printf 'map: yes\\nbackend: scatter\\nHDP flush: kernel: stores to VRAM pass the host data path\\n'
exit "$(cat "$SHARE/status-text")"
"""
AS_USER = """#!/bin/sh
while [ "$1" != amdgpu-userptr-info ]; do
	shift
done
USER_IS_NOT_ROOT=1 exec "$@"
"""


class Newcomer(Guest):
	def setUp(self):
		super().setUp()
		self.program("amdgpu-userptr-info", INFO)
		self.program("setpriv", AS_USER)
		# The script copies the packages to /, and writes to /tmp. Here it must do neither.
		self.program("cp", "#!/bin/sh\n")
		script = os.path.join(self.share, "newcomer.sh")
		step.write(script, step.read(script).replace("/tmp/", self.share + "/"))
		os.mkdir(os.path.join(self.share, "programs"))
		self.program("../programs/a.out", "#!/bin/sh\n: > $SHARE/ran\n")

	def status(self, text, json):
		"""Run the script while the tool ends with the status @text, and with --json with @json. Returns its status."""
		step.write(os.path.join(self.share, "status-text"), str(text))
		step.write(os.path.join(self.share, "status-json"), str(json))
		return self.run_lines(qemu.script_line("newcomer.sh", self.share) + " > /dev/null")

	def test_example_runs(self):
		self.assertEqual(self.status(0, 0), 0)
		self.assertTrue(os.path.exists(os.path.join(self.share, "ran")))

	def test_tool_fails_although_its_text_is_right(self):
		for text, json in ((3, 0), (0, 3)):
			self.assertNotEqual(self.status(text, json), 0, (text, json))
			self.assertFalse(os.path.exists(os.path.join(self.share, "ran")))


class Words(unittest.TestCase):
	"""Tests that scripts and Python use the same words. Otherwise only a boot would show that they do not."""

	def text(self, script):
		return step.read(os.path.join(step.GUEST, script))

	def test_marks(self):
		for what in ("begin", "end"):
			self.assertIn(f'echo "{shared.marker(what, "$name")}" > /dev/kmsg', self.text("trial.sh"))

	def test_counters(self):
		self.assertIn(f'echo "{soak.WORKERS}: ', self.text("soak.sh"))

	def test_trial(self):
		trial = {"control": "no-flush", "sabotage": "", "rules": "R1", "fails": ""}
		line = shared.trial_line(3, "name", ["amd_a"], ["igt@amdgpu/amd_a@x"], trial)
		self.assertTrue(line.startswith(f"sh {qemu.SHARE}/trial.sh 3 name no-flush '' early sh {qemu.SHARE}/igt.sh -name "), line)
		line = shared.trial_line(4, "afterwards", ["amd_a"], ["igt@amdgpu/amd_a@x"], None)
		self.assertTrue(line.startswith(f"sh {qemu.SHARE}/trial.sh 4 afterwards '' '' '' sh "), line)


if __name__ == "__main__":
	unittest.main()
