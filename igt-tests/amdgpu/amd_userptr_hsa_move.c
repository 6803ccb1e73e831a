// SPDX-License-Identifier: MIT
/* The same content in other pages: mremap, migration, huge pages, swap. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "igt.h"

#include "amd_userptr_hsa.h"
#include "lib/amdgpu/amd_kfd_time.h"

/* How long to ask the kernel again for a reclaim it may refuse for a moment. */
enum { RECLAIM_MS = 5000 };

static void mremap_away(struct amd_userptr *up)
{
	const int prot = PROT_READ | PROT_WRITE;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	struct amd_userptr_bo *moved;
	const size_t size = AMD_USERPTR_SIZE;
	void *old = bo->cpu;
	void *to = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	amd_userptr_adopt(up, to, size);
	amd_kfd_smi_mark(&up->smi);
	igt_assert(mremap(old, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	/* Other pages behind the old address, none of them known to the GPU. */
	igt_assert(mmap(old, size, prot, flags, -1, 0) == old);
	igt_assert_eq(madvise(old, size, MADV_NOHUGEPAGE), 0);
	amd_userptr_expect_stops(up, 0);
	amd_userptr_check(to, size, 1, "moved");

	/* The mapping does not follow the pages: a new one does for the new address ... */
	moved = amd_userptr_create(up, to, size, AMD_USERPTR_TRACKED);
	amd_userptr_map(up, moved);
	amd_userptr_gpu_check(up, moved->va, size, 1);
	amd_userptr_roundtrip(up, moved, 2);

	/* ... and the old one shows what is at the old address, after the next event. */
	amd_userptr_fill(old, size, 4);
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_dontneed(bo);
	amd_userptr_expect_stops(up, 0);
	amd_userptr_gpu_check_zero(up, bo->va, size);
	amd_userptr_roundtrip(up, bo, 5);
	amd_userptr_check(to, size, 3, "the moved pages, written last by the CPU");
}

static bool move_to_node(struct amd_userptr_bo *bo, int node)
{
	const int mpol_mf_move = 1 << 1;	/* include/uapi/linux/mempolicy.h */
	void *addrs[AMD_USERPTR_PAGES];
	int nodes[AMD_USERPTR_PAGES], status[AMD_USERPTR_PAGES];

	for (int i = 0; i < AMD_USERPTR_PAGES; i++) {
		addrs[i] = amd_userptr_page(bo, i);
		nodes[i] = node;
		status[i] = -1;
	}
	igt_assert_eq(syscall(SYS_move_pages, 0, (unsigned long)AMD_USERPTR_PAGES, addrs, nodes, status,
			      mpol_mf_move), 0);
	for (int i = 0; i < AMD_USERPTR_PAGES; i++) {
		if (status[i] != node)
			return false;
	}
	return true;
}

static void compact_memory(void)
{
	int fd = open("/proc/sys/vm/compact_memory", O_WRONLY);

	igt_require_f(fd >= 0, "one NUMA node and no compaction in this kernel\n");
	igt_assert_eq(write(fd, "1", 1), 1);
	close(fd);
}

static bool all_pages_moved(struct amd_userptr_bo *bo, const uint64_t *pfns)
{
	for (int i = 0; i < AMD_USERPTR_PAGES; i++) {
		if (amd_userptr_pfn(amd_userptr_page(bo, i)) == pfns[i])
			return false;
	}
	return true;
}

static bool any_page_moved(struct amd_userptr_bo *bo, const uint64_t *pfns)
{
	for (int i = 0; i < AMD_USERPTR_PAGES; i++) {
		if (amd_userptr_pfn(amd_userptr_page(bo, i)) != pfns[i])
			return true;
	}
	return false;
}

static void migrate(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	int high = amd_userptr_numa_node(1024), low = amd_userptr_numa_node(high);
	uint64_t pfns[AMD_USERPTR_PAGES];

	if (low >= 0)
		igt_assert(move_to_node(bo, low));
	amd_userptr_queue_alive(up);
	/* Whatever that was must be over before counting starts. */
	if (amd_userptr_stopped(up))
		amd_kfd_smi_wait(&up->smi, KFD_SMI_EVENT_QUEUE_RESTORE, up->smi.count.evictions,
				 AMD_USERPTR_WAIT_MS);
	amd_kfd_smi_mark(&up->smi);
	for (int i = 0; i < AMD_USERPTR_PAGES; i++) {
		pfns[i] = amd_userptr_pfn(amd_userptr_page(bo, i));
		igt_require_f(pfns[i], "page frame numbers are hidden (not root?)\n");
	}

	if (low >= 0) {
		igt_assert(move_to_node(bo, high));
		igt_assert(all_pages_moved(bo, pfns));
	} else {
		compact_memory();
		igt_require_f(any_page_moved(bo, pfns), "compaction moved none of the pages\n");
	}
	amd_userptr_expect_stops(up, 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 2);
}

/* EAGAIN: something else holds a page for a moment. */
static bool collapse(void *cpu, size_t size)
{
	const int madv_collapse = 25;		/* Linux 6.1, not in every libc */
	const uint64_t deadline = amd_kfd_now_ms() + RECLAIM_MS;
	int ret;

	do {
		ret = madvise(cpu, size, madv_collapse);
	} while (ret && errno == EAGAIN && amd_kfd_now_ms() < deadline);
	return ret == 0;
}

static void thp_collapse(struct amd_userptr *up)
{
	const size_t huge = 2u << 20;
	uint32_t *cpu = amd_userptr_mmap(up, 2 * huge, 0);
	struct amd_userptr_bo *bo;
	uint64_t pfn;

	cpu = (void *)(((uintptr_t)cpu + huge - 1) & ~(huge - 1));
	amd_userptr_fill(cpu, huge, 1);
	bo = amd_userptr_create(up, cpu, huge, AMD_USERPTR_TRACKED);
	amd_userptr_map(up, bo);
	amd_userptr_gpu_check(up, bo->va, huge, 1);
	pfn = amd_userptr_pfn(cpu);

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(cpu, huge, MADV_HUGEPAGE), 0);
	igt_require_f(collapse(cpu, huge), "no huge page to be had\n");
	igt_require_f(amd_userptr_pfn(cpu) != pfn, "the pages were not moved, or are hidden\n");
	amd_userptr_expect_stops(up, 0);
	amd_userptr_gpu_check(up, bo->va, huge, 1);
	amd_userptr_roundtrip(up, bo, 2);

	/* And back: the huge page is split and its second half given back. */
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise((char *)cpu + huge / 2, huge / 2, MADV_DONTNEED), 0);
	amd_userptr_expect_stops(up, 0);
	amd_userptr_gpu_check(up, bo->va, huge / 2, 3);
	amd_userptr_gpu_check_zero(up, bo->va + huge / 2, huge / 2);
	amd_userptr_roundtrip(up, bo, 4);
}

static unsigned long long vmstat(const char *wanted)
{
	unsigned long long value, found = 0;
	FILE *file = fopen("/proc/vmstat", "r");
	char name[64];

	igt_assert(file);
	while (fscanf(file, "%63s %llu", name, &value) == 2) {
		if (!strcmp(name, wanted))
			found = value;
	}
	fclose(file);
	return found;
}

/*
 * Pages that were touched just now may still be in another CPU's batch of pages
 * to put on the LRU lists, where reclaim does not see them.
 */
static bool page_out(struct amd_userptr_bo *bo, unsigned long long before)
{
	const uint64_t deadline = amd_kfd_now_ms() + RECLAIM_MS;

	do {
		igt_assert_eq(madvise(bo->cpu, bo->size, MADV_PAGEOUT), 0);
		if (vmstat("pswpout") > before)
			return true;
		sched_yield();
	} while (amd_kfd_now_ms() < deadline);
	return false;
}

static void pageout(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo;
	unsigned long long out;

	igt_require_f(amd_userptr_swap_is_on(), "no swap space is in use\n");
	bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	amd_userptr_roundtrip(up, bo, 2);

	amd_kfd_smi_mark(&up->smi);
	out = vmstat("pswpout");
	igt_require_f(page_out(bo, out), "the kernel reclaimed nothing\n");
	amd_userptr_expect_stops(up, 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 3);
	amd_userptr_roundtrip(up, bo, 4);
}

const struct amd_userptr_subtest amd_userptr_move_subtests[] = {
	{ .name = "userptr-mremap", .run = mremap_away,
	  .describe = "A mapping stays with its address, it does not follow moved pages." },
	{ .name = "migrate", .run = migrate,
	  .describe = "Pages that moved to other memory are followed." },
	{ .name = "thp-collapse", .run = thp_collapse,
	  .describe = "Pages collapsed into a huge one, and split again, are followed." },
	{ .name = "pageout", .run = pageout,
	  .describe = "Swapped out pages come back with their content." },
};
const unsigned int amd_userptr_num_move_subtests = ARRAY_LENGTH(amd_userptr_move_subtests);
