// SPDX-License-Identifier: MIT
/*
 * Other users of memory management: locked memory, a checkpoint tool that clears the soft-dirty
 * bits, and two processes that together want more VRAM than there is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_os.h"
#include "igt_sysfs.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/igt_procfs.h"
#include "lib/igt_reclaim.h"
#include "lib/igt_time.h"

#include "amd_userptr_mixed.h"

/* ---- mlock() ---- */

static unsigned long long locked_kb(void)
{
	return igt_procfs_number("/proc/self/status", "VmLck:");
}

/*
 * The kernel does not reclaim locked pages.  Neither mlock() nor munlock() changes a page, so
 * neither evicts the queues.
 */
static void mlocked(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, MIXED_SIZE, 1);
	const unsigned long long before = locked_kb();
	int ret;

	igt_require_f(igt_get_total_swap_mb(), "no swap space is in use\n");
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(mlock(bo->cpu, bo->size), 0);
	igt_assert_eq_u64(locked_kb(), before + bo->size / 1024);
	igt_assert_eq(madvise(bo->cpu, bo->size, MADV_PAGEOUT), -1);
	igt_assert_eq(errno, EINVAL);
	amd_userptr_roundtrip(up, bo, 2);
	igt_assert_eq(munlock(bo->cpu, bo->size), 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 3);
	amd_userptr_expect_no_eviction(up);

	/* The same pages, no longer locked, go to swap and come back. */
	ret = __igt_reclaim_pageout(bo->cpu, bo->size);
	igt_require_f(ret != -ETIME, "the kernel reclaimed nothing\n");
	igt_assert_eq(ret, 0);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 3);
	amd_userptr_roundtrip(up, bo, 4);
}

/*
 * mlock() of memory that the driver tracks and that has lost its pages: the kernel faults in all
 * pages before mlock() returns, and the GPU gets these pages.
 */
static void mlocked_dropped(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, MIXED_SIZE, 1);

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(bo->cpu, bo->size, MADV_DONTNEED), 0);
	igt_assert_eq(mlock(bo->cpu, bo->size), 0);
	amd_userptr_expect_evictions(up, 0);
	igt_assert_eq(__igt_reclaim_pages_in(bo->cpu, bo->size), bo->size / getpagesize());
	amd_userptr_gpu_check_zero(up, bo->va, bo->size);
	amd_userptr_roundtrip(up, bo, 2);
	igt_assert_eq(munlock(bo->cpu, bo->size), 0);
}

/* ---- soft-dirty bits ---- */

/* Documentation/admin-guide/mm/soft-dirty.rst */
#define CLEAR_SOFT_DIRTY "4"

/* Is bit 55 of the pagemap set: has anything stored to the page since clear_soft_dirty()? */
static bool is_soft_dirty(const void *page)
{
	const off_t offset = (uintptr_t)page / getpagesize() * sizeof(uint64_t);
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	igt_assert_fd(pagemap);
	igt_assert_eq(pread(pagemap, &entry, sizeof(entry), offset), sizeof(entry));
	close(pagemap);
	return entry >> 55 & 1;
}

static void clear_soft_dirty(void)
{
	igt_assert(igt_sysfs_set(AT_FDCWD, "/proc/self/clear_refs", CLEAR_SOFT_DIRTY));
}

/*
 * A write to clear_refs makes the kernel write-protect all pages of the process, so the driver
 * evicts the queues.
 */
static void clear_refs(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, MIXED_SIZE, 1);

	igt_require_f(!access("/proc/self/clear_refs", W_OK), "no CONFIG_PROC_PAGE_MONITOR\n");
	amd_kfd_smi_mark(&up->smi);
	clear_soft_dirty();
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 2);
}

/*
 * A checkpoint tool copies the pages that are soft-dirty.  A store of the GPU does not set the bit
 * in the CPU's page tables, so the kernel must report each page as soft-dirty that the GPU may
 * write.
 */
static void soft_dirty(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, MIXED_SIZE, 1);
	uint32_t *other = amd_userptr_mmap(up, getpagesize(), 1);

	igt_require_f(is_soft_dirty(other), "the kernel has no soft-dirty bits\n");
	amd_kfd_smi_mark(&up->smi);
	clear_soft_dirty();
	amd_userptr_expect_evictions(up, 0);
	igt_assert(!is_soft_dirty(other));
	amd_userptr_gpu_fill(up, bo->va, bo->size, 2);
	for (size_t at = 0; at < bo->size; at += getpagesize())
		igt_assert(is_soft_dirty((char *)bo->cpu + at));
	amd_pattern_check(bo->cpu, bo->size, 2, "written by the GPU");
}

/* ---- too little VRAM ---- */

/*
 * VRAM has PARTS parts.  The other process takes one part after the other, MOST_PARTS at most,
 * which is more than there is, and uses its userptr after each CHECK_EVERY parts.  The process
 * under test has KEPT_SIZE of VRAM.
 */
enum { PARTS = 64, MOST_PARTS = PARTS + PARTS / 2, CHECK_EVERY = 8 };
#define KEPT_SIZE ((uint64_t)2 * AMD_USERPTR_STAGE)

/* The limit of the competition for VRAM. */
#define COMPETE_MS igt_patience(30000)

struct competition {
	atomic_uint parts; /* how many parts the other process has got */
	atomic_bool enough, ended;
};

static int create_vram(int fd, uint64_t size)
{
	union drm_amdgpu_gem_create args = {
		.in = { .bo_size = size,
			.alignment = getpagesize(),
			.domains = AMDGPU_GEM_DOMAIN_VRAM },
	};

	return drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &args) ? -errno : 0;
}

/* A second process with a queue and a userptr takes one part of VRAM after the other. */
static void take_vram(struct competition *competition, struct amd_userptr *up, uint64_t part)
{
	struct amd_userptr theirs;
	struct amd_userptr_bo *bo;
	uint32_t seed = 2;
	int ret = 0;

	amd_userptr_open_in_child(&theirs, up);
	bo = amd_userptr_tracked(&theirs, MIXED_SIZE, 1);
	while (!ret && !competition->enough && competition->parts < MOST_PARTS) {
		ret = create_vram(theirs.fd, part);
		competition->parts += !ret;
		if (competition->parts % CHECK_EVERY)
			continue;
		amd_userptr_dontneed(bo);
		amd_userptr_roundtrip(&theirs, bo, seed += 2);
	}
	competition->ended = true;
	/* TTM may refuse when system memory for the evicted VRAM is short. */
	igt_assert_f(!ret || ret == -ENOMEM, "VRAM: %s\n", strerror(-ret));
	/* The end of the process frees the VRAM. */
	_exit(IGT_EXIT_SUCCESS);
}

static void check_kept(struct amd_userptr *up, const struct amd_kfd_mem *kept)
{
	for (uint64_t at = 0; at < kept->size; at += AMD_USERPTR_STAGE)
		amd_userptr_gpu_check(up, kept->va + at, AMD_USERPTR_STAGE, 1 + at);
}

/*
 * Two processes want more VRAM than there is.  TTM evicts the VRAM of the process under test, while
 * the restore worker restores the userptr of that process.
 */
static void overcommit(struct amd_userptr *up)
{
	const struct amd_kfd_smi_counts *count = &up->smi.count;
	const uint64_t deadline = igt_now_ms() + COMPETE_MS;
	struct competition *competition = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
					       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct drm_amdgpu_info_vram_gtt vram = { 0 };
	struct amd_userptr_bo *bo;
	struct amd_kfd_mem kept;
	uint32_t seed = 2;

	amd_userptr_adopt(up, competition, getpagesize());
	amd_info(up->fd, AMDGPU_INFO_VRAM_GTT, &vram, sizeof(vram));
	igt_require_f(vram.vram_size / PARTS > KEPT_SIZE, "the GPU has little VRAM\n");
	/* Fork before the BO exists, because a fork evicts the queues if there is a userptr. */
	igt_fork(child, 1)
		take_vram(competition, up, vram.vram_size / PARTS);
	amd_kfd_alloc_vram(&up->kfd, KEPT_SIZE, &kept);
	for (uint64_t at = 0; at < kept.size; at += AMD_USERPTR_STAGE)
		amd_userptr_gpu_fill(up, kept.va + at, AMD_USERPTR_STAGE, 1 + at);
	bo = amd_userptr_tracked(up, MIXED_SIZE, 1);
	amd_kfd_smi_mark(&up->smi);
	while (!competition->ended && igt_now_ms() < deadline) {
		amd_userptr_dontneed(bo);
		amd_userptr_roundtrip(up, bo, seed += 2);
		check_kept(up, &kept);
		amd_kfd_smi_drain(&up->smi);
		if (count->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_TTM])
			competition->enough = true;
	}
	competition->enough = true;
	igt_waitchildren_timeout(2 * AMD_USERPTR_WAIT_MS / 1000, "the process that takes VRAM");
	mixed_settle(up);
	igt_info("the other process got %u of %d parts of VRAM\n", competition->parts, PARTS);
	igt_assert_lt(0, count->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_TTM]);
	igt_assert_lt(0, count->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_USERPTR]);
	check_kept(up, &kept);
	amd_userptr_roundtrip(up, bo, seed + 2);
	amd_kfd_free(&up->kfd, &kept);
}

const struct amd_userptr_subtest amd_userptr_mixed_memory_subtests[] = {
	{ .name = "mlocked",
	  .run = mlocked,
	  .describe = "The GPU keeps the pages of locked memory, and finds them after a swap." },
	{ .name = "mlocked-dropped",
	  .run = mlocked_dropped,
	  .describe = "The GPU uses the pages that mlock() has faulted in." },
	{ .name = "clear-refs",
	  .run = clear_refs,
	  .describe = "The GPU works when all pages of the process were write-protected." },
	{ .name = "soft-dirty",
	  .run = soft_dirty,
	  .describe = "Pages that the GPU stores to are soft-dirty." },
	{ .name = "overcommit",
	  .run = overcommit,
	  .describe = "Two processes go on that want more VRAM than there is." },
};
const unsigned int amd_userptr_num_mixed_memory_subtests =
	ARRAY_LENGTH(amd_userptr_mixed_memory_subtests);
