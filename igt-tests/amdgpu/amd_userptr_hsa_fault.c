// SPDX-License-Identifier: MIT
/*
 * The GPU accesses holes, read-only memory and addresses that were unmapped, which must fault.  One
 * subtest shows that a userptr without the flag loses its GPU mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_mm.h"

#include "amd_userptr_hsa.h"

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

	/* Before the next restore the GPU must not get new memory at the same address. */
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

static struct evictor {
	struct amd_userptr_stall stall;
	int fd; /* a debugfs file: a read of it makes TTM evict all VRAM */
} evictor;

/*
 * Let TTM evict all VRAM, page tables included, and unmap while the page tables are not in VRAM.
 * KFD cannot bring them back, because its restore needs a lock of the userptr restore worker, which
 * waits for a page.
 */
static void unmap_evicted(struct amd_userptr *mine, uint32_t handle, uint64_t va)
{
	const struct amd_kfd_smi_counts *count = &mine->smi.count;
	char text[32];

	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_stall_hold(&evictor.stall, mine);
	igt_assert_lt(0, read(evictor.fd, text, sizeof(text)));
	igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_UNMAP, handle, va, 0, AMD_USERPTR_SIZE,
				       0),
		      0);
	igt_assert(amd_userptr_queues_evicted(mine));
	igt_assert_lt(0, count->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_TTM]);
	amd_userptr_stall_release(&evictor.stall);
	amd_kfd_smi_wait(&mine->smi, KFD_SMI_EVENT_QUEUE_RESTORE, count->evictions,
			 AMD_USERPTR_WAIT_MS);
}

/* The BO is in GTT and no userptr, because nothing but the VA ioctl updates such a mapping. */
static void unmap_while_evicted(struct amd_userptr *mine, void *data)
{
	union drm_amdgpu_gem_create create = { .in = {
						       .bo_size = AMD_USERPTR_SIZE,
						       .domains = AMDGPU_GEM_DOMAIN_GTT,
					       } };
	uint64_t va = amd_kfd_va_reserve(AMD_USERPTR_SIZE, 0);

	igt_assert(va);
	igt_assert_eq(drmIoctl(mine->fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &create), 0);
	igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_MAP, create.out.handle, va, 0,
				       AMD_USERPTR_SIZE, AMD_USERPTR_RW),
		      0);
	amd_userptr_gpu_fill(mine, va, AMD_USERPTR_SIZE, 1);
	amd_userptr_gpu_check(mine, va, AMD_USERPTR_SIZE, 1);
	unmap_evicted(mine, create.out.handle, va);
	amd_userptr_store_faults(mine, va + AMD_USERPTR_SIZE / 2, getpagesize());
	/* Close the stall's userptr after the access, because a close updates page tables, too. */
	amd_userptr_stall_drop(&evictor.stall, mine);
	igt_assert_eq(__amd_userptr_close_handle(mine->fd, create.out.handle), 0);
	amd_kfd_va_release(va, AMD_USERPTR_SIZE);
}

/* Stop the FUSE server, so that a page that the child waits for does not come any more. */
static void end_evictor(struct amd_userptr *up)
{
	amd_userptr_stall_fini(&evictor.stall);
	close(evictor.fd);
}

static void va_unmap_while_evicted(struct amd_userptr *up)
{
	int no_stall;

	evictor.fd = igt_debugfs_open(up->fd, "amdgpu_evict_vram", O_RDONLY);
	igt_require_f(evictor.fd >= 0, "no debugfs file to evict VRAM with\n");
	no_stall = __amd_userptr_stall_init(&evictor.stall);
	igt_require_f(!no_stall, "no FUSE file to hold the worker: %s\n", strerror(-no_stall));
	up->undo = end_evictor;
	amd_userptr_in_faulting_child(up, unmap_while_evicted, NULL);
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
	{ .name = "readonly-then-write",
	  .run = readonly_then_write,
	  .describe = "The GPU cannot write a read-only userptr." },
	{ .name = "va-unmap-then-access",
	  .run = va_unmap_then_access,
	  .describe = "A GPU address faults as soon as it is unmapped." },
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
