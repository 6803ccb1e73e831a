// SPDX-License-Identifier: MIT
/*
 * TTM evicts memory of the process while the queues are evicted for a userptr.  Meanwhile the
 * restore worker of the userptr waits for a page.  It does not hold the lock that KFD needs for the
 * restore after TTM's eviction, so KFD's restore may finish first.  The queues run again when both
 * restores have finished.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_stall.h"

#include "amd_userptr_hsa.h"

/* A size that no other BO has, so that the test finds its BOs by their size. */
#define EVICT_SIZE ((size_t)37 * getpagesize())

/*
 * Does amdgpu_gem_info show all BOs of EVICT_SIZE in the placement PREEMPTIBLE?  Userptrs have this
 * placement, so if all BOs have it, TTM has moved none of them.  The restore worker may hold
 * mmap_lock, so this function allocates and maps nothing.
 */
static bool all_preemptible(int gem_info)
{
	static char text[1 << 20]; /* a desktop has thousands of BOs */
	char size[32];
	size_t len = 0;
	ssize_t got;
	unsigned int found = 0;

	snprintf(size, sizeof(size), "%12zu byte ", EVICT_SIZE);
	while (len < sizeof(text) - 1 &&
	       (got = pread(gem_info, text + len, sizeof(text) - 1 - len, len)) > 0)
		len += got;
	igt_require_f(len < sizeof(text) - 1, "too many BOs of other processes\n");
	text[len] = '\0';
	for (const char *at = strstr(text, size); at; at = strstr(at + 1, size)) {
		if (strncmp(at + strlen(size), "PREEMPTIBLE", strlen("PREEMPTIBLE")))
			return false;
		found++;
	}
	igt_assert_lt(0, found);
	return true;
}

/*
 * The stall and the open files of a subtest, in a static struct, so that the clean-up closes them
 * after a skip or a failure, too.
 */
static struct {
	struct amd_userptr_stall stall;
	int evict, gem_info; /* debugfs files */
} test;

static void end_evict(struct amd_userptr *up)
{
	amd_userptr_stall_drop(&test.stall, up);
	amd_userptr_stall_fini(&test.stall);
	if (test.evict >= 0)
		close(test.evict);
	if (test.gem_info >= 0)
		close(test.gem_info);
}

static void evict_while_invalid(struct amd_userptr *up, const char *what)
{
	const struct amd_kfd_smi_counts *count = &up->smi.count;
	struct amd_userptr_bo *bo;
	int no_stall;
	char text[32];

	test.evict = __amd_info_debugfs(up->fd, what);
	test.gem_info = __amd_info_debugfs(up->fd, "amdgpu_gem_info");
	up->undo = end_evict;
	igt_require_f(test.evict >= 0 && test.gem_info >= 0, "no debugfs file to evict with\n");
	no_stall = __amd_userptr_stall_init(&test.stall);
	igt_require_f(!no_stall, "no FUSE file to hold the worker: %s\n", strerror(-no_stall));
	bo = amd_userptr_tracked(up, EVICT_SIZE, 1);
	igt_assert(all_preemptible(test.gem_info));
	amd_userptr_gpu_check(up, bo->va, EVICT_SIZE, 1);

	amd_kfd_smi_mark(&up->smi);
	amd_userptr_stall_hold(&test.stall, up);
	amd_userptr_dontneed(bo);
	igt_assert_lt(0, read(test.evict, text, sizeof(text)));
	igt_assert_eq(strtol(text, NULL, 10), 0);
	igt_assert(amd_userptr_queues_evicted(up));
	igt_assert_lt(0, count->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_USERPTR]);
	igt_assert_lt(0, count->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_TTM]);
	igt_assert(all_preemptible(test.gem_info));

	amd_userptr_stall_release(&test.stall);
	amd_kfd_smi_wait(&up->smi, KFD_SMI_EVENT_QUEUE_RESTORE, count->evictions,
			 AMD_USERPTR_WAIT_MS);
	amd_userptr_gpu_check_zero(up, bo->va, EVICT_SIZE);
	amd_userptr_roundtrip(up, bo, 2);
	igt_assert(all_preemptible(test.gem_info));
}

static void evict_vram(struct amd_userptr *up)
{
	evict_while_invalid(up, "amdgpu_evict_vram");
}

static void evict_gtt(struct amd_userptr *up)
{
	evict_while_invalid(up, "amdgpu_evict_gtt");
}

const struct amd_userptr_subtest amd_userptr_evict_subtests[] = {
	{ .name = "evict-vram-while-invalid",
	  .run = evict_vram,
	  .describe =
		  "Queues run again after TTM evicted VRAM while a userptr was invalid, and TTM did not move the userptr." },
	{ .name = "evict-gtt-while-invalid",
	  .run = evict_gtt,
	  .describe =
		  "Queues run again after TTM evicted system memory while a userptr was invalid." },
};
const unsigned int amd_userptr_num_evict_subtests = ARRAY_LENGTH(amd_userptr_evict_subtests);
