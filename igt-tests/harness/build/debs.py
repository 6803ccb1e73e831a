# SPDX-License-Identifier: MIT
"""
Builds Debian packages of the patched kernel, for ./run kernel deb, and unpacks them for a boot. The kernel's own
target bindeb-pkg makes the packages.
"""

import dataclasses
import functools
import glob
import json
import os
import shutil
import subprocess
import time

from harness import step
from harness.build import flavours, kernel, source

# Values of --config. DEBIAN: the configuration of Debian's own kernel image, and package.config on top. GUEST: the
# configuration of the guest's kernel. ccache has nearly all objects of that kernel, so the suite deb can build these
# packages in a short time.
DEBIAN, GUEST = "debian", "guest"
CONFIGS = (DEBIAN, GUEST)
FRAGMENT = os.path.join(kernel.CONFIG, "package.config")
IMAGE = "linux-image-"		# the name of a package is this and the kernel's release
HEADERS = "linux-headers-"
# bindeb-pkg also makes this package, and build() removes it, because it would replace the distribution's package of the
# same name, whose headers programs are compiled with.
LIBC = "linux-libc-dev"


@dataclasses.dataclass
class Packages:
	"""The packages of one build."""
	release: str	# what uname -r prints when the kernel runs
	image: str	# path of the package with the kernel and its modules
	headers: str	# path of the package for building other modules
	seconds: float	# how long the build took


def directory_of(config):
	"""Returns the directory of the packages with @config. It also has the build, and the files of the packages."""
	return os.path.join(step.BUILD, "deb-" + config)


def flavour_of(config):
	"""Returns the flavour of the kernel of the packages with @config."""
	return flavours.of(flavours.PACKAGE, "" if config == DEBIAN else config)


def config_of(flavour):
	return flavours.options_of(flavour) or DEBIAN


@functools.cache
def project_version():
	"""Returns the version of the project."""
	return subprocess.run(["sh", os.path.join(step.PROJECT, "lib/version.sh"),
		os.path.join(step.PROJECT, "lib/include/amdgpu_userptr.h")], capture_output=True, text=True, check=True).stdout.strip()


def local_version(config):
	"""
	Returns the end of the kernel's release. No kernel of a distribution has it, and it differs between the @config, so
	each of these packages can be installed beside any other kernel.
	"""
	return f"-userptr{project_version()}" + ("" if config == DEBIAN else f"-{config}")


def package_version():
	"""
	Returns the version of the packages. bindeb-pkg would take a number that grows with each build, so two builds of
	the same source would differ.
	"""
	return f"{source.base()['version']}-{project_version()}"


def environment(config):
	"""Returns the environment variables of the build with @config."""
	variables = {"KDEB_PKGVERSION": package_version(), "KDEB_CHANGELOG_DIST": "unstable"}
	# With Debian's configuration make compiles many more sources than for the guest's kernels. Their objects would
	# drive the objects of the guest's kernels out of ccache, so ccache is off.
	return kernel.environment() | variables | ({"CCACHE_DISABLE": "1"} if config == DEBIAN else {})


def stamp_of(config):
	"""
	Returns a digest of everything from which build() makes the packages, except the text of Debian's configuration.
	Otherwise each newer kernel of Debian would begin a build of hours.
	"""
	fragment = step.read(FRAGMENT if config == DEBIAN else kernel.FRAGMENT)
	return step.digest(config, fragment, step.read(os.path.join(source.KERNEL, "BASE")), kernel.series_digest(),
		local_version(config), package_version())


def record_of(config):
	return os.path.join(directory_of(config), "packages.json")


def built(config):
	"""Returns the Packages with @config that an earlier run has built, or None if there are none of this series."""
	saved = json.loads(step.read_or(record_of(config), "{}"))
	if saved.get("stamp") != stamp_of(config):
		return None
	found = Packages(**saved["packages"])
	return found if os.path.exists(found.image) and os.path.exists(found.headers) else None


def clear(directory):
	"""Remove the packages that an earlier build has put into @directory, and the files about them."""
	for pattern in ("*.deb", "*.buildinfo", "*.changes", "*.json"):
		for path in glob.glob(os.path.join(directory, pattern)):
			os.unlink(path)


def package_in(directory, name):
	"""Returns the path of the package @name in @directory, in which there must be exactly one."""
	found = glob.glob(os.path.join(glob.escape(directory), name + "_*.deb"))
	if len(found) != 1:
		raise step.Failed(f"the build made {len(found)} packages {name}, and not one")
	return found[0]


def build(config):
	"""Build the packages with @config, unless an earlier run has built them. Returns the Packages."""
	found = built(config)
	if found:
		return found
	directory, tree, begin = directory_of(config), source.patched(), time.monotonic()
	out = os.path.join(directory, "build")
	os.makedirs(directory, exist_ok=True)
	clear(directory)
	if config == DEBIAN:
		kernel.configure(tree, out, step.read(FRAGMENT), start=kernel.debian_config())
	else:
		kernel.configure(tree, out)
	words = kernel.make(tree, out, f"LOCALVERSION={local_version(config)}", "bindeb-pkg")
	step.run_logged(f"building the kernel's packages ({config})", words, env=environment(config))
	release = step.read(os.path.join(out, "include/config/kernel.release")).strip()
	for path in glob.glob(os.path.join(directory, LIBC + "_*.deb")):
		os.unlink(path)
	found = Packages(release, package_in(directory, IMAGE + release), package_in(directory, HEADERS + release),
		time.monotonic() - begin)
	step.write(record_of(config), json.dumps({"stamp": stamp_of(config), "packages": dataclasses.asdict(found)}))
	return found


def release_of(image):
	"""Returns the release of the kernel in the package @image: the end of the package's name, as dpkg knows it."""
	name = subprocess.run(["dpkg-deb", "-f", image, "Package"], capture_output=True, text=True, check=True).stdout.strip()
	if not name.startswith(IMAGE):
		raise step.Failed(f"{os.path.basename(image)} is the package {name}, not {IMAGE}...")
	return name.removeprefix(IMAGE)


def image(flavour):
	"""
	Returns the Image of the package with this @flavour. Builds the package if need be, and unpacks it. The page oracle's
	module is compiled with the package of the headers.
	"""
	config = config_of(flavour)
	found, directory = build(config), directory_of(config)
	unpacked, release = os.path.join(directory, "unpacked"), release_of(found.image)
	for old in (unpacked, os.path.join(directory, "oracle")):
		shutil.rmtree(old, ignore_errors=True)
	for deb in (found.image, found.headers):
		step.run_logged(f"unpacking {os.path.basename(deb)}", ["dpkg-deb", "-x", deb, unpacked], quiet=True)
	# The modules lie where an installed package has them, and the package has the list of their dependencies, so
	# depmod need not run.
	return kernel.Image(os.path.join(unpacked, "boot/vmlinuz-" + release), unpacked, release,
		kernel.oracle(os.path.join(unpacked, "usr/src", HEADERS + release), os.path.join(directory, "oracle"), flavour), flavour)
