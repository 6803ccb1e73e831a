// SPDX-License-Identifier: MIT
/*
 * Memory that is taken from a process without a userptr: VRAM that TTM discards (H25 of
 * docs/upstreaming.md), and memory of SVM that the CPU may not read any more (H26).
 */
#include <errno.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_procfs.h"

#include "amd_userptr_stock_bugs.h"

/* ---- VRAM that is discarded ---- */

/* All BOs have this size, so that a new one gets the place of the one that was discarded. */
#define VRAM_SIZE ((size_t)1 << 20)

/* To take more VRAM would need more time than a subtest has. */
#define MOST_VRAM ((uint64_t)32 << 30)

/* The contents of the discardable BO, and of the BOs that the other file makes. */
#define KEPT   0x11111111u
#define CANARY 0x22222222u

/* Create a BO in VRAM and map it to the CPU.  Returns NULL if there is no memory for it. */
static uint32_t *vram_map(int fd, uint64_t flags)
{
	union drm_amdgpu_gem_create create = {
		.in = { .bo_size = VRAM_SIZE,
			.alignment = getpagesize(),
			.domains = AMDGPU_GEM_DOMAIN_VRAM,
			.domain_flags = AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED | flags },
	};
	union drm_amdgpu_gem_mmap map = {};
	void *cpu;

	if (drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &create))
		return NULL;
	map.in.handle = create.out.handle;
	igt_assert_eq(drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_MMAP, &map), 0);
	cpu = mmap(NULL, VRAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, map.out.addr_ptr);
	igt_assert(cpu != MAP_FAILED);
	return cpu;
}

/* One word of each page. */
static void fill(uint32_t *cpu, uint32_t value)
{
	for (size_t at = 0; at < VRAM_SIZE / sizeof(*cpu); at += getpagesize() / sizeof(*cpu))
		cpu[at] = value;
}

static unsigned int count(const uint32_t *cpu, uint32_t value)
{
	unsigned int found = 0;

	for (size_t at = 0; at < VRAM_SIZE / sizeof(*cpu); at += getpagesize() / sizeof(*cpu))
		found += cpu[at] == value;
	return found;
}

/*
 * Another file takes all VRAM.  TTM discards the first file's BO before it evicts others, because
 * such BOs have the lowest priority.  The first file then reads new memory, not the other file's.
 */
static void discarded(struct amd_userptr *up)
{
	struct drm_amdgpu_info_vram_gtt vram = {};
	uint32_t *kept, *theirs;
	int mine, other;
	uint64_t taken;

	amd_info(up->fd, AMDGPU_INFO_VRAM_GTT, &vram, sizeof(vram));
	igt_require_f(vram.vram_size <= MOST_VRAM, "the GPU has too much VRAM to take all of it\n");
	mine = drm_reopen_driver(up->fd);
	other = drm_reopen_driver(up->fd);
	kept = vram_map(mine, AMDGPU_GEM_CREATE_DISCARDABLE);
	igt_assert(kept);
	fill(kept, KEPT);
	for (taken = 0; taken < vram.vram_size && count(kept, KEPT); taken += VRAM_SIZE) {
		theirs = vram_map(other, 0);
		igt_require_f(theirs, "too little memory to take all VRAM\n");
		fill(theirs, CANARY);
		igt_assert_eq(munmap(theirs, VRAM_SIZE), 0);
	}
	/* A driver with this bug also forgets to count the VRAM out, and says so in the end. */
	if (count(kept, CANARY))
		igt_emit_ignore_dmesg_regex("VM memory stats for proc .* is non-zero when fini");
	igt_assert_f(!count(kept, CANARY), "%u pages that were discarded are the other file's\n",
		     count(kept, CANARY));
	igt_assert_eq(count(kept, KEPT), 0);
	munmap(kept, VRAM_SIZE);
	drm_close_driver(mine);
	drm_close_driver(other);
}

const struct amd_userptr_subtest amd_userptr_discarded_subtest = {
	.name = "discarded",
	.run = discarded,
	.describe = "A process does not reach VRAM that was taken from it by its CPU mapping.",
};

/* ---- SVM without read permission ---- */

#define SVM_SIZE  ((size_t)16 * getpagesize())
#define SVM_PAGES 16
#define ROUNDS	  16

struct svm {
	uint32_t *cpu;
	uint64_t va;
	unsigned int index;
	uint32_t *fresh;
};

/* Wait until the queues run again, and assert that SVM has stopped them. */
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

/* Free the pages that nobody may read, and allocate until the kernel hands out one of them. */
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
	bool stored;

	amd_userptr_stay_on_cpu();
	svm_register(mine, &svm);
	for (unsigned int i = 0; i < ROUNDS && !free_and_reuse(mine, &svm); i++) {
		amd_userptr_munmap(mine, svm.fresh, AMD_USERPTR_FRESH_SIZE);
		svm.fresh = NULL;
		/* The GPU has the memory again when the CPU has. */
		igt_assert_eq(mprotect(svm.cpu, SVM_SIZE, PROT_READ | PROT_WRITE), 0);
		wait_restored(mine);
		amd_userptr_gpu_fill(mine, svm.va, SVM_SIZE, 4 + i);
		amd_pattern_check(svm.cpu, SVM_SIZE, 4 + i, "written by the GPU");
	}
	igt_assert_f(svm.fresh, "the new memory got none of the freed pages\n");
	wait_restored(mine);
	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_gpu_store(mine, svm.va + svm.index * getpagesize(), AMD_USERPTR_STRAY_VALUE);
	stored = amd_userptr_done_or_faulted(mine);
	amd_pattern_check(svm.fresh, AMD_USERPTR_FRESH_SIZE, 3, "memory that has a freed page");
	igt_assert(!stored);
}

static void run_svm_prot_none(struct amd_userptr *up)
{
	uint32_t *cpu = amd_userptr_mmap(up, SVM_SIZE, 1);
	const int ret = __amd_kfd_svm_access(&up->kfd, cpu, SVM_SIZE);

	/* Only the parent can skip. */
	igt_require_f(ret == 0, "KFD offers no shared virtual memory: %s\n", strerror(-ret));
	amd_userptr_munmap(up, cpu, SVM_SIZE);
	amd_userptr_in_faulting_child(up, svm_prot_none, NULL);
}

const struct amd_userptr_subtest amd_userptr_svm_gone_subtest = {
	.name = "svm-prot-none",
	.run = run_svm_prot_none,
	.describe = "The GPU does not reach pages of SVM that were freed without read permission.",
};
