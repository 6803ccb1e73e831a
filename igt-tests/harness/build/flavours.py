# SPDX-License-Identifier: MIT
"""
Names kernels. The name of a kernel is its flavour: the options of its configuration besides those of guest.config, and
the source from which it is built. "patched" is left out behind options.

	patched, base, debian, controls		a source, for the usual guest
	debug, hz1000, 16k, 64k			patched, with the options of debug.config or hz1000.config, or for arm64 guests
	hz1000-base, 64k-base, 16k-debian	the same options with another source
	package, guest-package			the patched kernel as a Debian package (debs.py), with Debian's configuration or
						with that of the guest

A flavour is a value of the key kernel in scenarios.cfg, is in Image.flavour, and is the end of the names of directories.
Nothing else tells kernels apart.
"""

PATCHED = "patched"	# the base with all series
BASE = "base"		# the base without any series
DEBIAN = "debian"	# Debian's own image
CONTROLS = "controls"	# patched, and the patches of kernel/controls
PACKAGE = "package"	# patched, unpacked from a Debian package that ./run kernel deb has built
SOURCES = (PATCHED, BASE, DEBIAN, CONTROLS, PACKAGE)

DEBUG = "debug"		# the options of debug.config


def of(source, options=""):
	"""Returns the flavour of a kernel from @source with @options."""
	return "-".join(filter(None, (options, "" if options and source == PATCHED else source)))


def source_of(flavour):
	source = flavour.rpartition("-")[2]
	return source if source in SOURCES else PATCHED


def options_of(flavour):
	return flavour.removesuffix(source_of(flavour)).removesuffix("-")


def directory(name, flavour):
	"""Returns the name of the directory @name for @flavour. Each flavour has its own."""
	return name if flavour == PATCHED else f"{name}-{flavour}"
