# SPDX-License-Identifier: MIT
"""
Runs a libFuzzer target with its checked-in corpus. The corpus is a text file. A paragraph
of it is a unit, which is one input of the target, and a comment describes the unit. 2, 4, 8
or 16 hexadecimal digits are a little endian number of 1, 2, 4 or 8 bytes; "..." are
characters. If there was no clang to build the target, the test skips. The target "api" prints
how many calls of the library it has made.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

SKIP = 77
SECONDS_PER_UNIT = 10
MAX_BYTES = 4096	# of a unit, which libFuzzer reaches slowly
TOKEN = re.compile(r'"[^"]*"|\S+')
CALLS = re.compile(r"(\d+) calls of the library")


def token_bytes(token):
	if token.startswith('"'):
		return token.strip('"').encode()
	return int(token, 16).to_bytes(len(token) // 2, "little")


def units(text):
	"""Returns the units of the corpus @text, as bytes."""
	found = []
	for paragraph in re.split(r"\n\s*\n", text):
		lines = [line for line in paragraph.splitlines() if not line.startswith("#")]
		unit = b"".join(token_bytes(token) for line in lines for token in TOKEN.findall(line))
		if unit:
			found.append(unit)
	return found


def as_text(unit):
	"""Returns the bytes @unit as a paragraph of a corpus."""
	whole = len(unit) // 4 * 4
	words = [f"{int.from_bytes(unit[at:at + 4], 'little'):08x}" for at in range(0, whole, 4)]
	words += [f"{byte:02x}" for byte in unit[whole:]]
	return "\n".join(" ".join(words[at:at + 8]) for at in range(0, len(words), 8))


def run(command, environment):
	"""Runs @command, passes on what it writes to stderr, and returns its exit status and the calls that it has made."""
	calls = 0
	with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, encoding="utf-8", errors="replace") as process:
		for line in process.stderr:
			sys.stderr.write(line)
			found = CALLS.fullmatch(line.strip())
			calls = int(found[1]) if found else calls
	return process.returncode, calls


def fuzz(target, seeds, options, kept):
	"""Runs @target with the units @seeds and the @options of libFuzzer, and returns its exit status and the number of its
	calls of the library. libFuzzer writes new units to the directory @kept, if given."""
	with tempfile.TemporaryDirectory() as directory:
		for number, unit in enumerate(seeds):
			with open(os.path.join(directory, f"seed{number:03}"), "wb") as f:
				f.write(unit)
		artifact = os.path.join(directory, "failed")
		# AddressSanitizer keeps freed memory in a quarantine for a while. The default size would make the target slow.
		environment = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=16"}
		result = run([target, "-seed=1", *options, f"-timeout={SECONDS_PER_UNIT}", "-reload=0", "-print_funcs=0",
			f"-exact_artifact_path={artifact}", *([kept] if kept else []), directory], environment)
		if os.path.exists(artifact):
			with open(artifact, "rb") as f:
				print("the unit that failed, for the corpus:\n" + as_text(f.read()), file=sys.stderr)
	return result


def main():
	parser = argparse.ArgumentParser(description=__doc__)
	parser.add_argument("--corpus", required=True)
	parser.add_argument("--runs", type=int, help="try so many units, about the same in each run")
	parser.add_argument("--length", type=int, help="try units of up to so many bytes from the start, not ever longer ones")
	parser.add_argument("--calls", type=int, default=0, help="fail if the target has called the library less often")
	parser.add_argument("--seconds", type=int, help="instead of --runs: try units for so long")
	parser.add_argument("--keep", help="directory for units that reach new code; a later run begins with them")
	parser.add_argument("target", nargs="?")
	args = parser.parse_args()
	if not args.target:
		print("not built: there is no clang")
		return SKIP
	with open(args.corpus, encoding="utf-8") as f:
		seeds = units(f.read())
	if not seeds:
		print(f"{args.corpus} has no units")
		return 1
	limit = f"-max_total_time={args.seconds}" if args.seconds else f"-runs={args.runs}"
	length = [f"-max_len={args.length}", "-len_control=0"] if args.length else [f"-max_len={MAX_BYTES}"]
	status, calls = fuzz(os.path.abspath(args.target), seeds, [limit, *length], args.keep)
	if not status and calls < args.calls:
		print(f"{calls} calls of the library, not {args.calls}", file=sys.stderr)
	return 1 if status or calls < args.calls else 0


if __name__ == "__main__":
	sys.exit(main())
