// SPDX-License-Identifier: MIT
/* The memory of the BOs, the model of the mappings, and the check of both by the GPU. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_stamp.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_mm.h"

#include "amd_va_mappings.h"

#define HUGE_SIZE ((size_t)HUGE_PAGES * AMD_GPU_PAGE_SIZE)

/* The GPU copies this much of each page that it checks: a whole line of its caches. */
enum { SAMPLE_SIZE = 64 };

/* The most samples in one submission, so that their packets have room in the ring. */
enum { SAMPLES = 96, SAMPLES_OF_MAPPING = 4 };

unsigned int mappings_pick(struct mappings *all, unsigned int limit)
{
	return amd_stamp_pick(&all->random, limit);
}

/* ---- memory ---- */

static char *page_of(const struct mappings *all, unsigned int bo, unsigned int page)
{
	if (all->bos[bo].cpu)
		return all->bos[bo].cpu + (size_t)page * AMD_GPU_PAGE_SIZE;
	return amd_userptr_scatter_byte(&all->scatter, (uint64_t)page * AMD_GPU_PAGE_SIZE);
}

/* Store new stamps in @count pages from page @first on. */
static void stamp(struct mappings *all, unsigned int bo, unsigned int first, unsigned int count)
{
	for (unsigned int page = first; page < first + count; page++) {
		all->bos[bo].stamps[page] = ++all->last_stamp;
		memcpy(page_of(all, bo, page), &all->last_stamp, sizeof(uint32_t));
	}
}

static char *map_huge(struct amd_userptr *up, size_t size)
{
	char *raw = mmap(NULL, size + HUGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
	     *cpu;

	amd_userptr_adopt(up, raw, size + HUGE_SIZE);
	cpu = (char *)(((uintptr_t)raw + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));
	/* With larger CPU pages a huge page is larger than this memory. */
	igt_assert_eq(madvise(cpu, size, MADV_HUGEPAGE), 0);
	memset(cpu, 0, size);
	return cpu;
}

static void make_gtt(struct mappings *all)
{
	struct mappings_bo *bo = &all->bos[BO_GTT];
	union drm_amdgpu_gem_create create = {
		.in = {
			.bo_size = HUGE_SIZE,
			.alignment = HUGE_SIZE,
			.domains = AMDGPU_GEM_DOMAIN_GTT,
			.domain_flags = AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED,
		},
	};
	union drm_amdgpu_gem_mmap map = {};

	igt_assert_eq(drmIoctl(all->up->fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &create), 0);
	map.in.handle = create.out.handle;
	igt_assert_eq(drmIoctl(all->up->fd, DRM_IOCTL_AMDGPU_GEM_MMAP, &map), 0);
	bo->cpu = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, all->up->fd,
		       map.out.addr_ptr);
	amd_userptr_adopt(all->up, bo->cpu, HUGE_SIZE);
	amd_userptr_adopt_bo(all->up, create.out.handle, NULL, HUGE_SIZE);
	bo->handle = create.out.handle;
	bo->pages = HUGE_PAGES;
}

static void make_userptr(struct mappings *all, unsigned int bo, char *cpu, unsigned int pages)
{
	all->bos[bo].cpu = cpu;
	all->bos[bo].pages = pages;
	all->bos[bo].handle = amd_userptr_create(all->up, cpu, (uint64_t)pages * AMD_GPU_PAGE_SIZE,
						 AMD_USERPTR_TRACKED)
				      ->handle;
}

void mappings_init(struct mappings *all, struct amd_userptr *up, uint64_t seed)
{
	enum { SMALL_PAGES = 256, SCATTER_PAGES = 64 };
	const size_t size = (size_t)WINDOW_PAGES * AMD_GPU_PAGE_SIZE;
	const unsigned int in_cpu_page = getpagesize() / AMD_GPU_PAGE_SIZE;

	memset(all, 0, sizeof(*all));
	all->up = up;
	all->random = seed;
	all->va = amd_kfd_va_reserve(size, HUGE_SIZE);
	igt_assert(all->va);
	make_userptr(all, BO_HUGE, map_huge(up, 2 * HUGE_SIZE), 2 * HUGE_PAGES);
	make_userptr(all, BO_SMALL,
		     (char *)amd_userptr_mmap(up, SMALL_PAGES * AMD_GPU_PAGE_SIZE, 1), SMALL_PAGES);
	amd_userptr_scatter_pages(&all->scatter, up, SCATTER_PAGES / in_cpu_page);
	amd_userptr_scatter_create(&all->scatter, 0);
	all->bos[BO_SCATTER].handle = all->scatter.bo->handle;
	all->bos[BO_SCATTER].pages = SCATTER_PAGES;
	make_gtt(all);
	for (unsigned int bo = 0; bo < NUM_BOS; bo++)
		stamp(all, bo, 0, all->bos[bo].pages);
}

void mappings_change(struct mappings *all, unsigned int first_bo)
{
	enum { MOST_CPU_PAGES = 64 };
	const size_t size = getpagesize();
	const unsigned int in_cpu_page = size / AMD_GPU_PAGE_SIZE;
	const unsigned int bo = first_bo + mappings_pick(all, BO_GTT - first_bo);
	const unsigned int cpu_pages = all->bos[bo].pages / in_cpu_page;
	const unsigned int first = mappings_pick(all, cpu_pages);
	unsigned int count = 1 + mappings_pick(all, MOST_CPU_PAGES), kind = mappings_pick(all, 4);

	if (count > cpu_pages - first)
		count = cpu_pages - first;
	for (unsigned int i = first; i < first + count; i++) {
		char *cpu = page_of(all, bo, i * in_cpu_page);

		if (kind == 0)
			igt_assert_eq(madvise(cpu, size, MADV_DONTNEED), 0);
		else if (kind == 1)
			igt_assert_eq(madvise(cpu, size, MADV_PAGEOUT), 0);
		else if (kind == 2)
			igt_assert_eq(__igt_mm_poke(cpu, size), 0);
		else if (i == first)
			igt_assert_eq(__igt_mm_fork_and_write(cpu, size), 0);
	}
	stamp(all, bo, first * in_cpu_page, count * in_cpu_page);
}

/* ---- the model ---- */

static void add(struct mappings *all, struct mapping mapping)
{
	igt_assert(all->count < WINDOW_PAGES);
	all->list[all->count++] = mapping;
}

void mappings_clear(struct mappings *all, unsigned int at, unsigned int count)
{
	static struct mapping old[WINDOW_PAGES];
	const unsigned int num_old = all->count, end = at + count;

	memcpy(old, all->list, num_old * sizeof(*old));
	all->count = 0;
	for (unsigned int i = 0; i < num_old; i++) {
		const struct mapping *whole = &old[i];
		const unsigned int whole_end = whole->at + whole->count;
		struct mapping part = *whole;

		if (whole_end <= at || whole->at >= end) {
			add(all, *whole);
			continue;
		}
		if (whole->at < at) {
			part.count = at - whole->at;
			add(all, part);
		}
		if (whole_end > end) {
			part.at = end;
			part.count = whole_end - end;
			part.page = whole->page + end - whole->at;
			add(all, part);
		}
	}
}

void mappings_map(struct mappings *all, const struct mapping *mapping)
{
	mappings_clear(all, mapping->at, mapping->count);
	add(all, *mapping);
	memset(all->was_mapped + mapping->at, true, mapping->count);
}

bool mappings_is_busy(const struct mappings *all, const struct mapping *mapping)
{
	for (unsigned int i = 0; i < all->count; i++) {
		const struct mapping *there = &all->list[i];

		if (there->at < mapping->at + mapping->count &&
		    mapping->at < there->at + there->count)
			return true;
	}
	return false;
}

bool mappings_keeps(const struct mappings *all, const struct mapping *mapping)
{
	for (unsigned int i = 0; i < all->count; i++) {
		if (!memcmp(&all->list[i], mapping, sizeof(*mapping)))
			return mapping->bo != BO_GTT;
	}
	return false;
}

/* ---- the check ---- */

struct sample {
	const struct mapping *mapping;
	unsigned int page; /* counted from the start of the mapping */
};

static void check_samples(struct mappings *all, const struct sample *samples, unsigned int count,
			  const char *call)
{
	struct amd_userptr *up = all->up;

	amd_kfd_smi_mark(&up->smi);
	for (unsigned int i = 0; i < count; i++)
		amd_kfd_queue_copy(up->queue, up->out.va + i * SAMPLE_SIZE,
				   all->va + (uint64_t)(samples[i].mapping->at + samples[i].page) *
						     AMD_GPU_PAGE_SIZE,
				   SAMPLE_SIZE);
	amd_kfd_queue_submit(up->queue);
	igt_assert_f(amd_userptr_done_or_faulted(up),
		     "GPU page fault at one of %u pages from page %u on, after %s\n", count,
		     samples[0].mapping->at + samples[0].page, call);
	for (unsigned int i = 0; i < count; i++) {
		const struct mapping *mapping = samples[i].mapping;
		const uint32_t *found = (uint32_t *)((char *)up->out.cpu + i * SAMPLE_SIZE);

		igt_assert_f(*found ==
				     all->bos[mapping->bo].stamps[mapping->page + samples[i].page],
			     "page %u of the window is not page %u of BO %u, after %s\n",
			     mapping->at + samples[i].page, mapping->page + samples[i].page,
			     mapping->bo, call);
	}
}

/* The GPU stores new stamps through the mappings that are writable. */
static void store_samples(struct mappings *all, const struct sample *samples, unsigned int count,
			  const char *call)
{
	struct amd_userptr *up = all->up;

	amd_kfd_smi_mark(&up->smi);
	for (unsigned int i = 0; i < count; i++) {
		const struct mapping *mapping = samples[i].mapping;
		const unsigned int page = mapping->page + samples[i].page;
		uint32_t *number = (uint32_t *)((char *)up->in.cpu + i * SAMPLE_SIZE);

		if (!(mapping->flags & AMDGPU_VM_PAGE_WRITEABLE))
			continue;
		*number = all->bos[mapping->bo].stamps[page] = ++all->last_stamp;
		amd_kfd_queue_copy(up->queue,
				   all->va + (uint64_t)(mapping->at + samples[i].page) *
						     AMD_GPU_PAGE_SIZE,
				   up->in.va + i * SAMPLE_SIZE, SAMPLE_SIZE);
	}
	amd_kfd_queue_submit(up->queue);
	igt_assert_f(amd_userptr_done_or_faulted(up), "GPU page fault of a store, after %s\n",
		     call);
	for (unsigned int i = 0; i < count; i++) {
		const struct mapping *mapping = samples[i].mapping;
		const unsigned int page = mapping->page + samples[i].page;

		igt_assert_f(!memcmp(page_of(all, mapping->bo, page),
				     &all->bos[mapping->bo].stamps[page], sizeof(uint32_t)),
			     "the CPU finds no store in page %u of BO %u, after %s\n", page,
			     mapping->bo, call);
	}
}

bool mappings_reaches_cleared(struct mappings *all)
{
	struct amd_userptr *up = all->up;

	for (unsigned int at = 0; at < WINDOW_PAGES; at++) {
		const struct mapping page = { .at = at, .count = 1 };

		if (!all->was_mapped[at] || mappings_is_busy(all, &page))
			continue;
		amd_kfd_smi_mark(&up->smi);
		amd_kfd_queue_copy(up->queue, up->out.va,
				   all->va + (uint64_t)at * AMD_GPU_PAGE_SIZE, SAMPLE_SIZE);
		amd_kfd_queue_submit(up->queue);
		return amd_userptr_done_or_faulted(up);
	}
	igt_assert_f(false, "every address that was mapped still is\n");
	return true;
}

void mappings_check(struct mappings *all, const char *call)
{
	struct sample samples[SAMPLES];
	unsigned int count = 0;

	for (unsigned int i = 0; i < all->count; i++) {
		const struct mapping *mapping = &all->list[i];

		for (unsigned int j = 0; j < SAMPLES_OF_MAPPING; j++) {
			samples[count].mapping = mapping;
			samples[count++].page = j == 0	 ? 0
						: j == 1 ? mapping->count - 1
							 : mappings_pick(all, mapping->count);
		}
		if (count == SAMPLES || (count && i == all->count - 1)) {
			check_samples(all, samples, count, call);
			store_samples(all, samples, count, call);
			count = 0;
		}
	}
}
