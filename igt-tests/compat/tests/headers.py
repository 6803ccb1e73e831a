# SPDX-License-Identifier: MIT
"""
headers.py oldest|newest LINUX_SRC COMPILER [ARGUMENT...]

Compiles each file of the tests, their helpers and the demo with the oldest or the newest headers of libdrm and KFD:
those of Debian 12, or those of the kernel tree LINUX_SRC. It looks for errors only and leaves nothing behind. Each
ARGUMENT is for the compiler.
"""

import glob
import os
import subprocess
import sys

IGT_TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("amdgpu", "lib", "lib/amdgpu", "demo")
LEFT_OUT = "layout_scatter.c"	# has a test of its own, with a compiler for 32 bits
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-clobbered"]
DEFINES = ["-std=gnu11", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64"]
INCLUDES = [os.path.join(IGT_TESTS, path) for path in ("", "lib", "../lib/include", "../lib/tests")]
# This compiles with the newest headers only. If it compiled with the oldest, the test would prove nothing.
NEW = "#include <linux/kfd_ioctl.h>\nstruct kfd_ioctl_dbg_trap_args args = { .op = KFD_IOC_DBG_TRAP_DISABLE };\n"


def arguments(kind, linux_src):
	"""Returns the arguments that make the headers those of the @kind, before any file includes them."""
	words = ["-include", os.path.join(IGT_TESTS, f"lib/tests/uapi_{kind}.h")]
	if kind == "newest":
		uapi = os.path.join(linux_src, "include/uapi")
		# The headers of the tree may include others of the tree that the machine does not have.
		words += ["-idirafter", uapi, "-D__user=", f'-DKERNEL_DRM="{uapi}/drm/amdgpu_drm.h"',
			f'-DKERNEL_KFD="{uapi}/linux/kfd_ioctl.h"']
	return words


def compiled(command, source):
	"""Returns the messages of the compiler for @source, or an empty text if it compiles."""
	done = subprocess.run([*command, source], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
	return (done.stderr or f"{source}: no message, status {done.returncode}") if done.returncode else ""


def main(kind, linux_src, compiler, *more):
	command = [compiler, "-fsyntax-only", *DEFINES, *WARNINGS, *(f"-I{path}" for path in INCLUDES), *more,
		*arguments(kind, linux_src)]
	sources = [path for folder in FOLDERS for path in sorted(glob.glob(os.path.join(IGT_TESTS, folder, "*.c")))
		if os.path.basename(path) != LEFT_OUT]
	if len(sources) < 100:
		return f"only {len(sources)} files"
	control = subprocess.run([*command, "-x", "c", "-"], input=NEW, capture_output=True, text=True, check=False)
	if (control.returncode == 0) != (kind == "newest"):
		return f"the headers are not the {kind}: {control.stderr or 'a new struct is there'}"
	wrong = [message for message in (compiled(command, source) for source in sources) if message]
	print(f"{len(sources) - len(wrong)} of {len(sources)} files compile with the {kind} headers")
	return "\n".join(wrong)


if __name__ == "__main__":
	sys.exit(main(*sys.argv[1:]) or 0)
