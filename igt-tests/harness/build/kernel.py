# SPDX-License-Identifier: MIT
"""
Makes the kernel images that the guest boots: built from the base and the series, or unpacked from Debian's package.
"""

import dataclasses
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile

from harness import step
from harness.build import flavours, machine, packages, source

CONFIG = os.path.join(source.KERNEL, "config")
FRAGMENT = os.path.join(CONFIG, "guest.config")
MODULES = os.path.join(step.HARNESS, "modules")

# Lets amdgpu contain the KUnit tests of the series. Only a Makefile reads this option. It is a variable of make and not a
# line of a fragment, because every object depends on the configuration: a base, which does not have the option, would
# have another configuration, and ccache would find none of its objects. KUnit itself is in guest.config.
KUNIT_TESTS = "CONFIG_DRM_AMDGPU_USERPTR_KUNIT_TEST=y"

# The kernel has the values of the KBUILD variables in its objects. They are constant, so that ccache finds objects
# that another checkout has built.
REPRODUCIBLE = {
	"KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
	"KBUILD_BUILD_USER": "userptr",
	"KBUILD_BUILD_HOST": "guest",
	"CCACHE_DIR": os.path.join(step.CACHE, "ccache"),
	"CCACHE_MAXSIZE": "2G",
	# With this, ccache takes the list of included files from the compiler and need not preprocess each source
	# first.
	"CCACHE_DEPEND": "true",
}


@dataclasses.dataclass
class Image:
	"""A kernel that can be booted."""
	image: str	# path of the bzImage, or of arm64's Image
	modules: str	# directory that has lib/modules/RELEASE, as modprobe -d wants it
	release: str	# what uname -r prints
	oracle: str = ""	# path of the module that reports to the page oracle; empty for a kernel without the series
	flavour: str = flavours.PATCHED	# see flavours.py

	@property
	def machine(self):
		return machine.of(self.flavour)

	@property
	def has_checkers(self):
		return flavours.options_of(self.flavour) == flavours.DEBUG


def make(tree, out, *arguments, flavour=flavours.PATCHED):
	return ["make", "-C", tree, f"O={out}", f"-j{os.cpu_count()}", f"CC=ccache {machine.of(flavour).cross}gcc",
		"HOSTCC=ccache gcc", *arguments]


def environment(flavour=flavours.PATCHED):
	return {**os.environ, **REPRODUCIBLE, **machine.of(flavour).environment()}


def over(copies, argv):
	"""
	Returns a command that runs @argv while each directory of @copies, {original: copy}, is mounted over its
	original.
	"""
	mounts = [path for original, copy in copies.items() for path in (copy, original)]
	return ["sh", step.script("over.sh"), *mounts, "--", *argv] if mounts else argv


def missing_options(fragment, config):
	"""
	Returns the options of @fragment that @config does not have. A later line of @fragment overrides an earlier one.
	"""
	have = set(config.splitlines())
	wanted = dict(re.findall(r"^(CONFIG_\w+)=(.*)$", fragment, re.M))
	missing = []
	for name, value in wanted.items():
		there = any(line.startswith(name + "=") for line in have)
		if there if value == "n" else f"{name}={value}" not in have:
			missing.append(f"{name}={value}")
	return missing


def extra_options(flavour):
	"""Returns the lines that the configuration of a @flavour has besides those of guest.config."""
	options = flavours.options_of(flavour)
	fragments = machine.of(flavour).fragments or ([options + ".config"] if options else [])
	return "".join(step.read(os.path.join(CONFIG, name)) for name in fragments)


def tinyconfig(flavour):
	"""
	Returns the path where configure.sh keeps the result of tinyconfig for the base and the processor of @flavour. The
	first call of configure.sh makes the file. Patched trees use it, too, because the series add no option that
	tinyconfig would set.
	"""
	stamp = step.digest(step.read(os.path.join(source.KERNEL, "BASE")), machine.of(flavour).arch)
	return os.path.join(step.BUILD, f"tinyconfig-{stamp[:8]}")


def configure(tree, out, extra="", flavour=flavours.PATCHED, copies=None, start=""):
	"""
	Configure the kernel of @tree for a build in @out, with guest.config and the lines @extra, unless that is done
	already. @copies as in over(). @start is the text of a whole configuration; the lines @extra then come on top of it
	and not of guest.config.
	"""
	copies = copies or {}
	directory = copies.get(out, out)
	fragment = extra if start else step.read(FRAGMENT) + extra
	stamp = step.digest(*filter(None, (step.read(os.path.join(source.KERNEL, "BASE")), tree, fragment, start)))
	if step.read_or(os.path.join(directory, ".userptr-config")) == stamp:
		return
	os.makedirs(directory, exist_ok=True)
	step.write(os.path.join(directory, ".userptr-fragment"), fragment)
	begin = os.path.join(out, ".userptr-start") if start else tinyconfig(flavour)
	if start:
		step.write(os.path.join(directory, ".userptr-start"), start)
	merge = ["sh", step.script("configure.sh"), tree, out, os.path.join(out, ".userptr-fragment"), begin]
	step.run_logged(f"configuring {os.path.basename(directory)}", over(copies, merge), cwd=directory,
		env=environment(flavour))
	missing = missing_options(fragment, step.read(os.path.join(directory, ".config")))
	if missing:
		raise step.Failed("the kernel's configuration refuses " + " ".join(missing))
	step.write(os.path.join(directory, ".userptr-config"), stamp)


def series_digest():
	return step.digest(*(step.read(path) for path in source.series()))


def oracle(build_directory, directory, flavour=flavours.PATCHED):
	"""
	Build the kernel modules of the folder modules in @directory. Returns the path of the one that reports to the
	page oracle.
	"""
	os.makedirs(directory, exist_ok=True)
	step.run_logged("building the page oracle's module", ["make", "-C", build_directory, f"M={MODULES}", f"MO={directory}",
		f"CC=ccache {machine.of(flavour).cross}gcc", "modules"], env=environment(flavour))
	return os.path.join(directory, "vgpu_oracle.ko")


def flavoured(name, flavour):
	"""Returns the path of the build directory @name for @flavour. Each flavour has its own."""
	return os.path.join(step.BUILD, flavours.directory(name, flavour))


@functools.cache
def build(flavour):
	"""Build the patched kernel and the page oracle's module for it. Returns the Image."""
	image = build_image(flavour)
	image.oracle = oracle(flavoured("kernel", flavour), flavoured("oracle", flavour), flavour)
	return image


def called(flavour):
	"""Returns the name of a kernel for messages and logs."""
	return "the kernel" if flavour == flavours.PATCHED else f"the {flavour} kernel"


def saved_image(target, stamp):
	"""Returns the Image that save_image() has put into @target with the same @stamp, or None."""
	saved = json.loads(step.read_or(os.path.join(target, "image.json"), "{}"))
	return Image(**saved["image"]) if saved.get("stamp") == stamp else None


def save_image(out, target, stamp, flavour):
	"""Copy image and modules of the build directory @out to @target. Returns the Image there."""
	shutil.rmtree(target, ignore_errors=True)
	image = install_modules(out, target, flavour)
	shutil.copy(image.image, target)
	image.image = os.path.join(target, os.path.basename(image.image))
	image.flavour = flavour
	step.write(os.path.join(target, "image.json"), json.dumps({"stamp": stamp, "image": dataclasses.asdict(image)}))
	return image


def stamp_of(flavour):
	"""Returns a digest of all that the image of a patched kernel, or of a base, is made of."""
	patches = series_digest() if flavours.source_of(flavour) == flavours.PATCHED else ""
	return step.digest(flavour, KUNIT_TESTS, step.read(os.path.join(source.KERNEL, "BASE")),
		step.read(FRAGMENT) + extra_options(flavour), patches)


def build_image(flavour):
	"""
	Returns the Image of a patched kernel or of a base, without the page oracle. Builds it only if base, configuration
	or series have changed.

	The base has a tree and a build directory of its own, which are mounted over those of the patched kernel with the
	same options. So all paths are the same, and ccache finds the objects of all sources that no patch touches.
	"""
	target, stamp = flavoured("image", flavour), stamp_of(flavour)
	image = saved_image(target, stamp)
	if image:
		return image
	tree, directory = source.patched(), flavoured("kernel", flavour)
	out, copies = flavoured("kernel", flavours.of(flavours.PATCHED, flavours.options_of(flavour))), {}
	if flavours.source_of(flavour) == flavours.BASE:
		copies = {tree: source.patched("linux-base", []), out: directory}
		for place in (out, directory):
			os.makedirs(place, exist_ok=True)
	configure(tree, out, extra_options(flavour), flavour, copies)
	step.run_logged("building " + called(flavour),
		over(copies, make(tree, out, machine.of(flavour).target, "modules", KUNIT_TESTS, flavour=flavour)), env=environment(flavour))
	return save_image(directory, target, stamp, flavour)


def build_controls(tree, out, directory):
	"""
	Compile the patched @tree with the patches of kernel/controls, and leave the tree and the build in @out as they
	are. Make copies of @out and of the directories that the patches touch in @directory, and run make while each copy is
	mounted over its original. So all paths are the same, and make compiles only the sources that are affected. Returns
	the copy of @out.
	"""
	patched = os.path.join(directory, "patched")
	os.makedirs(patched)
	touched = source.apply_to(patched, source.controls(), tree)
	copies = {out: os.path.join(directory, "kernel")}
	# Sort the directories, so that over.sh mounts a directory before the directories inside it.
	for part in sorted({os.path.dirname(path) for path in touched}):
		copies[os.path.join(tree, part)] = os.path.join(directory, part.replace("/", "-"))
	for original, copy in copies.items():
		subprocess.run(["cp", "-a", "--reflink=auto", original, copy], check=True)
	for path in touched:
		source.put(os.path.join(patched, path),
			os.path.join(copies[os.path.join(tree, os.path.dirname(path))], os.path.basename(path)))
	step.run_logged("building the kernel with negative controls",
		over(copies, make(tree, out, machine.of(flavours.CONTROLS).target, "modules", KUNIT_TESTS)), env=environment())
	return copies[out]


def controls():
	"""
	Returns the Image of the kernel with the negative controls. Its driver leaves out the step that the module
	parameter "control" names.
	"""
	image = build(flavours.PATCHED)
	target = flavoured("image", flavours.CONTROLS)
	stamp = step.digest(step.read(os.path.join(step.BUILD, "image", "image.json")),
		*(step.read(path) for path in source.controls()))
	if step.read_or(os.path.join(target, "stamp")) != stamp:
		shutil.rmtree(target, ignore_errors=True)
		directory = os.path.join(step.BUILD, "controls")
		shutil.rmtree(directory, ignore_errors=True)
		built = build_controls(source.patched(), os.path.join(step.BUILD, "kernel"), directory)
		shutil.copy(install_modules(built, target).image, target)
		shutil.rmtree(directory)
		step.write(os.path.join(target, "stamp"), stamp)
	return dataclasses.replace(image, modules=target, image=os.path.join(target, os.path.basename(image.image)),
		flavour=flavours.CONTROLS)


def depmod(directory, release):
	subprocess.run(["depmod", "-b", directory, release], check=True)


def install_modules(build_directory, directory, flavour=flavours.PATCHED):
	"""Copy the modules of a build directory as modules_install would, but faster. Returns the Image."""
	release = step.read(os.path.join(build_directory, "include/config/kernel.release")).strip()
	target = os.path.join(directory, "lib/modules", release)
	shutil.rmtree(target, ignore_errors=True)
	os.makedirs(target)
	for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
		shutil.copy(os.path.join(build_directory, name), target)
	for line in step.read(os.path.join(build_directory, "modules.order")).split():
		module = os.path.splitext(line)[0] + ".ko"
		copy = os.path.join(target, "kernel", module)
		os.makedirs(os.path.dirname(copy), exist_ok=True)
		shutil.copy(os.path.join(build_directory, module), copy)
	depmod(directory, release)
	kind = machine.of(flavour)
	return Image(os.path.join(build_directory, "arch", kind.arch, "boot", kind.target), directory, release)


def version_key(release):
	"""Returns a key that sorts releases of kernels by their versions. As a text 7.3.9 would be greater than 7.3.10."""
	return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", release)]


def debian_release(kind=machine.of(None)):
	"""
	Returns the newest release of a kernel that Debian itself builds for the machine @kind, from the package lists. The
	first two numbers of its version are those of the base's version.
	"""
	series_version = ".".join(source.base()["version"].split(".")[:2])
	pattern = rf"^linux-binary-unsigned-{re.escape(series_version)}\.[0-9]+\+[a-z0-9]+-{kind.debian}$"
	found = subprocess.run(["apt-cache", "search", "--names-only", pattern], capture_output=True, text=True,
		check=True, env={**os.environ, **kind.apt}).stdout.split("\n")
	names = [line.split()[0] for line in found if line]
	if not names:
		raise step.Failed(f"Debian has no kernel package linux-binary-unsigned-{series_version}.*-{kind.debian}")
	return max(names, key=version_key).removeprefix("linux-binary-unsigned-")


def unpack_debian(release, directory, kind):
	"""Download the packages of Debian's kernel @release for the machine @kind, and unpack them in @directory."""
	for package in ("linux-binary-unsigned-", "linux-modules-"):
		deb = packages.download(package + release, kind.apt)
		step.run_logged(f"unpacking {package}{release}", ["dpkg-deb", "-x", deb, directory], quiet=True)
		os.unlink(deb)
	# The packages have usr/lib/modules, but modprobe -d looks in lib/modules.
	os.symlink("usr/lib", os.path.join(directory, "lib"))
	# depmod wants these lists, which only an installed package has. Make those that are missing, as empty files.
	for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
		with open(os.path.join(directory, "lib/modules", release, name), "ab"):
			pass
	depmod(directory, release)


def debian_config():
	"""
	Returns the text of the configuration with which Debian has built the kernel that debian() unpacks. The package with
	the headers has it complete; the file config-RELEASE in another package lacks the lines about keys.
	"""
	image = debian()
	path, package = os.path.join(image.modules, "config"), "linux-headers-" + image.release
	with step.locked("stock"):
		if not os.path.exists(path):
			deb = packages.download(package)
			with tempfile.TemporaryDirectory() as unpacked:
				step.run_logged(f"unpacking {package}", ["dpkg-deb", "-x", deb, unpacked], quiet=True)
				step.write(path, step.read(os.path.join(unpacked, "usr/src", package, ".config")))
			os.unlink(deb)
	return step.read(path)


def debian(kind=machine.of(None)):
	"""
	Returns the Image of the kernel that Debian itself builds for the machine @kind. Its packages are only unpacked, not
	installed.
	"""
	directory = os.path.join(step.CACHE, "stock" if kind.is_native else "stock-" + kind.page_size)
	with step.locked("stock"):
		os.makedirs(directory, exist_ok=True)
		known = [name for name in os.listdir(directory) if not name.endswith(".new")]
		if not known:
			release = debian_release(kind)
			new = os.path.join(directory, release + ".new")
			shutil.rmtree(new, ignore_errors=True)
			os.makedirs(new)
			unpack_debian(release, new, kind)
			os.rename(new, os.path.join(directory, release))
			known = [release]
	release = max(known, key=version_key)
	modules = os.path.join(directory, release)
	return Image(os.path.join(modules, "lib/modules", release, "vmlinuz.unsigned"), modules, release,
		flavour=flavours.of(flavours.DEBIAN, kind.options))


def get(flavour):
	"""Returns the Image of the kernel @flavour. Builds or unpacks it unless it is there."""
	makers = {flavours.PATCHED: build, flavours.BASE: build_image, flavours.CONTROLS: lambda _: controls(),
		flavours.DEBIAN: lambda name: debian(machine.of(name))}
	return makers[flavours.source_of(flavour)](flavour)
