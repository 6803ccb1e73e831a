// SPDX-License-Identifier: MIT
/* The memory of the soak test: one area of each kind of backing, each a userptr. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "igt.h"

#include "amd_userptr_soak.h"

#define EVENT(name)    (1u << SOAK_##name)
#define FORKS	       (EVENT(FORK) | EVENT(FORK_WRITE))
/* Events of private memory and of files. */
#define ANY_MEMORY     (EVENT(REMAP) | EVENT(MPROTECT) | EVENT(MIGRATE) | EVENT(PAGEOUT))
#define PRIVATE_MEMORY (ANY_MEMORY | EVENT(DONTNEED) | FORKS | EVENT(REPLACE))
#define FILE_MEMORY    (ANY_MEMORY | EVENT(DONTNEED) | EVENT(PUNCH_HOLE))

#define CLEAN(name) (1u << SOAK_CLEAN_##name)
#define FREEABLE    (CLEAN(FREED) | CLEAN(FREED_COLD) | CLEAN(DROPPED))
#define PUNCHABLE   (CLEAN(READ) | CLEAN(READ_COLD) | CLEAN(POPULATED))

static const struct soak_backing backings[SOAK_NUM_AREAS] = {
	{ .name = "private anonymous",
	  .num_pages = 64,
	  .events = PRIVATE_MEMORY,
	  .cleans = FREEABLE | CLEAN(SWAPPED) },
	{ .name = "huge pages",
	  .huge = true,
	  .events = EVENT(DONTNEED) | FORKS | EVENT(PAGEOUT) | EVENT(MIGRATE) | EVENT(COLLAPSE),
	  .cleans = FREEABLE },
	{ .name = "shared anonymous",
	  .num_pages = 64,
	  .shared = true,
	  .events = EVENT(DONTNEED) | EVENT(MPROTECT) | EVENT(MIGRATE) | EVENT(PAGEOUT),
	  .cleans = PUNCHABLE },
	{ .name = "memfd",
	  .num_pages = 64,
	  .shared = true,
	  .file = true,
	  .events = FILE_MEMORY,
	  .cleans = PUNCHABLE },
	{ .name = "file",
	  .num_pages = 64,
	  .shared = true,
	  .file = true,
	  .on_disk = true,
	  .events = FILE_MEMORY,
	  .cleans = PUNCHABLE },
	{ .name = "read only",
	  .num_pages = 64,
	  .flags = AMDGPU_GEM_USERPTR_READONLY,
	  .events = PRIVATE_MEMORY },
	{ .name = "mergeable",
	  .num_pages = 64,
	  .same = true,
	  .flags = AMDGPU_GEM_USERPTR_READONLY,
	  .events = EVENT(KSM) | FORKS | EVENT(MPROTECT) },
};

unsigned int soak_pick(struct soak_thread *thread, unsigned int limit)
{
	return amd_stamp_pick(&thread->rng, limit);
}

unsigned int soak_pick_pages(struct soak_thread *thread, const struct soak_area *area,
			     unsigned int *count)
{
	const unsigned int pages = area->size / getpagesize();

	*count = 1 + soak_pick(thread, pages < SOAK_MAX_PAGES ? pages : SOAK_MAX_PAGES);
	return soak_pick(thread, pages - *count + 1);
}

char *soak_area_page(const struct soak_area *area, unsigned int page)
{
	return area->cpu + (size_t)page * getpagesize();
}

void *soak_area_mmap(struct soak_area *area, void *addr)
{
	int flags = area->backing->shared ? MAP_SHARED : MAP_PRIVATE;
	void *cpu;

	if (area->memfd < 0)
		flags |= MAP_ANONYMOUS;
	if (addr)
		flags |= MAP_FIXED;
	cpu = mmap(addr, area->size, PROT_READ | PROT_WRITE, flags, area->memfd, 0);
	if (cpu == MAP_FAILED)
		return NULL;
	if (!area->backing->huge)
		madvise(cpu, area->size, MADV_NOHUGEPAGE);
	if (area->backing->same)
		madvise(cpu, area->size, MADV_MERGEABLE);
	return cpu;
}

static int open_file(struct soak_area *area)
{
	char path[] = "/tmp/amd_userptr_soak-XXXXXX";

	area->memfd = -1;
	if (!area->backing->file)
		return 0;
	if (area->backing->on_disk) {
		area->memfd = mkstemp(path);
		if (area->memfd >= 0)
			unlink(path);
	} else {
		area->memfd = memfd_create("amd_userptr_soak", MFD_CLOEXEC);
	}
	if (area->memfd < 0 || ftruncate(area->memfd, area->size))
		return -errno;
	return 0;
}

static int map_memory(struct soak_area *area)
{
	const uint64_t addr =
		area->backing->huge ? amd_kfd_va_reserve(SOAK_HUGE_SIZE, SOAK_HUGE_SIZE) : 0;
	int ret = open_file(area);

	if (ret)
		return ret;
	area->cpu = soak_area_mmap(area, (void *)(uintptr_t)addr);
	if (!area->cpu)
		return -errno;
	if (area->backing->huge)
		madvise(area->cpu, area->size, MADV_HUGEPAGE);
	return 0;
}

int soak_area_create_bo(struct soak_area *area, int fd)
{
	area->bo.cpu = area->cpu;
	area->bo.size = area->size;
	return __amd_userptr_create(fd, area->cpu, area->size,
				    AMD_USERPTR_TRACKED | area->backing->flags, &area->bo.handle);
}

int soak_area_map_bo(struct soak_area *area, struct amd_userptr *up)
{
	const uint32_t flags = area->backing->flags & AMDGPU_GEM_USERPTR_READONLY
				       ? AMDGPU_VM_PAGE_READABLE
				       : AMD_USERPTR_RW;

	/*
	 * The area keeps its GPU addresses while it is unmapped from the GPU, so that a late access
	 * of the GPU cannot hit another area.
	 */
	if (!area->bo.va)
		area->bo.va =
			amd_kfd_va_reserve(area->size, area->backing->huge ? SOAK_HUGE_SIZE : 0);
	if (!area->bo.va)
		return -ENOMEM;
	return __amd_userptr_va(up, AMDGPU_VA_OP_MAP, area->bo.handle, area->bo.va, 0, area->size,
				flags);
}

int soak_area_unmap_bo(struct soak_area *area, struct amd_userptr *up)
{
	return __amd_userptr_va(up, AMDGPU_VA_OP_UNMAP, area->bo.handle, area->bo.va, 0, area->size,
				0);
}

int soak_area_destroy_bo(struct soak_area *area, struct amd_userptr *up)
{
	const uint32_t handle = area->bo.handle;

	area->bo.handle = 0;
	return __amd_userptr_close_handle(up->fd, handle);
}

static int stamp(struct soak_area *area, unsigned int number)
{
	const unsigned int pages = area->size / getpagesize();

	area->stamps = calloc(pages, sizeof(*area->stamps));
	area->by_gpu = calloc(pages, sizeof(*area->by_gpu));
	if (!area->stamps || !area->by_gpu)
		return -ENOMEM;
	for (unsigned int i = 0; i < pages; i++) {
		unsigned int twin = area->backing->same ? i % (pages / 2) : i;

		area->stamps[i].page = number * (SOAK_HUGE_SIZE / getpagesize()) + twin + 1;
		area->stamps[i].started = 1;
		amd_stamp_finish(&area->stamps[i], soak_area_page(area, i), getpagesize());
	}
	return 0;
}

static int create(struct soak *soak, struct soak_area *area, unsigned int number)
{
	pthread_rwlockattr_t attr;
	int ret;

	area->backing = &backings[number];
	area->size = area->backing->huge ? SOAK_HUGE_SIZE
					 : (size_t)area->backing->num_pages * getpagesize();
	pthread_rwlockattr_init(&attr);
	/* Prefer writers, because at any time some thread holds the lock for reading. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&area->shape, &attr);
	pthread_mutex_init(&area->content, NULL);

	ret = map_memory(area);
	if (!ret)
		ret = stamp(area, number);
	if (!ret)
		ret = soak_area_create_bo(area, soak->up->fd);
	if (!ret)
		ret = soak_area_map_bo(area, soak->up);
	return ret ? soak_fail(soak, ret, "area %s", area->backing->name) : 0;
}

int soak_areas_create(struct soak *soak)
{
	int ret = 0;

	for (unsigned int i = 0; i < SOAK_NUM_AREAS && !ret; i++)
		ret = create(soak, &soak->areas[i], i);
	return ret;
}

void soak_areas_destroy(struct soak *soak)
{
	for (unsigned int i = 0; i < SOAK_NUM_AREAS; i++) {
		struct soak_area *area = &soak->areas[i];
		int ret = area->bo.handle ? soak_area_destroy_bo(area, soak->up) : 0;

		if (ret)
			soak_fail(soak, ret, "destroy the userptr of %s", area->backing->name);
		if (area->bo.va)
			amd_kfd_va_release(area->bo.va, area->size);
		if (area->cpu)
			munmap(area->cpu, area->size);
		if (area->backing && area->memfd >= 0)
			close(area->memfd);
		free(area->stamps);
		free(area->by_gpu);
	}
}
