# SPDX-License-Identifier: MIT
"""
Does the kernel build after each patch of all series, in each configuration?

Followed are the sources that some patch of the series touches, and those others of the driver that use a
name which a patch takes out of a header. After each patch those of them are compiled that it changed, or
that include a header it changed and use a name on the lines that changed there. That is enough: a source
that a patch does not touch can only break by what that patch takes away or changes in a header, and the
names of that are looked for in it; what does not depend on a name, after the last patch of each series
the compilation of all that includes a changed header finds. make compiles for the base and where a patch touches a Kconfig or a Makefile; in between
the compiler is called as make had called it, since make alone takes seconds to find out what there is to do.

That all objects link is seen by names: after no patch may one be wanted that only another patch defines.
After the last patch of a series that is so for the series by itself, on top of those before it.
"""

import collections
import concurrent.futures
import glob
import json
import os
import re
import subprocess

from harness import step
from harness.build import kernel, source
from harness.review import series
from harness.verdict.results import FAIL, PASS, Case

TREE, DIRECTORY = "linux-steps", "steps"
# What a header declares and a patch takes away: a field or object, or a function or macro.
FIELD = re.compile(r"\b([A-Za-z_]\w*)(?:\[\w*\])*\s*;")
CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
# A macro, a type, an enumerator.
DEFINED = re.compile(r"^\s*#\s*define\s+(\w+)|\b(?:struct|union|enum)\s+(\w+)\s*\{|^\s*([A-Z]\w*)\s*(?:=.*)?,$", re.M)
# A line of a comment whose ends the patch leaves where they are.
INSIDE_COMMENT = re.compile(r"^\s*\*(?:\s.*|/)?$|^\s*\*.*\*/$", re.M)
KUNIT = "DRM_AMDGPU_USERPTR_KUNIT_TEST"
# With the generations of GPUs that the guest has none of, since the series touch their sources.
CONFIGURATIONS = {"the guest's and KUnit": f"CONFIG_KUNIT=y\nCONFIG_{KUNIT}=y\nCONFIG_DRM_AMDGPU_CIK=y\n",
	**series.VARIANTS}
# Without this ccache does not use its cache if a header was written just before.
CCACHE = {"CCACHE_SLOPPINESS": "include_file_mtime,include_file_ctime"}


def diff_of(patch):
	"""A patch without its message."""
	text = step.read(patch)
	return text[text.find("\ndiff --git "):]


def may_include(directory, header):
	"""A header outside of include/ is for sources of its own subsystem: mm/ does not include one of drivers/."""
	return not directory or header.startswith("include/") or header.split("/")[0] == directory.split("/")[0]


def names_in_headers(patch, sides, directory=""):
	"""
	(fields, functions and other names) that @patch has on its lines in headers, of those that sources in
	@directory may include; @sides: "-" for what it takes out.
	"""
	fields, functions = set(), set()
	for part in diff_of(patch).split("\ndiff --git ")[1:]:
		name = part.split("\n", 1)[0].split(" b/")[-1]
		if name.endswith(".h") and may_include(directory, name):
			lines = "\n".join(re.findall(rf"^[{sides}](?!-- |\+\+ )(.*)$", part, re.M))
			text = INSIDE_COMMENT.sub("", COMMENT.sub("", lines))
			fields.update(FIELD.findall(text))
			functions.update(CALLED.findall(text))
			if sides != "-":
				functions.update(*DEFINED.findall(text))
	return fields, functions


def uses(text, fields, functions):
	"""Does the source @text use one of the names?"""
	return bool(functions & set(re.findall(r"\w+", text)) or fields & set(re.findall(r"(?:->|\.)\s*(\w+)", text)))


def followed(patches, tree):
	"""The sources below @tree that are compiled: those of the @patches, and users of what these take away."""
	touched = {path for patch in patches for path in source.touched(patch)}
	paths = source.sources(patches)
	for directory in {os.path.dirname(path) for path in touched if not path.startswith("tools/")}:
		names = [names_in_headers(patch, "-", directory) for patch in patches]
		fields, functions = (set().union(*(pair[i] for pair in names)) for i in (0, 1))
		for path in glob.glob(os.path.join(tree, directory, "*.c")):
			if uses(step.read(path), fields, functions):
				paths.add(os.path.relpath(path, tree))
	return sorted(paths)


class Build:
	"""One configuration's directory of objects, made after one patch after the other."""

	def __init__(self, name, extra, sources, kconfigs=()):
		self.name, self.extra, self.sources, self.kconfigs = name, extra, sources, kconfigs
		self.out = None
		self.commands = {}	# how an object is compiled
		self.deps = {}		# and what of the tree that reads
		self.broken = set()	# objects that did not compile
		self.stale = set()	# those not compiled since a header changed that they read

	def objects(self, tree):
		"""(objects there are in this configuration, flags they are compiled with)."""
		return series.objects_of(self.sources, tree, self.out)

	def configure(self, tree):
		"""Choose the directory for these Kconfig files: with one for each, what is configured stays so."""
		texts = [step.read_or(os.path.join(tree, path)) for path in self.kconfigs]
		extra = "".join(line for line in self.extra.splitlines(True) if KUNIT not in line or KUNIT in "".join(texts))
		name = f"{DIRECTORY}/{re.sub(r'[^a-z]+', '-', self.name.lower())}-{step.digest(*texts)[:8]}"
		for path in self.kconfigs:
			path = os.path.join(tree, path)
			# A file that no patch has changed is a hard link to the base's file, whose time must not change.
			if os.path.exists(path) and os.stat(path).st_nlink == 1:
				os.utime(path, times=(0, 0))
		self.out = series.prepared(name, tree, extra)

	def by_make(self, tree):
		"""Compile all objects by make; what it printed."""
		self.configure(tree)
		objects, flags = self.objects(tree)
		for name in objects:
			for path in glob.glob(os.path.join(self.out, name)):
				os.unlink(path)
		self.commands, self.deps, self.stale = {}, {}, set()
		result = subprocess.run(kernel.make(tree, self.out, "-k", f"KCFLAGS={flags}", *sorted(objects)),
			env={**kernel.environment(), **CCACHE}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
		for name in objects:
			self.learn(tree, name, step.read_or(self.beside(name, "cmd")))
		self.broken = {name for name in objects if not os.path.exists(os.path.join(self.out, name))}
		if result.returncode and not self.broken:
			raise step.Failed(f"make failed in {self.name}: {result.stderr.strip()[-200:]}")
		return result.stdout + result.stderr

	def beside(self, name, what):
		directory, base = os.path.split(name)
		return os.path.join(self.out, directory, f".{base}.{what}")

	def learn(self, tree, name, cmd):
		"""How to compile the object @name and what that reads, from a file that kbuild's fixdep wrote."""
		match = re.search(r"^savedcmd_\S+ := (.*)$", cmd, re.M)
		if match:
			self.commands[name] = match[1].replace("$(pound)", "#").replace("$$", "$")
			self.read_by(tree, name, cmd)

	def read_by(self, tree, name, text):
		self.deps[name] = {os.path.normpath(path) for path in re.findall(re.escape(tree) + r"/([^\s\\:]+)", text)}

	def compile(self, tree, name):
		"""Call the compiler for one object; what it printed."""
		result = subprocess.run(["sh", "-ec", self.commands[name]], cwd=self.out, stdin=subprocess.DEVNULL,
			env={**kernel.environment(), **CCACHE}, capture_output=True, text=True)
		if result.returncode:
			self.broken.add(name)
		else:
			self.broken.discard(name)
			self.read_by(tree, name, step.read(self.beside(name, "d")))
		return result.stdout + result.stderr

	def concerns(self, tree, name, changed, names):
		"""Is the object @name to be compiled again after the files @changed, with these @names in headers?"""
		if name in self.broken or name[:-2] + ".c" in changed:
			return True
		return bool(self.deps[name] & changed) and uses(step.read(os.path.join(tree, name[:-2] + ".c")), *names)

	def update(self, tree, changed, names, last):
		"""
		Compile what the files @changed concern, or what did not compile before, or if this is the @last patch of a
		series all that a header concerned since the one before; what that printed.
		"""
		objects, _ = self.objects(tree)
		self.broken &= objects
		# The command of an object is unknown if make could not compile it.
		if self.broken - set(self.commands) or any(os.path.basename(path) in ("Kconfig", "Makefile") for path in changed):
			return self.by_make(tree)
		known = objects & set(self.commands)
		todo = {name for name in known if self.concerns(tree, name, changed, names)}
		self.stale = (self.stale | {name for name in known if self.deps[name] & changed}) - todo
		if last or not todo:
			todo, self.stale = todo | self.stale & known, set()
		with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
			return "".join(pool.map(lambda name: self.compile(tree, name), sorted(todo)))

	def symbols(self, tree):
		"""(objects there are, names they define, names they want from elsewhere)."""
		there = sorted(name for name in self.objects(tree)[0] if os.path.exists(os.path.join(self.out, name)))
		listed = subprocess.run(["nm", "-g", "-P", "-A", *there], cwd=self.out, capture_output=True, text=True,
			check=True).stdout if there else ""
		words = [line.split()[1:3] for line in listed.splitlines()]
		defined = {name for name, kind in words if kind not in "Uw"}
		return there, defined, {name for name, kind in words if kind == "U"} - defined

	def state(self, tree, text):
		"""What is to be known of this build after a patch, when @text is what make or the compiler printed."""
		there, defined, wanted = self.symbols(tree)
		return {"text": complaints(text), "broken": sorted(self.broken), "objects": there,
			"defined": sorted(defined), "wanted": sorted(wanted)}


def complaints(text):
	"""What the compiler says, without line numbers, counted."""
	pattern = r"^(\S+?):(?:\d+:)*(?: \*\*\*)? ((?:warning|error|fatal error): .*)$"
	return collections.Counter(f"{os.path.basename(path)}: {message}"
		for path, message in re.findall(pattern, text, re.M))


class States:
	"""
	The results of building the base, and the base after each patch, by a digest of everything that led to that state. Only good
	results are kept.
	"""

	def __init__(self, patches, path, *parts):
		self.patches, self.path = patches, path
		self.stamps = [step.digest(*parts)]
		for number, patch in enumerate(patches, 1):
			self.stamps.append(step.digest(self.stamps[-1], diff_of(patch), *["last"] * self.is_last(number)))
		saved = json.loads(step.read_or(path, "{}"))
		self.known = {stamp: saved[stamp] for stamp in self.stamps if stamp in saved}

	def at(self, number):
		return self.known[self.stamps[number]]

	def is_last(self, number):
		"""Is the patch the last one of its series?"""
		return os.path.dirname(self.patches[number - 1]) != os.path.dirname((self.patches + [""])[number])

	def said(self, number, name):
		"""What is wrong with one configuration after @number patches, but for what only all of them show."""
		state, base = self.at(number)[name], self.at(0)[name]
		new = collections.Counter(state["text"])
		if number:
			new -= collections.Counter(base["text"])
		else:	# the base may give warnings
			new = collections.Counter({text: 1 for text in new if "error: " in text})
		return sorted(new) + [f"{path} does not compile" for path in state["broken"] if not new]

	def build(self, builds, tree_of):
		"""Build the states that are not known, beginning with the last one before them."""
		unknown = [number for number, stamp in enumerate(self.stamps) if stamp not in self.known]
		if not unknown:
			return
		first = max(unknown[0] - 1, 0)
		for number in range(first, len(self.stamps)):
			tree = tree_of(number)
			patch = self.patches[number - 1] if number else None
			change = (source.touched(patch), names_in_headers(patch, "+-"), self.is_last(number)) if number else ()
			with concurrent.futures.ThreadPoolExecutor(len(builds)) as pool:
				texts = list(pool.map(lambda build: build.by_make(tree) if number == first
					else build.update(tree, *change), builds))
			self.known[self.stamps[number]] = {build.name: build.state(tree, text) for build, text in zip(builds, texts)}
		good = {stamp: self.known[stamp] for number, stamp in enumerate(self.stamps)
			if not any(self.said(number, build.name) for build in builds)}
		step.write(self.path, json.dumps(good))

	def too_early(self, number, name):
		"""Names that are wanted after @number patches, and that objects define after some other patch only."""
		ever = set().union(*(self.at(other)[name]["defined"] for other in range(len(self.stamps))))
		return [f"{symbol} is not there" for symbol in self.at(number)[name]["wanted"] if symbol in ever]

	def cases(self, names, sources):
		"""One for the base if that is broken, one for each patch, and one about the sources."""
		cases = []
		for number, patch in enumerate(["the base", *map(source.label, self.patches)]):
			wrong = [f"{name}: {problem}" for name in names
				for problem in self.said(number, name) + self.too_early(number, name)]
			if number or wrong:
				cases.append(Case(f"builds up to {patch}", FAIL if wrong else PASS, "; ".join(wrong)))
		compiled = {path[:-2] + ".c" for state in self.known.values() for one in state.values() for path in one["objects"]}
		never = sorted(set(sources) - compiled)
		return cases + [Case("every source is compiled", FAIL if never else PASS, " ".join(never))]


def build_cases():
	"""A case for each patch; what is known of the first ones stays known when later ones change."""
	patches = source.series()
	if not patches:
		return []
	sources = followed(patches, source.pristine())
	kconfigs = sorted(path for patch in patches for path in source.touched(patch)
		if os.path.basename(path).startswith("Kconfig"))
	builds = [Build(name, extra, sources, kconfigs) for name, extra in CONFIGURATIONS.items()]
	here = os.path.dirname(os.path.abspath(__file__))
	states = States(patches, os.path.join(step.BUILD, "patchwise.json"), step.read(kernel.FRAGMENT),
		step.read(os.path.join(source.KERNEL, "BASE")), step.read(os.path.join(here, "patchwise.py")), *sources,
		*CONFIGURATIONS, *CONFIGURATIONS.values())
	step.say(f"building {len(sources)} sources after each of {len(patches)} patches, {len(builds)} configurations")
	try:
		states.build(builds, lambda number: source.patched(TREE, patches[:number]))
	except step.Failed as failure:
		return [Case("builds after each patch", FAIL, str(failure))]
	return states.cases(list(CONFIGURATIONS), sources)
