# SPDX-License-Identifier: MIT
"""Tests the verdicts on the project's own test programs and on the kernel's log, with made-up results and logs."""

import json
import os
import re
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness.boot import qemu
from harness.verdict import checkers, results
from harness.verdict.results import FAIL, PASS, SKIP

TEST = "igt@amdgpu/amd_a@hole"
OTHER = "igt@amdgpu/amd_a@other"
MUST_FAIL = results.expected_fails("\n\tamd_a@hole: bytes: .* instead of\n")


def verdicts(word, err="", names=(TEST,)):
	"""Returns {test: verdict} if all tests of @names end with igt_runner's @word, and another test passes."""
	tests = {name: {"result": word, "err": err} for name in names}
	with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
		json.dump({"tests": {OTHER: {"result": "pass"}, **tests}}, file)
		file.flush()
		cases = results.igt_cases([file.name], [], re.compile("^$"), [], MUST_FAIL)
	return {case.name: case.verdict for case in cases}


class ExpectedFails(unittest.TestCase):
	def test_names(self):
		self.assertEqual(MUST_FAIL, {TEST: "bytes: .* instead of"})

	def test_fails_as_expected(self):
		found = verdicts("fail", "Failed assertion: got == want\nbytes: 0x1 instead of 0x2\n")
		self.assertEqual(found, {OTHER: PASS, TEST: PASS})

	def test_other_ends(self):
		for word, err in (("pass", ""), ("skip", ""), ("crash", ""), ("fail", "Failed assertion: ret == 0\n")):
			self.assertEqual(verdicts(word, err)[TEST], FAIL, word)

	def test_did_not_run(self):
		self.assertEqual(verdicts("pass", names=()), {OTHER: PASS, TEST: FAIL})


class OtherPrograms(unittest.TestCase):
	"""
	If a test starts other programs of IGT, igt_runner makes entries of their lines in the kernel's log. These
	entries have no result.
	"""

	def verdicts(self, listed):
		tests = {OTHER: {"result": "pass"}, "igt@amdgpu/amd_a@of-another-program": {"dmesg": "[IGT] amd_b: executing\n"}}
		with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
			json.dump({"tests": tests}, file)
			file.flush()
			return {case.name: case.verdict for case in results.igt_cases([file.name], listed, re.compile("^$"), [])}

	def test_not_listed(self):
		self.assertEqual(self.verdicts([OTHER]), {OTHER: PASS})

	def test_listed(self):
		"""A listed test that only has lines in the kernel's log did not run."""
		listed = "igt@amdgpu/amd_a@of-another-program"
		self.assertEqual(self.verdicts([OTHER, listed]), {OTHER: PASS, listed: FAIL})


# Each of these lines must make a boot fail. The kernel prints them like this (lockdep.c, kasan/report.c, dma/debug.c,
# debugobjects.c, kmemleak.c, page_poison.c). The lines of NO_SPLATS must not make a boot fail.
SPLATS = """
WARNING: possible circular locking dependency detected
WARNING: possible recursive locking detected
WARNING: inconsistent lock state
WARNING: possible irq lock inversion dependency detected
WARNING: bad unlock balance detected!
WARNING: held lock freed!
WARNING: lock held when returning to user space!
WARNING: suspicious RCU usage
WARNING: Nested lock was not taken
[ BUG: Invalid wait context ]
INFO: trying to register non-static key.
turning off the locking correctness validator.
INFO: lockdep is turned off.
BUG: MAX_LOCKDEP_CHAINS too low!
BUG: sleeping function called from invalid context at mm/mempool.c:1
BUG: scheduling while atomic: kworker/0:1/10/0x00000002
BUG: KASAN: slab-use-after-free in amdgpu_userptr_invalidate+0x10/0x20 [amdgpu]
DMA-API: amdgpu 0000:01:00.0: device driver frees DMA memory with different size
DMA-API: debugging out of memory - disabling
DMA-API: cacheline tracking ENOMEM, dma-debug disabled
ODEBUG: free active (active state 0) object: (____ptrval____) object type: work_struct
ODEBUG: Out of memory. ODEBUG disabled
kmemleak: Cannot allocate a kmemleak_object structure
kmemleak: Kernel memory leak detector disabled
list_del corruption, ffff888003dd8e40->next is LIST_POISON1 (dead000000000100)
pagealloc: memory corruption
pagealloc: single bit error
BUG: Bad page state in process amd_userptr_hsa  pfn:06a3f
"""
NO_SPLATS = """
kasan: KernelAddressSanitizer initialized (generic)
kmemleak: Kernel memory leak detector initialized (mem pool available: 15867)
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
DMA-API: preallocated 65536 debug entries
DMA-API: debugging enabled by kernel config
DMA-API: dma_debug_entry pool grown to 131072 (200%)
Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
... MAX_LOCKDEP_SUBCLASSES:  8
[IGT] amd_userptr_hsa: starting subtest BUG: WARNING:
"""

# Each of these lines must make a boot with --icount fail, and no line of NOT_HOGGED may. The kernel prints the name of
# the module behind the name of a function (%ps), unless the function is built in.
HOGGED = """
workqueue: amdgpu_amdkfd_restore_userptr_worker [amdgpu] hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
workqueue: amdgpu_tlb_fence_work [amdgpu] hogged CPU for >10000us 5 times, consider switching to WQ_UNBOUND
workqueue: restore_process_worker [amdgpu] hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
workqueue: drm_sched_run_job_work [gpu_sched] hogged CPU for >10000us 7 times, consider switching to WQ_UNBOUND
workqueue: amdgpu_tlb_fence_work hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
workqueue: amdgpu_amdkfd_restore_userptr_worker hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
workqueue: kfd_process_wq_release hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
workqueue: svm_range_restore_work hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
workqueue: drm_sched_free_job_work hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
"""
NOT_HOGGED = """
workqueue: drain_local_memcg_stock hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
workqueue: vmstat_update hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
workqueue: ttm_bo_delayed_delete [ttm] hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
[IGT] amd_userptr_soak: workqueue: amdgpu_tlb_fence_work [amdgpu] hogged CPU
amdgpu 0000:01:00.0: amdgpu: a worker hogged CPU
"""


class Meson(unittest.TestCase):
	def test_skip(self):
		for output, verdict in (("no GPU\n", SKIP), ("", FAIL), ("\n", FAIL)):
			case, = results.meson_cases([("lib-map", "SKIP", output)])
			self.assertEqual(case.verdict, verdict, output)
		self.assertIn(results.NO_REASON, case.detail)

	def test_others(self):
		cases = results.meson_cases([("a", "OK", ""), ("b", "FAIL", "wrong\n"), ("c", "TIMEOUT", "")])
		self.assertEqual([(case.verdict, case.detail) for case in cases], [(PASS, ""), (FAIL, "FAIL: wrong"), (FAIL, "TIMEOUT: ")])


class KernelLog(unittest.TestCase):
	@staticmethod
	def logged(text):
		return [f"<4>[   12.345678] {line}" for line in text.strip().splitlines()]

	def test_splats(self):
		for line in self.logged(SPLATS):
			self.assertEqual(results.bad_lines(line), [line])

	def test_no_splats(self):
		self.assertEqual(results.bad_lines("\n".join(self.logged(NO_SPLATS))), [])

	def test_hogged(self):
		"""
		Without an instruction count a worker that hogged its CPU is no failure, and a worker that does not
		belong to the driver never is one.
		"""
		for line in self.logged(HOGGED):
			self.assertEqual(results.bad_lines(line, icount=True), [line])
			self.assertEqual(results.bad_lines(line), [])
		self.assertEqual(results.bad_lines("\n".join(self.logged(NOT_HOGGED)), icount=True), [])
		# The lines that make other boots fail must do so with an instruction count, too.
		for line in self.logged(SPLATS):
			self.assertEqual(results.bad_lines(line, icount=True), [line])

	def test_both_logs(self):
		with tempfile.TemporaryDirectory() as directory:
			boot = qemu.Boot(directory)
			os.mkdir(boot.share)
			line, other = HOGGED.strip().splitlines()[:2]
			for path, text in ((boot.dmesg, f"[    1.0] {line}\n"), (boot.console, f"[    1.0] {line}\n[    2.0] {other}\n")):
				with open(path, "w", encoding="utf-8") as file:
					file.write(text)
			self.assertEqual(results.kernel_problems(boot, icount=True), [line, other])
			self.assertEqual(results.kernel_problems(boot), [])

	def test_late_warnings(self):
		with tempfile.TemporaryDirectory() as directory:
			boot = qemu.Boot(directory)
			os.mkdir(boot.share)
			with open(boot.late, "w", encoding="utf-8") as file:
				file.write("<4>[    7.454155] amdgpu 0000:01:00.0: VM memory stats\n<6>[    7.5] kfd: added device\n"
					"<12>[    8.1] a warning of a program\n<4>[    8.2] [IGT] amd_a: executing\n")
			self.assertEqual(results.kernel_problems(boot),
				["after the tests: amdgpu 0000:01:00.0: VM memory stats", "after the tests: a warning of a program"])

	def test_missing_lines(self):
		with tempfile.TemporaryDirectory() as directory:
			boot = qemu.Boot(directory)
			os.mkdir(boot.share)
			with open(boot.dmesg, "w", encoding="utf-8") as file:
				file.write("[ 1.0] kfd kfd: Total number of KFD nodes to be created: 2\n")
			self.assertEqual(results.missing_lines(boot, ["created: 2$", "created: 1$"]), ["the kernel's log lacks: created: 1$"])


LEAK = """\
unreferenced object 0xffff888004a1c000 (size 128):
  comm "amd_userptr_hsa", pid 210, jiffies 4294900000
  hex dump (first 32 bytes):
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
  backtrace (crc 1d0f5838):
    __kmalloc_cache_noprof+0x1d0/0x300
    amdgpu_userptr_create+0x42/0x100 [amdgpu]
"""


LOST_BY_UNLOAD = """\
unreferenced object 0xffff88800b7d1600 (size 256):
  comm "modprobe", pid 79, jiffies 4294904112
  hex dump (first 32 bytes):
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
  backtrace (crc 72903f60):
    kmemleak_alloc+0x50/0xc0
    __kmalloc_noprof+0x488/0x8b0
    __list_lru_init+0xd3/0x480
    ttm_pool_type_init+0x9c/0x1a0 [ttm]
    amdgpu_driver_load_kms+0x15/0xa0 [amdgpu]
"""


class Checkers(unittest.TestCase):
	"""Tests that a boot of the debug flavour fails if a checker was off."""
	GOOD = {
		"dmesg": "[    0.1] kasan: KernelAddressSanitizer initialized (generic)\n",
		"lockdep_stats": " dependency chains: 4711 [max: 262144]\n debug_locks:                             1\n",
		"dma-disabled": "N\n",
		"kmemleak": "",
	}

	def problems(self, unloaded=False, **changes):
		with tempfile.TemporaryDirectory() as directory:
			boot = qemu.Boot(directory)
			os.mkdir(boot.share)
			for name, text in {**self.GOOD, **changes}.items():
				if text is not None:
					with open(os.path.join(boot.share, name), "w", encoding="utf-8") as file:
						file.write(text)
			return checkers.problems(boot, unloaded)

	def test_good(self):
		self.assertEqual(self.problems(), [])

	def test_off(self):
		for name, text in (("dmesg", "[    0.1] Linux\n"), ("lockdep_stats", " debug_locks: 0\n"),
				("dma-disabled", "Y\n")):
			self.assertEqual(len(self.problems(**{name: text})), 1, name)
		for name in self.GOOD:
			self.assertEqual(len(self.problems(**{name: None})), 1, name)

	def test_leaks(self):
		found = self.problems(kmemleak=LEAK + LEAK)
		self.assertEqual(len(found), 2)
		self.assertIn("amdgpu_userptr_create", found[0])
		self.assertIn("of amd_userptr_hsa:", found[0])

	def test_lost_by_unload(self):
		lost = {"kmemleak": LOST_BY_UNLOAD}
		self.assertEqual(len(self.problems(**lost)), 1)
		self.assertEqual(self.problems(unloaded=True, **lost), [])
		# After an unload, too, other leaks are failures: those of another process, and of another function.
		for was, becomes in (("modprobe", "amd_userptr_hsa"), ("ttm_pool_type_init", "amdgpu_userptr_create")):
			other = {"kmemleak": LOST_BY_UNLOAD.replace(was, becomes)}
			self.assertEqual(len(self.problems(unloaded=True, **other)), 1, was)
		self.assertEqual(len(self.problems(unloaded=True, kmemleak=LEAK)), 1)


if __name__ == "__main__":
	unittest.main()
