# SPDX-License-Identifier: MIT
"""Tests ./run exec: its arguments, the script that the guest runs, and the verdict on its end."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

IGT_TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, IGT_TESTS)

from harness import arguments, step
from harness.bench import bench
from harness.boot import qemu
from harness.build import kernel
from harness.commands import execute
from harness.suites import scenarios

IMAGE = kernel.Image("bzImage", "modules", "7.3.4")
RUN = os.path.join(IGT_TESTS, "../run")


def parse(text):
	return arguments.parse(["exec", *text.split()])


def section(text, name="exec"):
	return execute.section(name, parse(text))[name]


def spec(text):
	args = parse(text)
	return execute.spec_of("exec", args, IMAGE, execute.section("exec", args)["exec"], "true\n")


class Clock(unittest.TestCase):
	def test_a_boot_may_count_instructions(self):
		config = scenarios.all_scenarios()
		for name, wanted in (("igt-icount", True), ("igt-hws-sdma", False)):
			self.assertEqual(scenarios.spec_of(name, config[name], IMAGE, "true\n").icount, wanted, name)


class Memory(unittest.TestCase):
	def test_a_boot_has_no_less_than_others_of_its_kernel(self):
		for page_size, usual in (("4k", 1024), ("16k", 4096), ("64k", 8192)):
			config = scenarios.with_page_size(scenarios.all_scenarios(), page_size)
			for name, wanted in (("igt-hws-sdma", usual), ("igt-vmids-hws-sdma", max(usual, 2048))):
				self.assertEqual(scenarios.spec_of(name, config[name], IMAGE, "true\n").memory_mb, wanted, (name, page_size))


class Render(unittest.TestCase):
	def test_a_boot_may_choose_its_render_node(self):
		config = scenarios.all_scenarios()
		for name, wanted in (("igt-cpx-hws-sdma", True), ("igt-xcc-hws-sdma", False)):
			self.assertEqual("! -name renderD129 -delete" in scenarios.spec_of(name, config[name], IMAGE, "true\n").command, wanted, name)


class Arguments(unittest.TestCase):
	def test_command_is_left_alone(self):
		args = parse("--seed 3 -- prog --seed 4 --dir /x -- --icount")
		self.assertEqual((args.seed, args.dir, args.icount), (3, None, False))
		self.assertEqual(args.words, ["prog", "--seed", "4", "--dir", "/x", "--", "--icount"])

	def test_no_command(self):
		for text in ("", "--", "--seed 3", "--seed 3 --"):
			with self.assertRaisesRegex(arguments.Wrong, "-- COMMAND", msg=text):
				parse(text)

	def test_refused(self):
		# An abbreviation like --di must be refused, because `run` itself looks for --dir and would not see it.
		for text in ("prog", "--di /x -- prog", "--gpus 0 -- prog", "--stock --debug -- prog", "--debug --control x -- prog"):
			with self.assertRaises(arguments.Wrong, msg=text):
				parse(text)

	def test_boot(self):
		plain = section("-- prog")
		self.assertEqual((plain["kernel"], plain["gpus"], plain["seed"]), ("patched", "1", ""))
		self.assertEqual(plain["params"].split(), ["sched_policy=0", "vm_update_mode=0"])
		other = section("--mode nohws-cpu --gpus 2 --seed 7 --params a=1 --vgpu=--real-clock -- prog")
		self.assertEqual((other["gpus"], other["seed"], other["vgpu"]), ("2", "7", "--real-clock"))
		self.assertEqual(other["params"].split(), ["sched_policy=2", "vm_update_mode=3", "a=1"])
		self.assertEqual(section("--stock -- prog")["kernel"], "debian")
		self.assertEqual(section("--debug -- prog")["kernel"], scenarios.DEBUG)
		control = section("--control no-recheck -- prog")
		self.assertEqual((control["kernel"], control["vgpu"].strip()), ("controls", "--fault late-tlb-ack"))
		self.assertIn("control=no-recheck", control["params"].split())

	def test_iommu(self):
		for text, wanted in (("", False), ("--iommu", True)):
			self.assertEqual(spec(text + " -- prog").iommu, wanted, text)
			self.assertEqual("IOMMU" in scenarios.label(section(text + " -- prog")), wanted, text)

	def test_unknown(self):
		for text in ("--mode no-mode -- prog", "--control no-control -- prog"):
			with self.assertRaises(arguments.Wrong, msg=text):
				parse(text)

	def test_timeout(self):
		usual = execute.TIMEOUT["exec"]
		for text, seconds in (("", usual), ("--debug", usual * scenarios.DEBUG_SLOWER), ("--icount", usual * bench.ICOUNT_FACTOR),
				("--timeout 7 --debug --icount", 7), ("--timeout 0", 0)):
			self.assertEqual(spec(text + " -- prog").timeout, seconds, text)

	def test_accel(self):
		for text, accel in (("", "tcg"), ("--accel tcg", "tcg"), ("--accel kvm", "kvm")):
			self.assertEqual(spec(text + " -- prog").accel, accel, text)

	def test_gdb(self):
		self.assertEqual((spec("-- prog").gdb, spec("--gdb 1234 -- prog").gdb), (0, 1234))
		self.assertEqual((spec("--gdb 1234 -- prog").timeout, spec("--gdb 1234 --timeout 9 -- prog").timeout), (0, 9))
		with mock.patch.dict(os.environ, {"HOST_BUILD": "/cache/mine"}):
			self.assertEqual(execute.gdb_line(1234, "patched"), "gdb -ex 'target remote :1234' /cache/mine/kernel/vmlinux, then continue")
			for flavour, path in (("controls", "kernel"), ("debug", "kernel-debug"), ("64k-base", "kernel-64k-base")):
				self.assertIn(f" /cache/mine/{path}/vmlinux, ", execute.gdb_line(1234, flavour))
			for flavour in ("debian", "16k-debian"):
				self.assertNotIn("vmlinux", execute.gdb_line(1234, flavour))

	def test_memory(self):
		for text, memory in (("", 1024), ("--page-size 64k", 8192), ("--debug", scenarios.DEBUG_MEMORY_MB), ("--memory 512 --debug", 512)):
			self.assertEqual(spec(text + " -- prog").memory_mb, memory, text)

	def demo(self, *words):
		"""Returns the name, the arguments and the script with which ./run demo @words boots."""
		with mock.patch.object(execute, "boot_command") as booted, mock.patch.object(execute, "verdict", return_value=0), \
				mock.patch.object(execute.project, "build"), contextlib.redirect_stdout(io.StringIO()):
			execute.cmd_demo(arguments.parse(["demo", *words]))
		return booted.call_args.args

	def test_demo(self):
		self.assertEqual((self.demo("--accel", "kvm")[1].accel, self.demo("--page-size", "64k")[1].page_size), ("kvm", "64k"))
		name, args, text = self.demo()
		self.assertEqual((args.accel, args.page_size), (None, None))
		entry = execute.section(name, args)["demo"]
		self.assertEqual((entry["mode"], entry["gpus"], entry["seed"]), (execute.DEFAULT_MODE, "1", ""))
		self.assertIn(execute.project.GATHER, text)


class CallerDirectory(unittest.TestCase):
	"""Tests caller_dir(), the function of `run` that finds the directory of --dir."""

	def found(self, *words, where="/"):
		with open(RUN, encoding="utf-8") as file:
			function = re.search(r"^caller_dir\(\) \{\n.*?^\}\n", file.read(), re.M | re.S)[0]
		text = 'fail() { echo "$@" >&2; exit 1; }\n' + function + 'caller_dir "$@"'
		done = subprocess.run(["bash", "-euc", text, "bash", *words], cwd=where, capture_output=True, text=True, check=False,
			env={**os.environ, "PWD": where})
		return done.stdout.removesuffix("\n") if done.returncode == 0 else None

	def test_found(self):
		with tempfile.TemporaryDirectory() as top:
			odd, link = os.path.join(top, "a b"), os.path.join(top, "link")
			os.mkdir(odd)
			os.symlink(odd, link)
			self.assertEqual(self.found("--seed", "3", "--", "prog", where=top), top)
			self.assertEqual(self.found("--dir", odd, "--", "prog"), odd)
			self.assertEqual(self.found("--dir=a b", "--", "prog", where=top), odd)
			self.assertEqual(self.found("--", "prog", "--dir", odd, where=top), top)
			# The path stays as the user wrote it, even if it is a link.
			self.assertEqual(self.found("--dir", link, "--", "prog"), link)
			self.assertEqual(self.found("--", "prog", where=link), link)

	def test_missing(self):
		self.assertIsNone(self.found("--dir", "/no/such/directory", "--", "prog"))
		self.assertIsNone(self.found("--dir"))


class Directory(unittest.TestCase):
	"""Tests that a directory of the user cannot hide a directory that the guest needs."""

	def test_needed(self):
		with tempfile.TemporaryDirectory() as top, mock.patch.object(step, "DIR", os.path.join(top, "dir")):
			system, program = os.path.join(top, "usr"), os.path.join(top, "usr/bin/program")
			os.makedirs(os.path.dirname(program))
			os.mkdir(step.DIR)
			for path in (program, os.path.join(step.DIR, "mine.c")):
				with open(path, "w", encoding="utf-8"):
					pass
			for path, needed in ((system, True), (os.path.dirname(program), True), (os.path.join(system, "src/mine"), False),
					# step.DIR is the user's directory itself, so mounting it there hides nothing.
					(step.DIR, False), ("/", True), ("/run", True), ("/tmp", False)):
				self.assertEqual(execute.is_needed(path), needed, path)


LINES = ("stdbuf", "-oL")


def run_text(script, share=None, **options):
	"""
	Run the @script, which is made for a guest, here. Its exec.sh is from the folder guest, or a copy in the
	directory @share.
	"""
	if share:
		shutil.copy(os.path.join(step.GUEST, "exec.sh"), share)
	script = script.replace(qemu.SHARE, share or step.GUEST)
	return subprocess.run(["sh", "-c", script], capture_output=True, check=False, **options)


class Text(unittest.TestCase):
	"""Tests the shell script that the guest runs."""

	def test_words_stay_words(self):
		words = ["printf", "%s|", "a b", "'", '"$HOME"', "", "new\nline", "*"]
		for prefix in ((), LINES):
			done = run_text(execute.text_of(words, prefix=prefix), text=True)
			self.assertEqual(done.stdout, "".join(word + "|" for word in words[2:]))

	def test_status(self):
		for words, status in ((["sh", "-c", "exit 3"], 3), (["no-such-program"], 127), (["sh", "-c", "kill -9 $$"], -9)):
			done = run_text(execute.text_of(words, prefix=LINES))
			self.assertEqual(done.returncode, status, words)

	def test_errors_apart(self):
		with tempfile.TemporaryDirectory() as share:
			done = run_text(execute.text_of(["sh", "-c", "echo out; echo err >&2"], errors=True), share, text=True)
			self.assertEqual((done.stdout, done.stderr), ("out\n", ""))
			self.assertEqual(step.read(os.path.join(share, qemu.ERRORS)), "err\n")

	def test_c_file(self):
		with mock.patch.object(execute, "compiler", return_value=0), mock.patch.object(os, "makedirs"):
			self.assertEqual(execute.compiled(["prog", "x.c"]), ["prog", "x.c"])
			self.assertEqual(execute.compiled(["sub/x.c", "-v"]), [os.path.join(execute.COMPILED, "x"), "-v"])
		with mock.patch.object(execute, "compiler", return_value=1), mock.patch.object(os, "makedirs"), \
				mock.patch.dict(os.environ, {"HOST_DIR": "/home"}), self.assertRaisesRegex(step.Failed, "x.c does not compile"):
			execute.compiled(["x.c"])

	def test_paths_of_the_caller(self):
		with mock.patch.object(subprocess, "run", return_value=mock.Mock(stderr="")) as called, \
				mock.patch.dict(os.environ, {"HOST_DIR": "/srv/me"}):
			execute.compiler(["-o", "/srv/me/x", "/srv/me/sub/x.c", "/srv/mean.c", "y.c"])
		words = called.call_args.args[0]
		self.assertEqual([word for word in words if word.endswith(".c") or word.endswith("/x")],
			[step.DIR + "/x", step.DIR + "/sub/x.c", "/srv/mean.c", "y.c"])


class Output(unittest.TestCase):
	def test_one_stream(self):
		text = f"import sys; sys.path.insert(0, {IGT_TESTS!r}); from harness.commands import execute; sys.exit(execute.is_one_stream())"
		for stderr, one in ((subprocess.STDOUT, 1), (subprocess.PIPE, 0)):
			done = subprocess.run([sys.executable, "-B", "-c", text], stdout=subprocess.PIPE, stderr=stderr, check=False)
			self.assertEqual(done.returncode, one)


class Verdict(unittest.TestCase):
	def judged(self, status, console="", dmesg="", icount=False, debug=False, problems=(), log=""):
		"""Returns (exit status of ./run, its output on standard error) for a boot that ended like this."""
		with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stderr(io.StringIO()) as said:
			where = qemu.Boot(directory)
			os.mkdir(where.share)
			for path, text in ((where.console, console), (where.dmesg, dmesg)):
				with open(path, "w", encoding="utf-8") as file:
					file.write(text)
			outcome = qemu.Outcome(status=status, problems=list(problems))
			entry = section("--debug -- prog" if debug else "-- prog")
			entry["log"] = log
			found = scenarios.problems_of(outcome, where, entry, icount)
			return execute.verdict(outcome, found, where), said.getvalue()

	def test_status_is_the_command_s(self):
		for status in (0, 1, 3, 77, 127, 139):
			self.assertEqual(self.judged(status), (status, ""))

	def test_the_log_has_the_lines_of_the_table(self):
		line = "[    9.1] kfd kfd: Total number of KFD nodes to be created: 2"
		self.assertEqual(self.judged(0, dmesg=line + "\n", log="\ncreated: 2$"), (0, ""))
		status, said = self.judged(0, dmesg=line + "\n", log="\ncreated: 2$\ncreated: 1$")
		self.assertEqual(status, 1)
		self.assertIn("the kernel's log lacks: created: 1$", said)

	def test_a_bad_boot_fails(self):
		warning = "[    9.1] WARNING: mm/memory.c:1 at f+0x1/0x2\n"
		hogged = "[    9.1] workqueue: amdgpu_tlb_fence_work [amdgpu] hogged CPU for >10000us 4 times, consider switching\n"
		for status in (0, 3, None):
			for changes in ({"dmesg": warning}, {"console": warning}, {"dmesg": hogged, "icount": True}, {"debug": True},
					{"problems": ["vgpu ended with 4: oracle: violation"]}, {"problems": ["no end after 300 s"]}):
				found, said = self.judged(status, **changes)
				self.assertEqual(found, 1, changes)
				self.assertRegex(said, "^run: .+\n", changes)
		self.assertEqual(self.judged(0, dmesg=hogged), (0, ""))

	def test_no_end(self):
		self.assertEqual(self.judged(None)[0], 1)


if __name__ == "__main__":
	unittest.main()
