// SPDX-License-Identifier: MIT
/*
 * The GPU accesses holes, read-only memory and addresses that were unmapped, and each of these
 * accesses must fault.  One subtest shows that a userptr without the flag loses its GPU mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_sysfs.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_gate.h"
#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_undo.h"

#include "amd_userptr_hsa.h"

/* The value of include/uapi/asm-generic/mman-common.h, which some libcs lack. */
enum { MADV_SOFT_OFFLINE_NOW = 101 };

static void munmap_and_fault(struct amd_userptr *mine, void *data)
{
	const int prot = PROT_READ | PROT_WRITE;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, AMD_USERPTR_SIZE, 1);
	struct amd_userptr_bo *other = amd_userptr_tracked(mine, AMD_USERPTR_SIZE, 2);
	void *cpu = bo->cpu;

	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_munmap(mine, cpu, AMD_USERPTR_SIZE);
	amd_userptr_expect_evictions(mine, 1);
	amd_userptr_roundtrip(mine, other, 3);

	/*
	 * No notifier runs for mmap(), so the GPU must not get this memory before the next restore.
	 */
	amd_userptr_adopt(mine, mmap(cpu, AMD_USERPTR_SIZE, prot, flags, -1, 0), AMD_USERPTR_SIZE);
	amd_pattern_fill(cpu, AMD_USERPTR_SIZE, 5);
	amd_userptr_store_faults(mine, bo->va + AMD_USERPTR_SIZE / 2, getpagesize());
	amd_pattern_check(cpu, AMD_USERPTR_SIZE, 5, "mapped after the munmap");
	amd_userptr_unmap(mine, bo);
	amd_userptr_destroy(mine, bo);
}

static void munmap_then_access(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, munmap_and_fault, NULL);
}

static void mprotect_and_fault(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, AMD_USERPTR_SIZE, 1);

	amd_kfd_smi_mark(&mine->smi);
	igt_assert_eq(mprotect(bo->cpu, AMD_USERPTR_SIZE, PROT_READ), 0);
	amd_userptr_expect_evictions(mine, 1);
	amd_userptr_queue_alive(mine);
	amd_userptr_store_faults(mine, bo->va + AMD_USERPTR_SIZE / 2, getpagesize());
	amd_pattern_check(bo->cpu, AMD_USERPTR_SIZE, 1, "made read-only");
}

static void mprotect_then_write(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, mprotect_and_fault, NULL);
}

static volatile sig_atomic_t poisoned;

static void count_poison(int sig, siginfo_t *info, void *context)
{
	poisoned += info->si_code == BUS_MCEERR_AR;
}

#define UNPOISON "/sys/kernel/debug/hwpoison/unpoison-pfn"

static bool unpoison(const char *what, const char *value)
{
	igt_sysfs_set(AT_FDCWD, UNPOISON, value);
	return true;
}

/* Let the kernel use the page again after the subtest; some kernels cannot. */
static void unpoison_later(uint64_t pfn)
{
	char text[32];

	if (access(UNPOISON, W_OK))
		return;
	snprintf(text, sizeof(text), "%#llx", (unsigned long long)pfn);
	igt_undo_later(unpoison, text, text);
}

/* Make a page fail.  MADV_HWPOISON sends SIGBUS to the process, so catch the signal. */
static void poison(void *page)
{
	const struct sigaction count = { .sa_sigaction = count_poison, .sa_flags = SA_SIGINFO };
	struct sigaction old;

	poisoned = 0;
	igt_assert_eq(sigaction(SIGBUS, &count, &old), 0);
	igt_assert_f(!madvise(page, getpagesize(), MADV_HWPOISON), "%s\n", strerror(errno));
	igt_assert_eq(sigaction(SIGBUS, &old, NULL), 0);
	igt_assert_eq(poisoned, 1);
}

/* The kernel has no page to put in place of the failed one, so the range is a hole. */
static void poison_and_fault(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, AMD_USERPTR_SIZE, 1);
	struct amd_userptr_bo *other = amd_userptr_tracked(mine, AMD_USERPTR_SIZE, 2);

	amd_kfd_smi_mark(&mine->smi);
	unpoison_later(igt_procfs_pfn(bo->cpu + AMD_USERPTR_SIZE / 2));
	poison(bo->cpu + AMD_USERPTR_SIZE / 2);
	amd_userptr_expect_evictions(mine, 0);
	amd_userptr_roundtrip(mine, other, 3);
	amd_userptr_store_faults(mine, bo->va + AMD_USERPTR_SIZE / 2, getpagesize());
	amd_pattern_check(bo->cpu, AMD_USERPTR_SIZE / 2, 1, "before the failed page");
}

static void poison_then_access(struct amd_userptr *up)
{
	/* Size 0 poisons nothing; it tests whether the kernel has the advice and permits it. */
	igt_require_f(!madvise(up->out.cpu, 0, MADV_HWPOISON), "no MADV_HWPOISON: %s\n",
		      strerror(errno));
	amd_userptr_in_faulting_child(up, poison_and_fault, NULL);
}

/*
 * The kernel takes a page that is about to fail out of use: it moves the content to another page,
 * as it does with all pages of memory that goes offline.
 */
static void soft_offline(struct amd_userptr *up)
{
	const uint64_t deadline = igt_now_ms() + IGT_MM_RETRY_MS;
	struct amd_userptr_bo *bo;
	uint64_t pfn;
	void *page;
	int ret;

	igt_require_f(!madvise(up->out.cpu, 0, MADV_SOFT_OFFLINE_NOW), "no MADV_SOFT_OFFLINE: %s\n",
		      strerror(errno));
	bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	page = amd_userptr_page(bo, AMD_USERPTR_PAGES / 2);
	pfn = igt_procfs_pfn(page);
	igt_assert(pfn);
	unpoison_later(pfn);
	amd_kfd_smi_mark(&up->smi);
	do {
		/* The kernel refuses while something else holds a reference to the page. */
		ret = madvise(page, getpagesize(), MADV_SOFT_OFFLINE_NOW) ? -errno : 0;
	} while ((ret == -EBUSY || ret == -EIO) && igt_now_ms() < deadline);
	igt_assert_eq(ret, 0);
	amd_userptr_expect_evictions(up, 0);
	igt_assert_neq_u64(igt_procfs_pfn(page), pfn);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 2);
}

static void write_readonly(struct amd_userptr *mine, void *data)
{
	void *cpu = amd_userptr_mmap(mine, AMD_USERPTR_SIZE, 1);
	struct amd_userptr_bo *bo =
		amd_userptr_create(mine, cpu, AMD_USERPTR_SIZE,
				   AMD_USERPTR_TRACKED | AMDGPU_GEM_USERPTR_READONLY);

	/* amd_userptr_map() asks for a writable mapping, but must get a read-only one. */
	amd_userptr_map(mine, bo);
	amd_userptr_gpu_check(mine, bo->va, AMD_USERPTR_SIZE, 1);
	amd_userptr_store_faults(mine, bo->va + AMD_USERPTR_SIZE / 2, getpagesize());
	amd_pattern_check(cpu, AMD_USERPTR_SIZE, 1, "read-only for the GPU");
}

static void readonly_then_write(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, write_readonly, NULL);
}

static void access_after_va_unmap(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, AMD_USERPTR_SIZE, 1);
	uint64_t va = bo->va;

	amd_userptr_gpu_check(mine, va, AMD_USERPTR_SIZE, 1);
	amd_userptr_unmap(mine, bo);
	amd_userptr_store_faults(mine, va + AMD_USERPTR_SIZE / 2, getpagesize());
	amd_pattern_check(bo->cpu, AMD_USERPTR_SIZE, 1, "unmapped from the GPU");
}

static void va_unmap_then_access(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, access_after_va_unmap, NULL);
}

/*
 * REPLACE a page of a mapping by the same page, and UNMAP it.  UNMAP finds a mapping by its first
 * address, so at REPLACE the driver must make a separate mapping of the page, although nothing
 * changes for the GPU.
 */
static void unmap_replaced_page(struct amd_userptr *mine, void *data)
{
	const size_t page = getpagesize(), last = AMD_USERPTR_SIZE - page;
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, AMD_USERPTR_SIZE, 1);
	const uint64_t offset = *(const uint64_t *)data * page, va = bo->va + offset;

	igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_REPLACE, bo->handle, va, offset, page,
				       AMD_USERPTR_RW),
		      0);
	amd_userptr_gpu_check(mine, bo->va, AMD_USERPTR_SIZE, 1);
	igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_UNMAP, bo->handle, va, 0, page, 0), 0);
	amd_kfd_queue_copy(mine->queue, mine->out.va, bo->va + last, page);
	amd_kfd_queue_submit(mine->queue);
	igt_assert_f(amd_userptr_done_or_faulted(mine), "GPU page fault in the rest\n");
	igt_assert(!memcmp(mine->out.cpu, (char *)bo->cpu + last, page));
	amd_userptr_store_faults(mine, va, page);
	amd_pattern_check(bo->cpu, AMD_USERPTR_SIZE, 1, "unmapped from the GPU");
}

static void va_unmap_replaced_page(struct amd_userptr *up)
{
	uint64_t first = 0, middle = 4;

	amd_userptr_in_faulting_child(up, unmap_replaced_page, &first);
	amd_userptr_in_faulting_child(up, unmap_replaced_page, &middle);
}

/*
 * The most tries.  On a busy machine KFD may have brought the page tables back to VRAM before the
 * unmap.
 */
#define EVICT_TRIES 8

static struct amd_userptr_stall stall;

/*
 * Open the file of debugfs whose first read makes TTM evict all VRAM.  A second read would return 0
 * and do nothing (fs/libfs.c:simple_attr_read()), and the file cannot be rewound, so open it again
 * for each eviction.
 */
static int open_evict(struct amd_userptr *up)
{
	return __amd_info_debugfs(up->fd, "amdgpu_evict_vram");
}

/*
 * Let TTM evict all VRAM, page tables included, and unmap while the page tables are not in VRAM.
 * KFD brings the page tables back 100 ms later.  Returns false if KFD did so before the unmap had
 * finished.  The state of the queues does not show that, because the held worker keeps the queues
 * evicted.  But the SMI events show it: while the worker is held, an SMI event of a restore comes
 * only from the restore that has brought the page tables back.
 */
static bool unmap_evicted(struct amd_userptr *mine, uint32_t handle, uint64_t va)
{
	const struct amd_kfd_smi_counts *count = &mine->smi.count;
	const int evict = open_evict(mine);
	bool evicted;
	char text[32];

	igt_assert_fd(evict);
	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_stall_hold(&stall, mine);
	igt_assert_lt(0, read(evict, text, sizeof(text)));
	igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_UNMAP, handle, va, 0, AMD_USERPTR_SIZE,
				       0),
		      0);
	amd_kfd_smi_drain(&mine->smi);
	evicted = count->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_TTM] > count->restores;
	igt_assert_lt(0, count->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_TTM]);
	amd_userptr_stall_release(&stall);
	amd_kfd_smi_wait(&mine->smi, KFD_SMI_EVENT_QUEUE_RESTORE, count->evictions,
			 AMD_USERPTR_WAIT_MS);
	close(evict);
	return evicted;
}

/*
 * The BO is in GTT and no userptr, because the restore worker writes the page table entries of
 * userptrs, too, and could hide a mistake of the VA ioctl.
 */
static void unmap_while_evicted(struct amd_userptr *mine, void *data)
{
	union drm_amdgpu_gem_create create = { .in = {
						       .bo_size = AMD_USERPTR_SIZE,
						       .domains = AMDGPU_GEM_DOMAIN_GTT,
					       } };
	uint64_t va = amd_kfd_va_reserve(AMD_USERPTR_SIZE, 0);
	bool evicted = false;

	igt_assert(va);
	igt_assert_eq(drmIoctl(mine->fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &create), 0);
	for (unsigned int i = 0; i < EVICT_TRIES && !evicted; i++) {
		amd_userptr_stall_drop(&stall, mine);
		igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_MAP, create.out.handle, va, 0,
					       AMD_USERPTR_SIZE, AMD_USERPTR_RW),
			      0);
		amd_userptr_gpu_fill(mine, va, AMD_USERPTR_SIZE, 1);
		amd_userptr_gpu_check(mine, va, AMD_USERPTR_SIZE, 1);
		evicted = unmap_evicted(mine, create.out.handle, va);
	}
	igt_assert(evicted);
	amd_userptr_store_faults(mine, va + AMD_USERPTR_SIZE / 2, getpagesize());
	/* Close the stall's userptr after the access, because a close updates page tables, too. */
	amd_userptr_stall_drop(&stall, mine);
	igt_assert_eq(__amd_userptr_close_handle(mine->fd, create.out.handle), 0);
	amd_kfd_va_release(va, AMD_USERPTR_SIZE);
}

/* Stop the FUSE server.  A child that still waits for a page then gets an error and can end. */
static void end_stall(struct amd_userptr *up)
{
	amd_userptr_stall_fini(&stall);
}

static void va_unmap_while_evicted(struct amd_userptr *up)
{
	const int evict = open_evict(up);
	int no_stall;

	igt_require_f(evict >= 0, "no debugfs file to evict VRAM with\n");
	close(evict);
	no_stall = __amd_userptr_stall_init(&stall);
	igt_require_f(!no_stall, "no FUSE file to hold the worker: %s\n", strerror(-no_stall));
	up->undo = end_stall;
	amd_userptr_in_faulting_child(up, unmap_while_evicted, NULL);
}

/* The number of processes that fault at the same time, and of stores in each of their queues. */
enum { STORM_PROCESSES = 4, STORM_STORES = 64 };

struct storm {
	struct igt_gate go;
	atomic_uint ready, faulted; /* numbers of processes */
};

/*
 * Put stores to all pages at @va into the ring of a queue of each kind.  The caller unmaps the
 * memory and then submits, so each store faults.
 */
static void store_a_lot(struct amd_userptr *mine, uint64_t va)
{
	for (int type = 0; type < AMD_KFD_NUM_QUEUE_TYPES; type++) {
		if (type == AMD_KFD_QUEUE_SDMA && !mine->kfd.node.num_sdma_engines)
			continue;
		amd_userptr_use_queue(mine, type);
		for (unsigned int i = 0; i < STORM_STORES; i++) {
			const uint32_t value = 0xdeadbeef;

			amd_kfd_queue_write(mine->queue, va + i % AMD_USERPTR_PAGES * getpagesize(),
					    &value, 1);
		}
	}
}

static void live_in_storm(struct storm *storm, struct amd_userptr *up)
{
	struct amd_userptr mine;
	struct amd_userptr_bo *bo;
	uint32_t event;

	amd_userptr_open_in_child(&mine, up);
	bo = amd_userptr_tracked(&mine, AMD_USERPTR_SIZE, 1);
	store_a_lot(&mine, bo->va);
	amd_kfd_smi_mark(&mine.smi);
	amd_userptr_munmap(&mine, bo->cpu, AMD_USERPTR_SIZE);
	amd_userptr_expect_evictions(&mine, 1);
	igt_assert_eq(__amd_kfd_fault_event_create(&mine.kfd, &event), 0);
	storm->ready++;
	igt_assert(igt_gate_is_open(&storm->go, AMD_USERPTR_WAIT_MS));
	for (int type = 0; type < AMD_KFD_NUM_QUEUE_TYPES; type++) {
		if (mine.have_queue[type])
			amd_kfd_queue_submit(&mine.queues[type]);
	}
	amd_userptr_expect_fault(&mine, event, bo->va, AMD_USERPTR_SIZE);
	storm->faulted++;
	amd_userptr_close(&mine);
}

/*
 * Several processes fault at the same time, with all kinds of queues.  KFD tells each process the
 * address of its own fault, and the queue of the parent, which does not fault, goes on.
 */
static void fault_storm(struct amd_userptr *up)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	struct storm *storm = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct amd_userptr_bo *bo;

	amd_userptr_adopt(up, storm, getpagesize());
	amd_info_ignore_fault_log();
	igt_gate_init(&storm->go);
	igt_fork(child, STORM_PROCESSES)
		live_in_storm(storm, up);
	bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	amd_kfd_smi_mark(&up->smi);
	while (storm->ready < STORM_PROCESSES && igt_now_ms() < deadline)
		igt_pause();
	igt_assert_eq(storm->ready, STORM_PROCESSES);
	igt_gate_open(&storm->go);
	for (uint32_t seed = 2; storm->faulted < STORM_PROCESSES && igt_now_ms() < deadline;
	     seed += 2)
		amd_userptr_roundtrip(up, bo, seed);
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the processes that fault");
	igt_assert_eq(storm->faulted, STORM_PROCESSES);
	igt_gate_fini(&storm->go);
	amd_userptr_roundtrip(up, bo, 1);
	amd_userptr_expect_no_eviction(up);
}

static void lose_the_mapping(struct amd_userptr *mine, void *data)
{
	const struct amd_kfd_smi_counts *count = &mine->smi.count;
	void *cpu = amd_userptr_mmap(mine, AMD_USERPTR_SIZE, 1);
	struct amd_userptr_bo *bo =
		amd_userptr_create(mine, cpu, AMD_USERPTR_SIZE,
				   AMD_USERPTR_TRACKED & ~AMDGPU_GEM_USERPTR_HSA);

	amd_userptr_map(mine, bo);
	amd_userptr_roundtrip(mine, bo, 2);

	amd_kfd_smi_mark(&mine->smi);
	igt_assert_eq(__igt_mm_fork_and_write(cpu, AMD_USERPTR_SIZE), 0);
	amd_kfd_smi_wait(&mine->smi, KFD_SMI_EVENT_QUEUE_EVICTION, 1, AMD_USERPTR_WAIT_MS);
	amd_kfd_smi_wait(&mine->smi, KFD_SMI_EVENT_QUEUE_RESTORE, count->evictions,
			 AMD_USERPTR_WAIT_MS);
	igt_assert_eq(count->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_USERPTR], 0);
	igt_assert_lt(0, count->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_TTM]);
	amd_userptr_queue_alive(mine);

	amd_userptr_store_faults(mine, bo->va + AMD_USERPTR_SIZE / 2, getpagesize());
	amd_pattern_check(cpu, AMD_USERPTR_SIZE, 3, "no longer mapped on the GPU");
}

/*
 * Without the flag the notifier makes TTM evict the whole process, as TTM does when it needs VRAM.
 * The eviction clears the page table entries of userptrs, and only a command submission would write
 * them again.
 */
static void stock_gap(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, lose_the_mapping, NULL);
}

const struct amd_userptr_subtest amd_userptr_fault_subtests[] = {
	{ .name = "munmap-then-access",
	  .run = munmap_then_access,
	  .describe =
		  "After munmap() other memory works, and a GPU access to the unmapped memory faults." },
	{ .name = "mprotect-then-write",
	  .run = mprotect_then_write,
	  .describe = "The GPU cannot write memory that the CPU may only read." },
	{ .name = "poison-then-access",
	  .run = poison_then_access,
	  .describe = "A page with a memory failure is a hole, and the queues go on." },
	{ .name = "soft-offline",
	  .run = soft_offline,
	  .describe = "The GPU uses the new page when the kernel takes a page out of use." },
	{ .name = "readonly-then-write",
	  .run = readonly_then_write,
	  .describe = "The GPU cannot write a read-only userptr." },
	{ .name = "va-unmap-then-access",
	  .run = va_unmap_then_access,
	  .describe = "A GPU address faults as soon as it is unmapped." },
	{ .name = "va-unmap-replaced-page",
	  .run = va_unmap_replaced_page,
	  .describe = "UNMAP removes a page that REPLACE has mapped again, and nothing else." },
	{ .name = "fault-storm",
	  .run = fault_storm,
	  .describe =
		  "Several processes fault at the same time, and a process beside them goes on." },
	{ .name = "va-unmap-while-evicted",
	  .run = va_unmap_while_evicted,
	  .describe =
		  "A GPU address faults that was unmapped while the page tables were evicted from VRAM." },
};
const unsigned int amd_userptr_num_fault_subtests = ARRAY_LENGTH(amd_userptr_fault_subtests);

const struct amd_userptr_subtest amd_userptr_stock_gap = {
	.name = "stock-gap",
	.run = stock_gap,
	.describe =
		"Without the flag the first change of the CPU's page tables ends the GPU mapping.",
};
