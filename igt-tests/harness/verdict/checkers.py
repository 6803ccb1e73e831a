# SPDX-License-Identifier: MIT
"""
Judges a boot by the checkers of the debug kernel: whether they were on until the end, and which leaks kmemleak found.
"""

import re

from harness.verdict import results


NO_LOCKDEP = "lockdep is not on, or has turned itself off"

# Matches leaks() of memory that the driver of this version loses whenever it is unloaded, with or without userptrs
# (docs/upstreaming.md).
LOST_BY_UNLOAD = re.compile(r" of modprobe: .* < (ttm_pool_type_init|amdgpu_xcp_mgr_init|amdgpu_ras_register_ras_block"
	r"|amdgpu_fence_driver_init_ring|drm_sched_init)\+.* < amdgpu_driver_load_kms\+")


def leaks(boot):
	"""
	Returns kmemleak's list of a @boot: one line for each lost object, with the process and the functions that
	allocated it.
	"""
	found = []
	for part in re.split(r"^(?=unreferenced object)", boot.shared("kmemleak") or "", flags=re.M):
		if part.strip():
			head, *rest = part.splitlines()
			frames = [match[1] for match in (re.match(r" {4}(\S+\+0x\S+|0x\S+)", line) for line in rest) if match]
			comm = re.search(r'comm "(.*?)"', part)
			found.append(f"kmemleak: {head.rstrip(':')} of {comm[1] if comm else '?'}: {' < '.join(frames)}")
	return found


def off(boot):
	"""Returns a line for each checker that was off in a @boot, or that did not stay on until its end."""
	missing = []
	if "KernelAddressSanitizer initialized" not in results.read(boot.dmesg):
		missing.append("KASAN is not on")
	if not re.search(r"^ debug_locks: +1$", boot.shared("lockdep_stats") or "", re.M):
		missing.append(NO_LOCKDEP)
	if (boot.shared("dma-disabled") or "").strip() != "N":
		missing.append("the checks of the DMA API are not on, or have turned themselves off")
	if boot.shared("kmemleak") is None:
		missing.append("kmemleak did not scan")
	return missing


def problems(boot, unloaded=False):
	"""
	Returns the problems of a @boot of the debug kernel, apart from lines of the kernel's log. If the driver was
	@unloaded, the memory that it then always loses is no problem.
	"""
	return off(boot) + [leak for leak in leaks(boot) if not (unloaded and LOST_BY_UNLOAD.search(leak))]
