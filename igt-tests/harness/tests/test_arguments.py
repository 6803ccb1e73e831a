# SPDX-License-Identifier: MIT
"""Tests that arguments.sh (before the set-up) and arguments.py (in the build root) accept and refuse the same words."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import arguments, cli, step
from harness.bench import bench
from harness.boot import boots, qemu
from harness.build import debs, machine
from harness.commands import execute, fuzz
from harness.suites import soak

RUN = os.path.join(step.HARNESS, "../../run")
JUDGE = f". {step.HARNESS}/arguments.sh; judge_arguments \"$@\""
# A script that judges each line of its input. It prints the status, the length of standard output, and standard error
# of the judgement. One shell judges all lines, because a shell for each line would take minutes.
JUDGE_LINES = f""". {step.HARNESS}/arguments.sh
kvm=/dev/null	# opens on every machine
while read -ra words; do
	status=0
	out=$( (judge_arguments "${{words[@]}}" 2> "$1") ) || status=$?
	echo "$status ${{#out}} $(tr '\\n' '|' < "$1")"
done
"""

# Command lines that both programs must accept, and command lines that both must refuse.
GOOD = """
demo
test
test style lib
test igt amd_userptr_hsa@fork-cow
test amd_userptr_hsa amd_kfd_aql
test stock amd_userptr_hsa
test --mode hws-sdma --mode=nohws-cpu igt
test igt --seed 7
test igt --seed 1,5,9
test --seed=1..20 igt --jobs 2
test igt --seed 0007..00010
test igt --seed 999999999999500..1000000000000499
test igt --seed 18446744073709550116..18446744073709551016
test igt --seed 18446744073709550616..18446744073709551615
test --seed 7
test --control no-recheck negative
test negative --control no-recheck --seed 1..5
test --seed 1,2 igt negative --control=no-recheck
test --debug
test --debug igt --mode hws-sdma
test igt --debug amd_userptr_hsa@fork-cow --mode hws-sdma
fuzz pm4 --minutes 10 aql
test --failed
test --list
test --quiet --jobs 64 --junit /tmp/file
soak --minutes 0.5 --seed 1..2 --mode hws-cpu
bench --quick --icount --check --mode nohws-sdma --memory 2048
demo --page-size 64k
test --page-size 16k
test igt --page-size=64k amd_userptr_hsa
test stock --page-size 16k
test igt lib device soak --page-size 64k
soak --page-size 64k --minutes 1
bench --page-size 64k --check --icount
exec --page-size 4k -- prog
exec --page-size 64k --stock -- prog
shell --page-size 16k --gpus 2
demo --accel kvm
test --accel kvm
test igt --accel=kvm --mode hws-sdma amd_userptr_hsa
soak --accel tcg --minutes 1
exec --accel kvm --debug -- prog
shell --accel kvm --gpus 2
bench --part stall --part profile --ticks 1000
bench --stock --part restore --icount
bench --stock --page-size 16k
exec -- prog --mode --help -- x
exec --seed 18446744073709551615 --gpus 8 --stock -- prog.c
exec --iommu --stock --accel kvm -- prog
shell --iommu --debug
exec --params a=1 --vgpu=--real-clock --timeout 0 --dir / --gdb 1234 -- prog
shell --debug --memory 256
fuzz
fuzz pm4 aql --minutes 10
kernel build
kernel checkout
kernel export /tmp
kernel deb
kernel deb --config guest
kernel --config=debian deb
test deb
test deb --mode hws-sdma
readme
"""
BAD = """
nothing
--mode hws-sdma
demo --mode hws-sdma
demo word
test nothing
test --mode nothing
test --mode
test --minutes 3
test amd_nothing
test amd_userptr_hsa@Fork
test amd_userptr_hsa@a@b
test soak amd_userptr_hsa
test igt --seed
test igt --seed x
test igt --seed 5..1
test igt --seed 1..2000
test igt --seed 0..18446744073709551615
test igt --seed 999999999999500..1000000000000500
test igt --seed 18446744073709548616..18446744073709550516
test igt --seed 18446744073709550615..18446744073709551615
test igt --seed 1,,2
test igt --seed -1
test igt --seed 18446744073709551616
test --control nothing igt
test --control no-recheck soak
test negative --seed 1..5
test --seed=3 igt faults
test --debug stock
demo --page-size 8k
demo --page-size 64
test igt --page-size
test vgpu --page-size 64k
test igt --page-size 64k --debug
test --page-size 64k --failed
exec --page-size 64k --debug -- prog
exec --stock --debug --page-size 64k -- prog
fuzz --page-size 64k
test --debug --control no-recheck igt
test --list --failed
test --failed igt
test --jobs 0
test --jobs 65
test --quiet=yes
test --quie
soak --minutes -1
soak --minutes 0
soak --minutes x
soak --minutes 1.2.3
soak igt
bench --memory 1
bench --memory 1000000
bench --mode hws
bench --part nothing
bench --ticks 100
bench --check --part stall
bench --ticks 1000 --page-size 64k
bench --check --stock
bench --stock --ticks 1000
exec
exec --
exec prog
exec --seed 3 prog
exec --gpus 0 -- prog
exec --gpus 9 -- prog
exec --stock --debug -- prog
exec --debug --control no-recheck -- prog
exec --control nothing -- prog
exec --seed 1..2 -- prog
exec --timeout -1 -- prog
exec --gdb 80 -- prog
exec --vgpu --fault -- prog
shell word
shell --stock --debug
shell --debug --page-size 64k
demo --accel
demo --accel xen
test --accel KVM igt
demo --accel kvm --page-size 64k
test igt --page-size 4k --accel kvm
soak --accel kvm --page-size 16k
exec --accel kvm --icount -- prog
exec --icount --accel tcg -- prog
exec --accel kvm --page-size 64k -- prog
exec --iommu --page-size 64k -- prog
shell --iommu on
test igt --iommu
shell --accel kvm --icount
bench --accel kvm
fuzz --accel kvm
fuzz nothing
fuzz --minutes 0
kernel
kernel nothing
kernel checkout a b
kernel deb --config
kernel deb --config patched
kernel build --config guest
kernel checkout deb --config guest
kernel --config guest
test deb --page-size 64k
test deb --debug
test deb amd_userptr_hsa
readme now
"""


def lines(text):
	return [line.split() for line in text.splitlines() if line]


def judged(text):
	"""
	Let arguments.sh judge each line of @text. Returns for each (its words, (status, length of standard output),
	standard error with | in place of line ends).
	"""
	with tempfile.NamedTemporaryFile() as errors:
		done = subprocess.run(["bash", "-euc", JUDGE_LINES, "run", errors.name], input=text.strip() + "\n", capture_output=True,
			text=True, check=True)
	found = [line.split(" ", 2) for line in done.stdout.splitlines()]
	return [(words, (int(status), int(length)), error) for words, (status, length, error) in zip(lines(text), found, strict=True)]


def shell(words):
	"""Let arguments.sh judge the @words. Returns (status, standard output, standard error)."""
	done = subprocess.run(["bash", "-euc", JUDGE, "run", *words], capture_output=True, text=True, check=False)
	return done.returncode, done.stdout, done.stderr


class Judgement(unittest.TestCase):
	def test_taken(self):
		for words, found, error in judged(GOOD):
			self.assertEqual((found, error), ((0, 0), ""), words)
			arguments.parse(words)

	def test_refused(self):
		for words, found, error in judged(BAD):
			self.assertEqual(found, (2, 0), words)
			self.assertRegex(error, r"\Arun: [^|]+\|\Z", words)
			with self.assertRaises(arguments.Wrong, msg=words):
				arguments.parse(words)

	def test_paths_of_the_machine(self):
		for words in (["exec", "--dir", "/no/such", "--", "prog"], ["test", "--junit", "/no/such/file"], ["test", "--junit", "/"]):
			self.assertEqual(shell(words)[0], 2, words)

	def test_kvm(self):
		"""Lets arguments.sh open other files in the place of /dev/kvm. Without a terminal /dev/tty does not open."""
		with tempfile.TemporaryDirectory() as directory:
			file, missing = os.path.join(directory, "file"), os.path.join(directory, "missing")
			step.write(file, "")
			for path, accel, reason in (("/dev/null", "kvm", None), (missing, "tcg", None), (missing, "kvm", f"this machine has no {missing}"),
					(file, "kvm", f"this machine has no {file}"), ("/dev/tty", "kvm", r"/dev/tty cannot be opened \([^()]+\)")):
				text = JUDGE.replace("judge_arguments", f"kvm={path}; judge_arguments")
				done = subprocess.run(["bash", "-euc", text, "run", "demo", "--accel", accel], capture_output=True, text=True,
					start_new_session=True, check=False)
				self.assertEqual((done.returncode, done.stdout), (2 if reason else 0, ""), path)
				self.assertRegex(done.stderr, rf"\Arun: --accel kvm: {reason}\n\Z" if reason else r"\A\Z")
			self.assertEqual(os.listdir(directory), ["file"])

	def test_wrong_word_before_the_set_up(self):
		with tempfile.TemporaryDirectory() as directory:
			cache = os.path.join(directory, "cache")
			done = subprocess.run([RUN, "test", "nothing"], env={**os.environ, "AMDGPU_USERPTR_CACHE": cache}, stdin=subprocess.DEVNULL,
				capture_output=True, text=True, timeout=60, check=False)
			self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
			self.assertRegex(done.stderr, r"\Arun: unknown suite 'nothing'; [^\n]+\n\Z")
			self.assertFalse(os.path.exists(cache))

	def test_tree_of_the_command_kernel(self):
		"""`run` mounts the TREE, and must not take the value of an option for it."""
		function = re.search(r"^named_tree\(\) \{$.*?^\}$", step.read(RUN), re.M | re.S)[0]
		for words, tree in ((["checkout"], ""), (["checkout", "/x"], "/x"), (["deb", "--config", "guest"], ""),
				(["--config", "guest", "deb"], ""), (["deb", "--config=guest"], ""), (["--config", "guest", "deb", "/x"], "/x")):
			done = subprocess.run(["bash", "-euc", function + '\nnamed_tree "$@"', "run", *words], capture_output=True, text=True,
				check=True)
			self.assertEqual(done.stdout, tree + "\n", words)

	def test_words_of_gcc(self):
		self.assertEqual(shell(["cc", "--help", "-O2", "x.c"]), (0, "", ""))

	def test_clean(self):
		self.assertEqual(shell(["clean", "--all"])[0], 0)
		for words in (["clean", "all"], ["clean", "--everything"]):
			self.assertEqual(shell(words)[0], 2, words)

	def test_values(self):
		args = arguments.parse(["test", "igt", "amd_kfd_aql", "--seed", "1..3", "--mode", "hws-cpu", "--mode", "hws-sdma"])
		self.assertEqual((args.what, args.seed, args.mode, args.jobs), (["igt", "amd_kfd_aql"], [1, 2, 3], ["hws-cpu", "hws-sdma"], None))
		self.assertEqual(arguments.parse(["soak", "--minutes", "0.5"]).minutes, 0.5)
		self.assertEqual(arguments.parse(["kernel", "export", "/x"]).action, "export")
		self.assertEqual([arguments.parse(["kernel", "deb", *words]).config for words in ([], ["--config", "guest"])], [None, "guest"])
		self.assertEqual(arguments.parse(["exec", "--seed", "3", "--", "a", "--b"]).words, ["a", "--b"])


class Help(unittest.TestCase):
	def test_each_command(self):
		names = [section.name for section in arguments.sections().values() if section.lines][:-2]
		status, out, error = shell(["help"])
		self.assertEqual((status, error), (0, ""))
		for name in names:
			self.assertRegex(out, rf"(?m)^  {name} +[A-Z].*\.$")
			if name not in ("cc", "help"):
				for words in ([name, "--help"], [name, "-h"], ["help", name]) if name == "test" else ([name, "--help"],):
					status, text, error = shell(words)
					self.assertEqual((status, error), (0, ""), words)
					self.assertTrue(text.startswith(f"usage: ./run {name} "), text)
		self.assertEqual(shell([])[1], out)

	def test_help_is_before_what_is_wrong_behind_it(self):
		self.assertEqual(shell(["test", "--help", "nothing"])[0], 0)

	def test_options_and_names(self):
		text = shell(["test", "--help"])[1]
		for word in ("--junit FILE", "hws-cpu, hws-sdma", *arguments.suites()):
			self.assertIn(word, text)
		self.assertIn("--gpus GPUS", shell(["shell", "--help"])[1])

	def test_lines_fit(self):
		for number, line in enumerate(step.read(arguments.USAGE).splitlines(), 1):
			self.assertLessEqual(len(line), 120, number)


OTHER = "another mode than "	# the text of an option --mode names the default behind these words


class Text(unittest.TestCase):
	"""Tests that usage.txt fits the code: its commands, kinds of values, suites in rules, and defaults."""

	def test_commands_have_functions(self):
		names = set(list(arguments.sections())[:list(arguments.sections()).index("where")])
		self.assertEqual(names, {*cli.COMMANDS, "cc", "clean", "help"})

	def test_kinds_are_explained(self):
		known = {*arguments.described("where"), "TEXT", "COMMAND", "ARGUMENT"}
		for section in arguments.sections().values():
			kinds = {match[2] for match in section.matches(arguments.OPTION) if match[2]}
			kinds |= {word.strip("[].-") for word in section.arguments if section.name.islower()} - {""}
			self.assertLessEqual(kinds, known, section.name)

	def test_values_of_config(self):
		self.assertEqual(tuple(arguments.names_of("CONFIG")), debs.CONFIGS)

	def test_suites_of_rules(self):
		for name in ("--control", "--debug", "PROGRAM"):
			self.assertLessEqual(set(arguments.suites_for(name)), set(arguments.suites()))

	def test_defaults(self):
		words = arguments.parse(["exec", "--", "prog"])
		entry = execute.section("exec", words)["exec"]
		timeout = f"({execute.TIMEOUT['exec']}, shell {execute.TIMEOUT['shell']})"
		# {(command, option): the end of the option's text}
		expected = {("test", "--jobs"): f"({boots.AT_ONCE})",
			("soak", "--minutes"): f"({soak.MINUTES})", ("soak", "--mode"): OTHER + soak.DEFAULT_MODE,
			("bench", "--mode"): OTHER + bench.DEFAULT_MODE, ("bench", "--memory"): f"({bench.MEMORY_MB})",
			("bench", "--ticks"): f"({bench.DEFAULT_HZ})", ("exec", "--mode"): OTHER + entry["mode"], ("exec", "--gpus"): f"({entry['gpus']})",
			("exec", "--seed"): f"({entry['seed'] or 0})", ("exec", "--timeout"): timeout,
			("exec", "--memory"): f"({machine.of(None).memory_mb})", ("fuzz", "--minutes"): f"({fuzz.MINUTES})"}
		expected[("kernel", "--config")] = f"({debs.DEBIAN})"
		expected |= {(command, "--page-size"): f"({machine.USUAL})" for command in ("demo", "test", "soak", "bench", "exec")}
		expected |= {(command, "--accel"): f"({qemu.accel})" for command in ("demo", "test", "soak", "exec")}
		found = {}
		for section in arguments.sections().values():
			for match in section.matches(arguments.OPTION):
				default = re.search(rf"\([0-9][^()]*\)$|\(({qemu.TCG}|{debs.DEBIAN})\)$|{OTHER}[a-z-]+", match[3])
				if default:
					found[section.name, match[1]] = default[0]
		self.assertEqual(found, expected)


if __name__ == "__main__":
	unittest.main()
