// SPDX-License-Identifier: MIT
/*
 * Measures two durations that are not in the grid of amd_userptr_bench_grid.c, each with one or two
 * numbers of ranges: the time that the library adds to its ioctls, and the time that the driver's
 * notifiers add when the CPU changes memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <amdgpu_userptr.h>

#include "amd_userptr_bench.h"

/*
 * How often a quick run measures each change of memory.  The number is small, because each
 * measurement allocates and maps new memory.
 */
#define QUICK_CHANGES 3

/*
 * The limits of interleave().  It measures at most MOST_PAIRS rounds.  After PAIR_BUDGETS times the
 * time that a cell has for its maps interleave() begins no further round, if it has made the usual
 * number of rounds by then.
 */
#define MOST_PAIRS   BENCH_MAX_SAMPLES
#define PAIR_BUDGETS 12

/* Use fewer ranges in a column that calls ioctls for each of them, because its map takes long. */
static unsigned int few(const struct bench *bench, unsigned int count)
{
	return bench->quick ? count / 16 : count / 4;
}

/* ---------------------------------------------------------------------------------------------- */
/* Library											  */

static int create_context(struct bench *bench, uint32_t backend, struct amdgpu_userptr_ctx **ctx)
{
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = &bench->fd,
		.num_devices = 1,
		.backend = backend,
	};

	return amdgpu_userptr_ctx_create(&args, ctx);
}

struct pair {
	struct bench_samples raw_map, raw_unmap, map, unmap;
};

static struct bench_samples samples_of(const struct bench_column *column, const char *operation,
				       const struct bench_memory *memory)
{
	return (struct bench_samples){
		.column = column->name,
		.operation = operation,
		.count = memory->count,
		.size = memory->size,
	};
}

static int raw_round(struct bench *bench, const struct bench_column *column, struct bench_map *map,
		     struct pair *pair)
{
	uint64_t start = bench_now_ns(), mapped;
	int ret = column->map(bench, map);

	mapped = bench_now_ns();
	if (!ret)
		ret = column->unmap(bench, map);
	bench_add(&pair->raw_map, mapped - start);
	bench_add(&pair->raw_unmap, bench_now_ns() - mapped);
	return ret;
}

static int library_round(struct amdgpu_userptr_ctx *ctx, const struct amdgpu_userptr_range *ranges,
			 unsigned int count, struct pair *pair)
{
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.ranges = ranges,
		.num_ranges = count,
		.range_stride = sizeof(struct amdgpu_userptr_range),
	};
	struct amdgpu_userptr_mapping *map;
	uint64_t start = bench_now_ns(), mapped;
	int ret = amdgpu_userptr_map(ctx, &args, &map);

	mapped = bench_now_ns();
	if (!ret)
		ret = amdgpu_userptr_unmap(map);
	bench_add(&pair->map, mapped - start);
	bench_add(&pair->unmap, bench_now_ns() - mapped);
	return ret;
}

static int one_pair(struct bench *bench, const struct bench_column *column,
		    struct amdgpu_userptr_ctx *ctx, const struct amdgpu_userptr_range *ranges,
		    struct bench_map *map, unsigned int round, struct pair *pair)
{
	int ret = round % 2 ? library_round(ctx, ranges, map->memory->count, pair) : 0;

	if (!ret)
		ret = raw_round(bench, column, map, pair);
	if (!ret && round % 2 == 0)
		ret = library_round(ctx, ranges, map->memory->count, pair);
	return ret;
}

/*
 * In each round the library and the raw ioctls both map the ranges, and they take turns in being
 * first, so that a drift of the machine's speed affects both.  There are more rounds than for other
 * operations, because the two differ by a few per cent only.
 */
static int interleave(struct bench *bench, const struct bench_column *column,
		      struct amdgpu_userptr_ctx *ctx, const struct bench_memory *memory,
		      struct pair *pair)
{
	struct amdgpu_userptr_range *ranges = calloc(memory->count, sizeof(*ranges));
	const uint64_t deadline = bench_now_ns() + PAIR_BUDGETS * bench->budget_ns;
	struct bench_map map;
	int ret;

	if (!ranges)
		return -ENOMEM;
	ret = bench_map_init(&map, memory);
	if (ret)
		goto out;
	for (unsigned int i = 0; i < memory->count; i++) {
		ranges[i].cpu_addr = memory->ranges[i].addr;
		ranges[i].size = memory->size;
	}
	for (unsigned int round = 0; !ret && round <= MOST_PAIRS; round++) {
		if (round > bench->repetitions && bench_now_ns() > deadline)
			break;
		ret = one_pair(bench, column, ctx, ranges, &map, round, pair);
		/* The first round warms up. */
		if (!round)
			pair->raw_map.num = pair->raw_unmap.num = pair->map.num = pair->unmap.num =
				0;
	}
	bench_map_fini(&map);
out:
	free(ranges);
	return ret;
}

static int library_backend(struct bench *bench, const char *name, uint32_t backend,
			   unsigned int count)
{
	const struct bench_column *column = bench_column_find(name);
	struct amdgpu_userptr_ctx *ctx;
	struct bench_memory memory;
	struct pair pair;
	int ret;

	if (column->missing(bench)) {
		bench_print_not_run(name, "library map", count, getpagesize(),
				    column->missing(bench));
		return 0;
	}
	ret = create_context(bench, backend, &ctx);
	if (ret)
		return ret;
	ret = bench_memory_create(&memory, column->kind, count, getpagesize());
	if (!ret) {
		pair = (struct pair){
			.raw_map = samples_of(column, "raw map", &memory),
			.raw_unmap = samples_of(column, "raw unmap", &memory),
			.map = samples_of(column, "library map", &memory),
			.unmap = samples_of(column, "library unmap", &memory),
		};
		ret = interleave(bench, column, ctx, &memory, &pair);
		bench_memory_destroy(&memory);
	}
	amdgpu_userptr_ctx_destroy(ctx);
	if (ret)
		return ret;
	bench_print_samples(&pair.raw_map);
	bench_print_samples(&pair.map);
	bench_print_samples(&pair.raw_unmap);
	bench_print_samples(&pair.unmap);
	return 0;
}

int bench_library(struct bench *bench, unsigned int count)
{
	int ret = library_backend(bench, "scatter", AMDGPU_USERPTR_BACKEND_SCATTER, count);

	return ret ? ret
		   : library_backend(bench, "flagged", AMDGPU_USERPTR_BACKEND_RANGES,
				     few(bench, count));
}

/* ---------------------------------------------------------------------------------------------- */
/* Changes by the CPU										  */

static int drop_page(const struct bench_memory *memory)
{
	return madvise((void *)(uintptr_t)memory->ranges[memory->count / 2].addr, getpagesize(),
		       MADV_DONTNEED);
}

static int drop_all(const struct bench_memory *memory)
{
	return madvise(memory->arena, memory->arena_size, MADV_DONTNEED);
}

/* The child ends at once, because only the time that fork() takes in the parent counts. */
static int fork_child(const struct bench_memory *memory)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -1 : 0;
}

static int unmap_all(const struct bench_memory *memory)
{
	return munmap(memory->arena, memory->arena_size);
}

static const struct change {
	const char *name;
	int (*run)(const struct bench_memory *memory);
	bool fork;
	bool last; /* the change unmaps the memory, so bench_memory_destroy() must not unmap it */
} changes[] = {
	{ "cpu drop one", drop_page, false, false },
	{ "cpu drop all", drop_all, false, false },
	{ "cpu fork", fork_child, true, false },
	{ "cpu munmap", unmap_all, false, true },
};

static void touch(const struct bench_memory *memory)
{
	for (unsigned int i = 0; i < memory->count; i++)
		*(volatile char *)(uintptr_t)memory->ranges[i].addr = 1;
}

static int time_change(struct bench *bench, const struct change *change,
		       const struct bench_memory *memory, bool watched,
		       struct bench_samples *samples)
{
	uint64_t start;
	int ret;

	touch(memory);
	if (watched) {
		/* Mark after touch(), so that only evictions by the change itself count. */
		ret = bench_restore_mark(bench);
		if (ret)
			return ret;
	}
	start = bench_now_ns();
	if (change->run(memory))
		return -errno;
	bench_add(samples, bench_now_ns() - start);
	if (change->fork && wait(NULL) < 0)
		return -errno;
	return watched ? bench_restore_wait(bench) : 0;
}

/*
 * Measure a change of memory that @column maps, or, if @column is NULL, of memory that no driver
 * tracks.
 */
static int one_change(struct bench *bench, const struct change *change,
		      const struct bench_column *column, unsigned int count)
{
	struct bench_samples samples = {
		.column = column ? column->name : "none",
		.operation = change->name,
		.count = count,
		.size = getpagesize(),
	};
	int ret = 0;

	for (unsigned int round = 0;
	     !ret && round < (bench->quick ? QUICK_CHANGES : bench->repetitions); round++) {
		struct bench_memory memory;
		struct bench_map map;

		ret = bench_memory_create(&memory, column ? column->kind : BENCH_ANON, count,
					  getpagesize());
		if (ret)
			return ret;
		ret = bench_map_init(&map, &memory);
		if (!ret && column)
			ret = column->map(bench, &map);
		if (!ret)
			ret = time_change(bench, change, &memory, column, &samples);
		if (column)
			column->unmap(bench, &map);
		bench_map_fini(&map);
		if (change->last)
			memory.arena = NULL;
		bench_memory_destroy(&memory);
	}
	if (!ret)
		bench_print_samples(&samples);
	return ret;
}

static int watched_change(struct bench *bench, const struct change *change, const char *name,
			  unsigned int count)
{
	const struct bench_column *column = bench_column_find(name);
	const char *missing = column->missing ? column->missing(bench) : NULL;

	if (column->slow)
		count = few(bench, count);
	if (!missing)
		return one_change(bench, change, column, count);
	bench_print_not_run(name, change->name, count, getpagesize(), missing);
	return 0;
}

int bench_cpu_side(struct bench *bench, unsigned int count)
{
	static const char *const watchers[] = { "scatter", "flagged", "kfd", "contiguous" };
	int ret = 0;

	for (unsigned int i = 0; !ret && i < sizeof(changes) / sizeof(changes[0]); i++) {
		ret = one_change(bench, &changes[i], NULL, count);
		if (!ret)
			ret = one_change(bench, &changes[i], NULL, few(bench, count));
		for (unsigned int j = 0; !ret && j < sizeof(watchers) / sizeof(watchers[0]); j++)
			ret = watched_change(bench, &changes[i], watchers[j], count);
	}
	return ret;
}
