// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/igt_procfs.h"
#include "lib/igt_time.h"

#include "amd_va_pages.h"

#define BO_SIZE	    ((size_t)VA_BO_PAGES * AMD_GPU_PAGE_SIZE)
#define WINDOW_SIZE ((size_t)VA_WINDOW_PAGES * AMD_GPU_PAGE_SIZE)
/* Memory in which to look for neighbours.  In a boot that had run other tests 1 MiB had none. */
#define POOL_SIZE   ((size_t)32 << 20)

/* ---- memory ---- */

static bool are_neighbours(const char *cpu)
{
	return igt_procfs_pfn(cpu) + 1 == igt_procfs_pfn(cpu + getpagesize());
}

/* Memory of a BO that begins with two CPU pages that are neighbours. */
static char *map_adjacent(struct amd_userptr *up)
{
	char *pool = (char *)amd_userptr_mmap(up, POOL_SIZE, 0);

	for (size_t at = 0; at + BO_SIZE <= POOL_SIZE; at += getpagesize()) {
		if (are_neighbours(pool + at))
			return pool + at;
	}
	igt_skip_on_f(true, "no two neighbours in %zu pages, because memory is fragmented\n",
		      POOL_SIZE / getpagesize());
	return NULL;
}

/*
 * Memory of a BO in which no CPU page is the physical neighbour behind the one before it.  Of any
 * two pages only one can be that neighbour, so a pool of twice the size is large enough.
 */
static char *map_scattered(struct amd_userptr *up)
{
	const size_t page = getpagesize();
	char *pool = (char *)amd_userptr_mmap(up, 2 * BO_SIZE, 0);
	char *cpu = mmap(NULL, BO_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t from = 0;

	amd_userptr_adopt(up, cpu, BO_SIZE);
	for (size_t to = 0; to < BO_SIZE; to += page, from += page) {
		if (to && igt_procfs_pfn(pool + from) == igt_procfs_pfn(cpu + to - page) + 1)
			from += page;
		igt_assert(from < 2 * BO_SIZE);
		igt_assert(mremap(pool + from, page, page, MREMAP_MAYMOVE | MREMAP_FIXED,
				  cpu + to) == cpu + to);
	}
	for (size_t at = 0; at + page < BO_SIZE; at += page)
		igt_assert(!are_neighbours(cpu + at));
	return cpu;
}

/*
 * TTM takes the largest blocks that there are (ttm_pool.c), so pages are neighbours unless memory
 * is fragmented.  The test cannot check that, because the page map does not show the frames of a
 * mapping of a BO.
 */
static void make_gtt(struct va_window *window, struct va_bo *bo)
{
	union drm_amdgpu_gem_create create = {
		.in = {
			.bo_size = BO_SIZE,
			.alignment = getpagesize(),
			.domains = AMDGPU_GEM_DOMAIN_GTT,
			.domain_flags = AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED,
		},
	};
	union drm_amdgpu_gem_mmap map = {};

	igt_assert_eq(drmIoctl(window->fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &create), 0);
	bo->handle = create.out.handle;
	map.in.handle = bo->handle;
	igt_assert_eq(drmIoctl(window->fd, DRM_IOCTL_AMDGPU_GEM_MMAP, &map), 0);
	bo->cpu = mmap(NULL, BO_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, window->fd,
		       map.out.addr_ptr);
	amd_userptr_adopt(window->up, bo->cpu, BO_SIZE);
	memset(bo->cpu, 0, BO_SIZE);
}

static void make_bo(struct va_window *window, struct va_bo *bo, enum va_layout layout)
{
	const uint32_t flags = window->kind == VA_HSA ? AMD_USERPTR_TRACKED : AMD_USERPTR_LISTED;

	bo->expect = malloc(BO_SIZE);
	igt_assert(bo->expect);
	amd_pattern_fill(bo->expect, BO_SIZE, window->seed++);
	if (window->kind == VA_GTT) {
		make_gtt(window, bo);
	} else {
		if (layout == VA_ADJACENT)
			bo->cpu = map_adjacent(window->up);
		else if (layout == VA_SCATTERED)
			bo->cpu = map_scattered(window->up);
		else
			bo->cpu = (char *)amd_userptr_mmap(window->up, BO_SIZE, 0);
		igt_assert_eq(__amd_userptr_create(window->fd, bo->cpu, BO_SIZE, flags,
						   &bo->handle),
			      0);
	}
	memcpy(bo->cpu, bo->expect, BO_SIZE);
}

void va_window_open(struct va_window *window, struct amd_userptr *up, enum va_kind kind,
		    enum va_layout layout)
{
	memset(window, 0, sizeof(*window));
	window->up = up;
	window->kind = kind;
	/*
	 * The clean-up closes the window also if a call here fails, so say first that no file is
	 * open.
	 */
	window->fd = -1;
	window->fd = kind == VA_HSA ? up->fd : drm_reopen_driver(up->fd);
	window->seed = 1;
	for (unsigned int i = 0; i < VA_WINDOW_PAGES; i++)
		window->pages[i].bo = -1;
	if (kind != VA_HSA) {
		igt_assert_fd(window->fd);
		igt_assert_eq(__amd_userptr_cs_open(window->fd, AMD_KFD_QUEUE_SDMA, &window->cs),
			      0);
	}
	window->stage = malloc(WINDOW_SIZE);
	igt_assert(window->stage);
	window->va = amd_kfd_va_reserve(WINDOW_SIZE, 0);
	igt_assert(window->va);
	for (unsigned int i = 0; i < VA_BOS; i++)
		make_bo(window, &window->bos[i], layout);
}

void va_window_close(struct va_window *window)
{
	for (unsigned int i = 0; i < VA_BOS; i++) {
		if (window->bos[i].handle)
			__amd_userptr_close_handle(window->fd, window->bos[i].handle);
		free(window->bos[i].expect);
	}
	if (window->kind != VA_HSA && window->fd >= 0) {
		amd_userptr_cs_close(&window->cs);
		close(window->fd);
	}
	if (window->va)
		amd_kfd_va_release(window->va, WINDOW_SIZE);
	free(window->stage);
	memset(window, 0, sizeof(*window));
	window->fd = -1;
}

/* ---- GEM_VA ---- */

static int gem_va(struct va_window *window, uint32_t operation, uint32_t handle, unsigned int at,
		  unsigned int page, unsigned int count)
{
	const uint64_t va = window->va + (uint64_t)at * AMD_GPU_PAGE_SIZE,
		       offset = (uint64_t)page * AMD_GPU_PAGE_SIZE;
	const uint64_t size = (uint64_t)count * AMD_GPU_PAGE_SIZE;
	struct drm_amdgpu_gem_va args = {
		.handle = handle,
		.operation = operation,
		.flags = AMD_USERPTR_RW,
		.va_address = va,
		.offset_in_bo = offset,
		.map_size = size,
	};

	/*
	 * A submission waits for page table updates, but KFD's queues do not, so wait for them
	 * here.
	 */
	if (window->kind == VA_HSA)
		return __amd_userptr_va(window->up, operation, handle, va, offset, size,
					AMD_USERPTR_RW);
	return drmIoctl(window->fd, DRM_IOCTL_AMDGPU_GEM_VA, &args) ? -errno : 0;
}

void va_window_map(struct va_window *window, uint32_t operation, unsigned int at, int bo,
		   unsigned int page, unsigned int count)
{
	int ret;

	igt_assert(at + count <= VA_WINDOW_PAGES && page + count <= VA_BO_PAGES);
	ret = gem_va(window, operation, window->bos[bo].handle, at, page, count);
	igt_assert_f(!ret, "GEM_VA of pages %u to %u of BO %d at page %u: %s\n", page,
		     page + count - 1, bo, at, strerror(-ret));
	for (unsigned int i = 0; i < count; i++) {
		window->pages[at + i].bo = bo;
		window->pages[at + i].page = page + i;
	}
}

bool va_window_has_other(const struct va_window *window, unsigned int at, int bo, unsigned int page,
			 unsigned int count)
{
	for (unsigned int i = 0; i < VA_WINDOW_PAGES; i++) {
		if ((i < at || i >= at + count) && window->pages[i].bo == bo &&
		    window->pages[i].page >= page && window->pages[i].page < page + count)
			return true;
	}
	return false;
}

void va_window_clear(struct va_window *window, unsigned int at, unsigned int count)
{
	igt_assert(at + count <= VA_WINDOW_PAGES);
	igt_assert_eq(gem_va(window, AMDGPU_VA_OP_CLEAR, 0, at, 0, count), 0);
	for (unsigned int i = 0; i < count; i++)
		window->pages[at + i].bo = -1;
}

void va_window_change(struct va_window *window, int bo)
{
	struct va_bo *changed = &window->bos[bo];
	bool mapped = false;

	igt_assert(window->kind != VA_GTT);
	for (unsigned int i = 0; i < VA_WINDOW_PAGES; i++)
		mapped |= window->pages[i].bo == bo;
	amd_kfd_smi_mark(&window->up->smi);
	igt_assert_eq(madvise(changed->cpu, BO_SIZE, MADV_DONTNEED), 0);
	/*
	 * The memory may have several VMAs, and the kernel calls the notifier for each VMA.  So
	 * there may be several evictions.
	 */
	if (window->kind == VA_HSA && mapped)
		amd_userptr_expect_evictions(window->up, 0);
	amd_pattern_fill(changed->expect, BO_SIZE, window->seed++);
	memcpy(changed->cpu, changed->expect, BO_SIZE);
}

/* ---- traffic ---- */

/* Submit again after -EAGAIN: the kernel has moved a page of a userptr, as compaction may. */
static void run_cs(struct va_window *window)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	uint32_t handles[VA_BOS];
	uint64_t seq;
	int ret;

	for (unsigned int i = 0; i < VA_BOS; i++)
		handles[i] = window->bos[i].handle;
	do
		ret = __amd_userptr_cs_submit(&window->cs, handles, VA_BOS, &seq);
	while (ret == -EAGAIN && igt_now_ms() < deadline);
	igt_assert_eq(ret, 0);
	igt_assert_eq(__amd_userptr_cs_wait(&window->cs, seq, AMD_USERPTR_WAIT_MS), 0);
}

/* The GPU copies @size bytes from @va to the stage (@store false), or from the stage to @va. */
static void copy_by_cs(struct va_window *window, uint64_t va, char *stage, size_t size, bool store)
{
	struct amd_userptr_cs *cs = &window->cs;

	for (size_t at = 0, part; at < size; at += part) {
		part = size - at < AMD_USERPTR_CS_DATA ? size - at : AMD_USERPTR_CS_DATA;
		if (store)
			memcpy(cs->data.cpu, stage + at, part);
		else
			memset(cs->data.cpu, 0xff, part);
		amd_userptr_cs_begin(cs);
		amd_kfd_queue_copy(&cs->packets, store ? va + at : cs->data.va,
				   store ? cs->data.va : va + at, part);
		run_cs(window);
		if (!store)
			memcpy(stage + at, cs->data.cpu, part);
	}
}

static void copy_by_queue(struct amd_userptr *up, uint64_t va, char *stage, size_t size, bool store)
{
	if (store)
		memcpy(up->in.cpu, stage, size);
	else
		memset(up->out.cpu, 0xff, size);
	amd_kfd_queue_copy(up->queue, store ? va : up->out.va, store ? up->in.va : va, size);
	amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
	if (!store)
		memcpy(stage, up->out.cpu, size);
}

static void copy(struct va_window *window, unsigned int at, unsigned int count, bool store)
{
	const uint64_t va = window->va + (uint64_t)at * AMD_GPU_PAGE_SIZE;
	char *stage = window->stage + (size_t)at * AMD_GPU_PAGE_SIZE;

	if (window->kind == VA_HSA)
		copy_by_queue(window->up, va, stage, (size_t)count * AMD_GPU_PAGE_SIZE, store);
	else
		copy_by_cs(window, va, stage, (size_t)count * AMD_GPU_PAGE_SIZE, store);
}

static char *expected(struct va_window *window, unsigned int at)
{
	return window->bos[window->pages[at].bo].expect +
	       (size_t)window->pages[at].page * AMD_GPU_PAGE_SIZE;
}

/* Assert that page @at of the stage is the right one, and say which one is there instead. */
static void judge(struct va_window *window, unsigned int at)
{
	const char *there = window->stage + (size_t)at * AMD_GPU_PAGE_SIZE;

	if (!memcmp(there, expected(window, at), AMD_GPU_PAGE_SIZE))
		return;
	for (int bo = 0; bo < VA_BOS; bo++) {
		for (unsigned int i = 0; i < VA_BO_PAGES; i++)
			igt_assert_f(memcmp(there,
					    window->bos[bo].expect + (size_t)i * AMD_GPU_PAGE_SIZE,
					    AMD_GPU_PAGE_SIZE),
				     "page %u has page %u of BO %d instead of page %u of BO %d\n",
				     at, i, bo, window->pages[at].page, window->pages[at].bo);
	}
	igt_assert_f(false, "page %u has content of no BO instead of page %u of BO %d\n", at,
		     window->pages[at].page, window->pages[at].bo);
}

static void check_run(struct va_window *window, unsigned int at, unsigned int count)
{
	char *stage = window->stage + (size_t)at * AMD_GPU_PAGE_SIZE;

	copy(window, at, count, false);
	for (unsigned int i = 0; i < count; i++)
		judge(window, at + i);
	amd_pattern_fill(stage, (size_t)count * AMD_GPU_PAGE_SIZE, window->seed++);
	copy(window, at, count, true);
	for (unsigned int i = 0; i < count; i++)
		memcpy(expected(window, at + i), stage + (size_t)i * AMD_GPU_PAGE_SIZE,
		       AMD_GPU_PAGE_SIZE);
}

void va_window_check(struct va_window *window)
{
	unsigned int at = 0, end;

	while (at < VA_WINDOW_PAGES) {
		for (end = at; end < VA_WINDOW_PAGES && window->pages[end].bo >= 0; end++)
			;
		if (end > at)
			check_run(window, at, end - at);
		at = end + 1;
	}
	for (int bo = 0; bo < VA_BOS; bo++) {
		for (unsigned int i = 0; i < VA_BO_PAGES; i++)
			igt_assert_f(!memcmp(window->bos[bo].cpu + (size_t)i * AMD_GPU_PAGE_SIZE,
					     window->bos[bo].expect + (size_t)i * AMD_GPU_PAGE_SIZE,
					     AMD_GPU_PAGE_SIZE),
				     "the CPU finds wrong content in page %u of BO %d\n", i, bo);
	}
}
