// SPDX-License-Identifier: MIT
/*
 * The ways to map (columns).  Each column maps an array of ranges at GPU addresses that a queue can
 * use, and unmaps them.  This file calls ioctls itself; amd_userptr_bench_overhead.c measures the
 * time that the library adds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "amd_userptr_bench.h"

/* With this alignment one page directory entry can map a huge page. */
#define VA_ALIGNMENT ((uint64_t)2 << 20)

/* ---------------------------------------------------------------------------------------------- */
/* GEM												  */

static void end_step(struct bench *bench, enum bench_step step, uint64_t start)
{
	bench->step_ns[step] += bench_now_ns() - start;
}

static int gem_userptr(struct bench *bench, struct amd_userptr_args *args, uint32_t *handle)
{
	const uint64_t start = bench_now_ns();

	args->flags |= AMD_USERPTR_TRACKED;
	if (drmIoctl(bench->fd, AMD_IOCTL_GEM_USERPTR, args))
		return -errno;
	*handle = args->handle;
	end_step(bench, BENCH_USERPTR, start);
	return 0;
}

static int gem_close(struct bench *bench, uint32_t handle)
{
	const uint64_t start = bench_now_ns();

	if (drmCloseBufferHandle(bench->fd, handle))
		return -errno;
	end_step(bench, BENCH_CLOSE, start);
	return 0;
}

static int gem_userptr_one(struct bench *bench, uint64_t addr, uint64_t size, uint32_t *handle)
{
	struct amd_userptr_args args = { .addr = addr, .size = size };

	return gem_userptr(bench, &args, handle);
}

static int gem_userptr_scatter(struct bench *bench, const struct amd_userptr_range *ranges,
			       unsigned int count, uint64_t size, uint32_t *handle)
{
	struct amd_userptr_args args = {
		.size = size,
		.flags = AMDGPU_GEM_USERPTR_SCATTER,
		.ranges = (uintptr_t)ranges,
		.num_ranges = count,
		.range_stride = sizeof(*ranges),
	};

	return gem_userptr(bench, &args, handle);
}

/* Start a page table update; gem_wait() waits for all updates. */
static int gem_va(struct bench *bench, uint32_t operation, uint32_t handle, uint64_t va,
		  uint64_t size)
{
	struct amd_gem_va_args args = {
		.handle = handle,
		.operation = operation,
		.flags = operation == AMDGPU_VA_OP_CLEAR ? 0 : AMD_USERPTR_RW,
		.va_address = va,
		.map_size = size,
		.vm_timeline_syncobj_out = bench->syncobj,
		.vm_timeline_point = bench->point + 1,
	};
	const uint64_t start = bench_now_ns();

	if (drmIoctl(bench->fd, AMD_IOCTL_GEM_VA, &args))
		return -errno;
	bench->point++;
	end_step(bench, BENCH_VA, start);
	return 0;
}

static int gem_wait(struct bench *bench)
{
	const uint64_t start = bench_now_ns();
	int ret = drmSyncobjTimelineWait(bench->fd, &bench->syncobj, &bench->point, 1,
					 start + BENCH_WAIT_MS * 1000000ull, 0, NULL);

	end_step(bench, BENCH_WAIT, start);
	return ret;
}

static int reserve(struct bench_map *map)
{
	map->size = bench_memory_bytes(map->memory);
	map->va = amd_kfd_va_reserve(map->size, map->size >= VA_ALIGNMENT ? VA_ALIGNMENT : 0);
	return map->va ? 0 : -ENOMEM;
}

/*
 * Clear the page tables before closing the handle, because the driver must track memory for as long
 * as the GPU can reach it.
 */
static int gem_unmap(struct bench *bench, struct bench_map *map)
{
	int ret = gem_va(bench, AMDGPU_VA_OP_CLEAR, 0, map->va, map->size);

	if (!ret)
		ret = gem_wait(bench);
	if (map->replacement)
		gem_close(bench, map->replacement);
	map->replacement = 0;
	while (map->num_handles) {
		int err = gem_close(bench, map->handles[--map->num_handles]);

		ret = ret ? ret : err;
	}
	amd_kfd_va_release(map->va, map->size);
	return ret;
}

static int gem_replace(struct bench *bench, struct bench_map *map, unsigned int index,
		       const struct amd_userptr_range *range)
{
	/*
	 * If each range has a BO, close the BO of the replaced range below.  If one BO has all
	 * ranges, it stays until the unmap, so close only the BO that has replaced a range before.
	 */
	uint32_t *old = map->num_handles == map->memory->count ? &map->handles[index]
							       : &map->replacement;
	uint32_t handle = 0;
	int ret = gem_userptr_one(bench, range->addr, range->size, &handle);

	if (ret)
		return ret;
	ret = gem_va(bench, AMDGPU_VA_OP_REPLACE, handle, map->va + index * map->memory->size,
		     range->size);
	if (!ret)
		ret = gem_wait(bench);
	if (*old) {
		int err = gem_close(bench, *old);

		ret = ret ? ret : err;
	}
	*old = handle;
	return ret;
}

static int scatter_map(struct bench *bench, struct bench_map *map)
{
	const struct bench_memory *memory = map->memory;
	int ret = reserve(map);

	if (!ret)
		ret = gem_userptr_scatter(bench, memory->ranges, memory->count, map->size,
					  &map->handles[0]);
	if (ret)
		return ret;
	map->num_handles = 1;
	ret = gem_va(bench, AMDGPU_VA_OP_MAP, map->handles[0], map->va, map->size);
	return ret ? ret : gem_wait(bench);
}

static int flagged_map(struct bench *bench, struct bench_map *map)
{
	const struct bench_memory *memory = map->memory;
	int ret = reserve(map);

	while (!ret && map->num_handles < memory->count) {
		ret = gem_userptr_one(bench, memory->ranges[map->num_handles].addr, memory->size,
				      &map->handles[map->num_handles]);
		if (!ret)
			map->num_handles++;
	}
	for (unsigned int i = 0; !ret && i < memory->count; i++)
		ret = gem_va(bench, AMDGPU_VA_OP_MAP, map->handles[i], map->va + i * memory->size,
			     memory->size);
	return ret ? ret : gem_wait(bench);
}

static int contiguous_map(struct bench *bench, struct bench_map *map)
{
	int ret = reserve(map);

	if (!ret)
		ret = gem_userptr_one(bench, map->memory->ranges[0].addr, map->size,
				      &map->handles[0]);
	if (ret)
		return ret;
	map->num_handles = 1;
	ret = gem_va(bench, AMDGPU_VA_OP_MAP, map->handles[0], map->va, map->size);
	return ret ? ret : gem_wait(bench);
}

static const char *no_flag(const struct bench *bench)
{
	return bench->has_flag ? NULL : "the kernel does not know AMDGPU_GEM_USERPTR_HSA";
}

static const char *no_scatter(const struct bench *bench)
{
	return bench->has_scatter ? NULL : "the kernel does not know AMDGPU_GEM_USERPTR_SCATTER";
}

/* ---------------------------------------------------------------------------------------------- */
/* KFD												  */

static int kfd_map(struct bench *bench, struct bench_map *map)
{
	const struct bench_memory *memory = map->memory;
	int ret = reserve(map);

	for (; !ret && map->num_mems < memory->count; map->num_mems++) {
		unsigned int i = map->num_mems;

		ret = __amd_kfd_register(&bench->kfd, (void *)(uintptr_t)memory->ranges[i].addr,
					 memory->size, map->va + i * memory->size, &map->mems[i]);
		if (ret)
			break;
	}
	return ret;
}

static int kfd_unmap(struct bench *bench, struct bench_map *map)
{
	int ret = 0;

	while (map->num_mems) {
		int err = __amd_kfd_free(&bench->kfd, &map->mems[--map->num_mems]);

		ret = ret ? ret : err;
	}
	amd_kfd_va_release(map->va, map->size);
	return ret;
}

static int kfd_replace(struct bench *bench, struct bench_map *map, unsigned int index,
		       const struct amd_userptr_range *range)
{
	int ret = __amd_kfd_free(&bench->kfd, &map->mems[index]);

	return ret ? ret
		   : __amd_kfd_register(&bench->kfd, (void *)(uintptr_t)range->addr, range->size,
					map->va + index * map->memory->size, &map->mems[index]);
}

/* Map a piece of shared memory a second time, at @at: mremap(2) with an old size of 0. */
static int alias(const struct amd_userptr_range *range, uint64_t at)
{
	void *got = mremap((void *)(uintptr_t)range->addr, 0, range->size,
			   MREMAP_MAYMOVE | MREMAP_FIXED, (void *)(uintptr_t)at);

	return got == MAP_FAILED ? -errno : 0;
}

static int alias_map(struct bench *bench, struct bench_map *map)
{
	const struct bench_memory *memory = map->memory;
	int ret = reserve(map);

	for (unsigned int i = 0; !ret && i < memory->count; i++)
		ret = alias(&memory->ranges[i], map->va + i * memory->size);
	if (!ret)
		ret = __amd_kfd_register(&bench->kfd, (void *)(uintptr_t)map->va, map->size, 0,
					 &map->mems[0]);
	map->num_mems = !ret;
	return ret;
}

static int alias_replace(struct bench *bench, struct bench_map *map, unsigned int index,
			 const struct amd_userptr_range *range)
{
	return alias(range, map->va + index * map->memory->size);
}

/* ---------------------------------------------------------------------------------------------- */

const struct bench_column bench_columns[] = {
	{
		.name = "scatter",
		.title = "scatter BO",
		.kind = BENCH_ANON,
		.missing = no_scatter,
		.map = scatter_map,
		.unmap = gem_unmap,
		.replace = gem_replace,
	},
	{
		.name = "shuffled",
		.title = "scatter BO, ranges in random order",
		.kind = BENCH_SHUFFLED,
		.beside = true,
		.missing = no_scatter,
		.map = scatter_map,
		.unmap = gem_unmap,
		.replace = gem_replace,
	},
	{
		.name = "flagged",
		.title = "N flagged BOs",
		.kind = BENCH_ANON,
		.slow = true,
		.beside = true,
		.missing = no_flag,
		.map = flagged_map,
		.unmap = gem_unmap,
		.replace = gem_replace,
	},
	{
		.name = "kfd",
		.title = "KFD ALLOC + MAP per range",
		.kind = BENCH_ANON,
		.slow = true,
		.beside = true,
		.map = kfd_map,
		.unmap = kfd_unmap,
		.replace = kfd_replace,
	},
	{
		.name = "alias",
		.title = "mremap alias of a memfd + one KFD userptr",
		.kind = BENCH_MEMFD,
		.alias = true,
		.beside = true,
		.map = alias_map,
		.unmap = kfd_unmap,
		.replace = alias_replace,
	},
	{
		.name = "contiguous",
		.title = "one contiguous BO",
		.kind = BENCH_CONTIGUOUS,
		.missing = no_flag,
		.map = contiguous_map,
		.unmap = gem_unmap,
		.replace = gem_replace,
	},
	{
		.name = "huge",
		.title = "one contiguous BO in huge pages",
		.kind = BENCH_HUGE,
		.beside = true,
		.missing = no_flag,
		.map = contiguous_map,
		.unmap = gem_unmap,
		.replace = gem_replace,
	},
};
const unsigned int bench_num_columns = sizeof(bench_columns) / sizeof(bench_columns[0]);

const struct bench_column *bench_column_find(const char *name)
{
	for (unsigned int i = 0; i < bench_num_columns; i++) {
		if (!strcmp(bench_columns[i].name, name))
			return &bench_columns[i];
	}
	return NULL;
}

int bench_probe(struct bench *bench)
{
	struct bench_memory memory;
	uint32_t handle = 0;
	int ret = bench_memory_create(&memory, BENCH_ANON, 1, getpagesize());

	if (ret)
		return ret;
	ret = gem_userptr_one(bench, memory.ranges[0].addr, memory.size, &handle);
	bench->has_flag = !ret;
	if (!ret)
		gem_close(bench, handle);
	if (!ret)
		ret = gem_userptr_scatter(bench, memory.ranges, 1, memory.size, &handle);
	bench->has_scatter = !ret;
	if (!ret)
		gem_close(bench, handle);
	bench_memory_destroy(&memory);
	/* EINVAL means that the kernel does not know the flag; any other error fails the run. */
	return ret == -EINVAL ? 0 : ret;
}

int bench_map_init(struct bench_map *map, const struct bench_memory *memory)
{
	*map = (struct bench_map){
		.memory = memory,
		.handles = calloc(memory->count, sizeof(*map->handles)),
		.mems = calloc(memory->count, sizeof(*map->mems)),
	};
	if (map->handles && map->mems)
		return 0;
	bench_map_fini(map);
	return -ENOMEM;
}

void bench_map_fini(struct bench_map *map)
{
	free(map->handles);
	free(map->mems);
}
