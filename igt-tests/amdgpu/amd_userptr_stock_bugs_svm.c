// SPDX-License-Identifier: MIT
/*
 * The GPU reaches memory of SVM although the kernel has freed it: memory that had lost its read
 * permission (H26 of docs/upstreaming.md), memory of a process that has exited (H28), and memory in
 * a range that was split before its restore (H29).
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_procfs.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

#include "amd_userptr_stock_bugs.h"

#define SVM_SIZE  ((size_t)16 * getpagesize())
#define SVM_PAGES 16
#define ROUNDS	  16

struct svm {
	uint32_t *cpu;
	uint64_t va;
	unsigned int index;
	uint32_t *fresh;
};

/* Wait until the queues run again, and assert that SVM has evicted them. */
static void wait_restored(struct amd_userptr *mine)
{
	amd_kfd_smi_wait_restored(&mine->smi, 1, AMD_USERPTR_WAIT_MS);
	igt_assert_lt(0, mine->smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_SVM]);
}

static void svm_register(struct amd_userptr *mine, struct svm *svm)
{
	svm->cpu = amd_userptr_mmap(mine, SVM_SIZE, 1);
	svm->va = (uintptr_t)svm->cpu;
	igt_assert_eq(__amd_kfd_svm_access(&mine->kfd, svm->cpu, SVM_SIZE), 0);
	amd_userptr_gpu_fill(mine, svm->va, SVM_SIZE, 2);
	amd_pattern_check(svm->cpu, SVM_SIZE, 2, "written by the GPU");
}

/* ---- memory without read permission ---- */

/*
 * Forbid accesses to the pages, free them, and allocate new memory.  Returns whether the new memory
 * has got one of the freed pages.
 */
static bool free_and_reuse(struct amd_userptr *mine, struct svm *svm)
{
	uint64_t pfns[SVM_PAGES];

	for (unsigned int page = 0; page < SVM_PAGES; page++)
		pfns[page] = igt_procfs_pfn((char *)svm->cpu + page * getpagesize());
	amd_kfd_smi_mark(&mine->smi);
	igt_assert_eq(mprotect(svm->cpu, SVM_SIZE, PROT_NONE), 0);
	igt_assert_eq(madvise(svm->cpu, SVM_SIZE, MADV_DONTNEED), 0);
	svm->fresh = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 3);
	return amd_userptr_find_reused(svm->fresh, pfns, SVM_PAGES, &svm->index);
}

static void svm_prot_none(struct amd_userptr *mine, void *data)
{
	struct svm svm = {};

	amd_userptr_stay_on_cpu();
	svm_register(mine, &svm);
	for (unsigned int i = 0; i < ROUNDS && !free_and_reuse(mine, &svm); i++) {
		amd_userptr_munmap(mine, svm.fresh, AMD_USERPTR_FRESH_SIZE);
		svm.fresh = NULL;
		/* When the CPU may access the memory again, the GPU has to reach it again, too. */
		igt_assert_eq(mprotect(svm.cpu, SVM_SIZE, PROT_READ | PROT_WRITE), 0);
		wait_restored(mine);
		amd_userptr_gpu_fill(mine, svm.va, SVM_SIZE, 4 + i);
		amd_pattern_check(svm.cpu, SVM_SIZE, 4 + i, "written by the GPU");
	}
	igt_assert_f(svm.fresh, "the new memory got none of the freed pages\n");
	wait_restored(mine);
	amd_userptr_stray_store(mine, svm.va + svm.index * getpagesize(), svm.fresh, 3,
				"memory that has a freed page");
}

/* ---- a range that is split before its restore ---- */

/* The range has SPLIT_PAGES pages.  The test splits it at page CUT, and frees it from DROP on. */
enum { SPLIT_PAGES = 64, CUT = 16, DROP = 48 };

/* Register the pages, and assert that the GPU reaches them. */
static char *split_register(struct amd_userptr *mine)
{
	const size_t size = (size_t)SPLIT_PAGES * getpagesize();
	uint32_t *cpu = amd_userptr_mmap(mine, size, 1);

	igt_assert_eq(__amd_kfd_svm_access(&mine->kfd, cpu, size), 0);
	amd_userptr_gpu_fill(mine, (uintptr_t)cpu, size, 2);
	amd_pattern_check(cpu, size, 2, "written by the GPU");
	return (char *)cpu;
}

/*
 * Free the last pages of the range, and split it before the restore.  Returns new memory that got
 * one of the freed pages, or NULL; @index: out: the number of this page among the freed ones.
 */
static uint32_t *drop_and_split(struct amd_userptr *mine, char *cpu, bool by_attr,
				unsigned int *index)
{
	uint64_t pfns[SPLIT_PAGES - DROP];
	uint32_t *fresh;

	for (int i = 0; i < SPLIT_PAGES - DROP; i++)
		pfns[i] = igt_procfs_pfn(cpu + (DROP + i) * getpagesize());
	amd_kfd_smi_mark(&mine->smi);
	igt_assert_eq(madvise(cpu + DROP * getpagesize(),
			      (size_t)(SPLIT_PAGES - DROP) * getpagesize(), MADV_DONTNEED),
		      0);
	if (by_attr)
		igt_assert_eq(__amd_kfd_svm_attribute(&mine->kfd, cpu + CUT * getpagesize(),
						      getpagesize(), KFD_IOCTL_SVM_ATTR_GRANULARITY,
						      3),
			      0);
	else
		igt_assert_eq(munmap(cpu + CUT * getpagesize(), getpagesize()), 0);
	wait_restored(mine);
	fresh = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 3);
	if (amd_userptr_find_reused(fresh, pfns, SPLIT_PAGES - DROP, index))
		return fresh;
	amd_userptr_munmap(mine, fresh, AMD_USERPTR_FRESH_SIZE);
	return NULL;
}

static void split(struct amd_userptr *mine, void *data)
{
	const bool by_attr = *(const bool *)data;
	uint32_t *fresh = NULL;
	unsigned int index;
	uint64_t va;
	char *cpu;

	amd_userptr_stay_on_cpu();
	for (unsigned int i = 0; i < ROUNDS && !fresh; i++) {
		cpu = split_register(mine);
		fresh = drop_and_split(mine, cpu, by_attr, &index);
		if (!fresh)
			amd_userptr_munmap(mine, cpu, (size_t)SPLIT_PAGES * getpagesize());
	}
	igt_assert_f(fresh, "the new memory got none of the freed pages\n");
	va = (uintptr_t)cpu + (DROP + index) * getpagesize();
	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_gpu_store(mine, va, AMD_USERPTR_STRAY_VALUE);
	igt_assert(amd_userptr_done_or_faulted(mine));
	amd_pattern_check(fresh, AMD_USERPTR_FRESH_SIZE, 3, "memory that has a freed page");
	/*
	 * The range is still registered for SVM, so the store has gone to the new page at this
	 * address.
	 */
	igt_assert_eq_u32(*(volatile uint32_t *)va, AMD_USERPTR_STRAY_VALUE);
}

/* ---- a process that exits while another one has its file ---- */

/* Dwords in cs.data: the IB waits for GO, which the test stores, and stores STARTED. */
enum { WORD_GO, WORD_STARTED };

/*
 * If the exit takes longer than this, the test concludes that the exit waits for the IB.  The IB
 * runs all this time, so EXIT_MS must be shorter than the driver's limit for a job.
 */
#define EXIT_MS 300

/* The process that owns the VM, and its report to the test in shared memory. */
struct owner {
	pid_t pid;
	struct report {
		atomic_int ready, go;
		int ret;
		uint64_t va, pfns[SVM_PAGES];
	} *report;
};

static void own(int fd, struct report *report)
{
	const uint64_t deadline = igt_now_ms() + 10 * AMD_USERPTR_WAIT_MS;
	struct amd_kfd kfd;
	char *cpu =
		mmap(NULL, SVM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	report->ret = cpu == MAP_FAILED ? -errno : __amd_kfd_open(&kfd, fd);
	if (!report->ret) {
		madvise(cpu, SVM_SIZE, MADV_NOHUGEPAGE);
		amd_pattern_fill(cpu, SVM_SIZE, 1);
		report->ret = __amd_kfd_svm_access(&kfd, cpu, SVM_SIZE);
		report->va = (uintptr_t)cpu;
		for (unsigned int page = 0; page < SVM_PAGES; page++)
			report->pfns[page] = igt_procfs_pfn(cpu + page * getpagesize());
	}
	atomic_store(&report->ready, 1);
	while (!atomic_load(&report->go) && igt_now_ms() < deadline)
		igt_pause();
	_exit(0);
}

static void owner_start(int fd, struct owner *owner)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	owner->report = mmap(NULL, sizeof(*owner->report), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(owner->report != MAP_FAILED);
	owner->pid = fork();
	igt_assert_lte(0, owner->pid);
	if (!owner->pid)
		own(fd, owner->report);
	while (!atomic_load(&owner->report->ready) && igt_now_ms() < deadline)
		igt_pause();
	igt_assert_eq(atomic_load(&owner->report->ready), 1);
	igt_assert_eq(owner->report->ret, 0);
}

/* Submit the IB; 0 or -errno.  -EAGAIN: the driver still restores the memory of the process. */
static int submit(struct amd_userptr_cs *cs, uint64_t *seq)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	int ret;

	do
		ret = __amd_userptr_cs_submit(cs, NULL, 0, seq);
	while (ret == -EAGAIN && igt_now_ms() < deadline);
	return ret;
}

static void put_stores(struct amd_userptr_cs *cs, uint64_t va)
{
	const uint32_t value = AMD_USERPTR_STRAY_VALUE;

	for (unsigned int page = 0; page < SVM_PAGES; page++)
		amd_kfd_queue_write(&cs->packets, va + page * getpagesize(), &value, 1);
}

/* Let an IB read all pages, so that their translations are in the TLB, and then wait for GO. */
static uint64_t submit_reader(struct amd_userptr_cs *cs, uint64_t va)
{
	volatile uint32_t *words = cs->data.cpu;
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	const uint32_t one = 1;
	uint64_t seq;

	amd_userptr_cs_begin(cs);
	for (unsigned int page = 0; page < SVM_PAGES; page++)
		amd_kfd_queue_copy(&cs->packets, cs->data.va + (SVM_PAGES + page) * 4,
				   va + page * getpagesize(), 4);
	amd_kfd_queue_write(&cs->packets, cs->data.va + WORD_STARTED * 4, &one, 1);
	amd_kfd_queue_poll(&cs->packets, cs->data.va + WORD_GO * 4, 1);
	put_stores(cs, va);
	igt_assert_eq(submit(cs, &seq), 0);
	while (!words[WORD_STARTED] && igt_now_ms() < deadline)
		igt_pause();
	igt_assert_eq_u32(words[WORD_STARTED], 1);
	igt_assert_eq_u32(words[SVM_PAGES], amd_pattern(1, 0));
	return seq;
}

/*
 * The process has exited.  If an IB still runs (@running), let it store to the pages now; otherwise
 * submit an IB that stores to them.  Returns the result of the IB.
 */
static int store_after_exit(struct amd_userptr_cs *cs, uint64_t va, bool running, uint64_t seq)
{
	int ret;

	if (running) {
		((volatile uint32_t *)cs->data.cpu)[WORD_GO] = 1;
	} else {
		amd_userptr_cs_begin(cs);
		put_stores(cs, va);
		ret = submit(cs, &seq);
		if (ret)
			return ret;
	}
	return __amd_userptr_cs_wait(cs, seq, AMD_USERPTR_WAIT_MS);
}

/*
 * Returns false if the attempt shows nothing: the process has exited before the IB stored, and the
 * new memory of the test has got none of the pages.
 */
static bool exit_once(struct amd_userptr *mine, bool running)
{
	const int fd = drm_reopen_driver(mine->fd);
	struct owner owner;
	struct amd_userptr_cs cs;
	unsigned int index;
	uint32_t *fresh;
	uint64_t seq = 0;
	bool waits, reused = true;
	int ret;

	igt_assert_eq(__amd_userptr_cs_open(fd, AMD_KFD_QUEUE_PM4, &cs), 0);
	owner_start(fd, &owner);
	seq = submit_reader(&cs, owner.report->va);
	if (!running) {
		((volatile uint32_t *)cs.data.cpu)[WORD_GO] = 1;
		igt_assert_eq(__amd_userptr_cs_wait(&cs, seq, AMD_USERPTR_WAIT_MS), 0);
	}
	atomic_store(&owner.report->go, 1);
	waits = !igt_wait_pid(owner.pid, NULL, running ? EXIT_MS : AMD_USERPTR_WAIT_MS);
	igt_assert(running || !waits);
	fresh = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 3);
	if (!waits)
		reused = amd_userptr_find_reused(fresh, owner.report->pfns, SVM_PAGES, &index);
	ret = store_after_exit(&cs, owner.report->va, running, seq);
	if (waits)
		igt_assert(igt_wait_pid(owner.pid, NULL, AMD_USERPTR_WAIT_MS));
	igt_info("%s; submission: %s\n",
		 waits	  ? "the exit waits for the submission"
		 : reused ? "the process has exited, and its pages are used again"
			  : "the process has exited, and none of its pages is used again",
		 ret ? strerror(-ret) : "done");
	amd_pattern_check(fresh, AMD_USERPTR_FRESH_SIZE, 3,
			  "memory that has a page of the process");
	amd_userptr_munmap(mine, fresh, AMD_USERPTR_FRESH_SIZE);
	amd_userptr_cs_close(&cs);
	munmap(owner.report, sizeof(*owner.report));
	drm_close_driver(fd);
	return reused;
}

static void exits(struct amd_userptr *mine, void *data)
{
	const bool running = *(const bool *)data;
	bool reused = false;

	amd_userptr_stay_on_cpu();
	for (unsigned int i = 0; i < ROUNDS && !reused; i++)
		reused = exit_once(mine, running);
	igt_assert_f(reused, "the new memory got none of the freed pages\n");
}

/* ---- subtests ---- */

static void in_child_with_svm(struct amd_userptr *up, amd_userptr_act *act, bool data)
{
	uint32_t *cpu = amd_userptr_mmap(up, SVM_SIZE, 1);
	const int ret = __amd_kfd_svm_access(&up->kfd, cpu, SVM_SIZE);

	/* Only the parent can skip. */
	igt_require_f(ret == 0, "KFD offers no shared virtual memory: %s\n", strerror(-ret));
	amd_userptr_munmap(up, cpu, SVM_SIZE);
	amd_userptr_in_faulting_child(up, act, &data);
}

static void run_prot_none(struct amd_userptr *up)
{
	in_child_with_svm(up, svm_prot_none, false);
}

static void run_split(struct amd_userptr *up)
{
	in_child_with_svm(up, split, false);
}

static void run_split_by_attribute(struct amd_userptr *up)
{
	in_child_with_svm(up, split, true);
}

static void run_exit(struct amd_userptr *up)
{
	in_child_with_svm(up, exits, false);
}

static void run_exit_running(struct amd_userptr *up)
{
	in_child_with_svm(up, exits, true);
}

const struct amd_userptr_subtest amd_userptr_svm_subtests[] = {
	{ .name = "svm-prot-none",
	  .run = run_prot_none,
	  .describe =
		  "The GPU does not reach pages of SVM that were freed without read permission." },
	{ .name = "svm-split",
	  .run = run_split,
	  .describe =
		  "The GPU does not reach freed pages of an SVM range that munmap() has split before the restore." },
	{ .name = "svm-split-attribute",
	  .run = run_split_by_attribute,
	  .describe =
		  "The GPU does not reach freed pages of an SVM range that an ioctl has split before the restore." },
	{ .name = "svm-exit",
	  .run = run_exit,
	  .describe = "A submission does not reach the SVM memory of a process that has exited." },
	{ .name = "svm-exit-running",
	  .run = run_exit_running,
	  .describe =
		  "A submission that runs does not reach the SVM memory of a process that has exited." },
};
const unsigned int amd_userptr_num_svm_subtests = ARRAY_LENGTH(amd_userptr_svm_subtests);
