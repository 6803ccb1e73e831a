// SPDX-License-Identifier: MIT
/*
 * H14 of docs/upstreaming.md.  KFD let the process free a userptr that its queues still reached.
 * Freeing it removes the MMU notifier, so munmap() did not evict the queues.  The queues still
 * reach a userptr in two cases.  AMDKFD_IOC_UNMAP_MEMORY_FROM_GPU returns without waiting for the
 * page table update and the TLB flush when one of the GPUs in its list is unknown, or when a signal
 * comes.  And it unmaps only the first part of a mapping that GEM_VA has split.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kfd_ioctl.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_procfs.h"

#include "amd_userptr_stock_bugs.h"

/*
 * The userptr is large, because the queue reaches it until the driver has cleared its page table
 * entries, and more entries take longer.
 */
#define UNMAP_SIZE	 ((size_t)8 << 20)
/* The queue stores to the last pages: the kernel frees them last, and hands them out first. */
#define STORED_SIZE	 ((size_t)16 * getpagesize())
#define STORED_PAGES	 (STORED_SIZE / getpagesize())
#define STORED_MAX_PAGES 16
#define STORES		 1000

/*
 * How many rounds to make at most, and in how many of them new memory has to get freed pages while
 * the queue has stores left.  In other rounds the kernel hands out other pages, or these too late.
 */
#define ROUNDS	      8
#define ROUNDS_CAUGHT 2

struct unmap {
	/* Change the mapping of @mem so that the queues still reach a part of it after unmap(). */
	void (*prepare)(struct amd_userptr *mine, const struct amd_kfd_mem *mem);
	int (*unmap)(struct amd_userptr *mine, const struct amd_kfd_mem *mem);
	int expected;	     /* the error that unmap() returns */
	unsigned int caught; /* rounds in which freed pages came back while stores were left */
};

/*
 * Unmap @mem from the GPU and from a second GPU that does not exist.  Because the second GPU is
 * unknown, the stock ioctl returns before it has waited for the page table update and the TLB flush
 * of the first GPU.
 */
static int unmap_from_too_many(struct amd_userptr *mine, const struct amd_kfd_mem *mem)
{
	const uint32_t gpus[] = { mine->kfd.node.gpu_id, ~0u };
	struct kfd_ioctl_unmap_memory_from_gpu_args args = {
		.handle = mem->handle,
		.device_ids_array_ptr = (uintptr_t)gpus,
		.n_devices = ARRAY_LENGTH(gpus),
	};

	return ioctl(mine->kfd.fd, AMDKFD_IOC_UNMAP_MEMORY_FROM_GPU, &args) ? -errno : 0;
}

/* Let GEM_VA clear the second page, so that KFD's mapping has two parts, before and behind it. */
static void split(struct amd_userptr *mine, const struct amd_kfd_mem *mem)
{
	igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_CLEAR, 0, mem->va + getpagesize(), 0,
				       getpagesize(), 0),
		      0);
}

static int unmap_first_part(struct amd_userptr *mine, const struct amd_kfd_mem *mem)
{
	return __amd_kfd_unmap_memory(&mine->kfd, mem->handle);
}

/* Start stores to the memory at @va, and wait until the first of them is done. */
static uint32_t start_stores(struct amd_userptr *mine, uint64_t va)
{
	uint32_t first;

	amd_kfd_queue_copy(mine->queue, va, mine->in.va, STORED_SIZE);
	first = amd_kfd_queue_submit(mine->queue);
	for (unsigned int i = 1; i < STORES; i++)
		amd_kfd_queue_copy(mine->queue, va, mine->in.va, STORED_SIZE);
	amd_kfd_queue_submit(mine->queue);
	amd_kfd_queue_wait(mine->queue, first, AMD_USERPTR_WAIT_MS);
	return mine->queue->seqno;
}

static void free_too_early(struct amd_userptr *mine, void *data)
{
	char *cpu = (char *)amd_userptr_mmap(mine, UNMAP_SIZE, 1);
	char *stored = cpu + UNMAP_SIZE - STORED_SIZE;
	struct unmap *unmap = data;
	unsigned int index;
	uint64_t pfns[STORED_MAX_PAGES];
	struct amd_kfd_mem mem;
	uint32_t *fresh, last;
	bool running;

	igt_assert(STORED_PAGES <= STORED_MAX_PAGES);
	amd_userptr_stay_on_cpu();
	amd_kfd_register(&mine->kfd, cpu, UNMAP_SIZE, 0, &mem);
	for (unsigned int page = 0; page < STORED_PAGES; page++)
		pfns[page] = igt_procfs_pfn(stored + page * getpagesize());
	if (unmap->prepare)
		unmap->prepare(mine, &mem);
	amd_kfd_smi_mark(&mine->smi);
	last = start_stores(mine, mem.va + UNMAP_SIZE - STORED_SIZE);

	igt_assert_eq(unmap->unmap(mine, &mem), unmap->expected);
	running = !amd_kfd_queue_done(mine->queue, last);
	igt_assert_eq(__amd_kfd_free_memory(&mine->kfd, mem.handle), 0);
	amd_userptr_munmap(mine, cpu, UNMAP_SIZE);
	fresh = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 2);
	amd_userptr_done_or_faulted(mine);
	amd_pattern_check(fresh, AMD_USERPTR_FRESH_SIZE, 2, "memory that has a freed page");
	unmap->caught += running && amd_userptr_find_reused(fresh, pfns, STORED_PAGES, &index);
}

static void run(struct amd_userptr *up, const struct unmap *kind)
{
	struct unmap *unmap = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	igt_assert(unmap != MAP_FAILED);
	amd_userptr_adopt(up, unmap, getpagesize());
	*unmap = *kind;
	for (unsigned int i = 0; i < ROUNDS && unmap->caught < ROUNDS_CAUGHT; i++)
		amd_userptr_in_faulting_child(up, free_too_early, unmap);
	igt_assert_lte(ROUNDS_CAUGHT, unmap->caught);
}

static void after_failure(struct amd_userptr *up)
{
	run(up, &(struct unmap){ .unmap = unmap_from_too_many, .expected = -EINVAL });
}

static void after_split(struct amd_userptr *up)
{
	run(up, &(struct unmap){ .prepare = split, .unmap = unmap_first_part });
}

const struct amd_userptr_subtest amd_userptr_unmap_subtests[] = {
	{ .name = "unmap-failed-kfd",
	  .run = after_failure,
	  .describe =
		  "KFD does not free a userptr while its queues reach it after a failed UNMAP." },
	{ .name = "unmap-split-kfd",
	  .run = after_split,
	  .describe =
		  "KFD does not free a userptr while its queues reach a part that GEM_VA has split off." },
};
const unsigned int amd_userptr_num_unmap_subtests = ARRAY_LENGTH(amd_userptr_unmap_subtests);
