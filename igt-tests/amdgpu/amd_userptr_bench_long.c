// SPDX-License-Identifier: MIT
/*
 * Measures the restore after a change of one page in two maps by turns: one map of 4 GiB, and one
 * map of a single page.  If the 4 GiB are one range, the program also measures map and unmap,
 * because the driver tracks a long range in pieces, which may cost time.
 */
#include <unistd.h>

#include "amd_userptr_bench.h"

#define LONG_BYTES  ((uint64_t)4 << 30)
#define PIECE_BYTES ((size_t)64 << 10)

/* A map takes seconds in a guest with emulated CPUs. */
enum { MAPS = 5, MAPS_QUICK = 3 };

/*
 * The 4 GiB consist of ranges of @size bytes, which the column @way maps.  Behind each range there
 * is a gap (bench_memory_create()), so that the driver cannot join it with the next range.
 */
struct layout {
	const char *way;
	size_t size;
};

static int one_restore(struct bench *bench, const struct bench_one *one, uint64_t *ns)
{
	const struct amd_userptr_range *range = &one->memory.ranges[one->memory.count / 2];
	char *page = (char *)(uintptr_t)range->addr;

	/* Take the middle page of the middle range, because one range may have all 4 GiB. */
	page += range->size / 2 / getpagesize() * getpagesize();
	/* Touch the page, because the drop of a page that is not there would change nothing. */
	*(volatile char *)page = 1;
	return bench_drop(bench, page, ns);
}

/* The two maps take turns, so that a drift of the machine's speed affects both. */
static int by_turns(struct bench *bench, struct bench_one ones[2])
{
	struct bench_samples samples[2] = { 0 };
	int ret = 0;

	for (unsigned int i = 0; !ret && i < 2 * (bench->repetitions + 1); i++) {
		uint64_t ns = 0;

		ret = one_restore(bench, &ones[i % 2], &ns);
		/* The first restore of each map warms up. */
		if (!ret && i > 1)
			bench_add(&samples[i % 2], ns);
	}
	for (int i = 0; !ret && i < 2; i++)
		bench_one_print(&ones[i], &samples[i], "restore in turn");
	return ret;
}

/*
 * Unmap the ranges and map them again, a few times.  No round has to warm up, because the ranges
 * have been mapped before.
 */
static int measure_maps(struct bench *bench, struct bench_one *one)
{
	const unsigned int most = bench->quick ? MAPS_QUICK : MAPS;
	struct bench_samples map = { 0 }, unmap = { 0 };
	int ret = 0;

	for (unsigned int i = 0; !ret && i < most; i++) {
		const uint64_t start = bench_now_ns();
		uint64_t unmapped;

		ret = one->column->unmap(bench, &one->map);
		unmapped = bench_now_ns();
		if (ret)
			break;
		bench_add(&unmap, unmapped - start);
		ret = one->column->map(bench, &one->map);
		if (!ret)
			bench_add(&map, bench_now_ns() - unmapped);
	}
	if (ret)
		return ret;
	bench_one_print(one, &map, "long map");
	bench_one_print(one, &unmap, "long unmap");
	return 0;
}

/*
 * Check that the GPU reaches the long map, because otherwise its restores would have restored
 * nothing.
 */
static int check_map(struct bench *bench, const struct bench_one *one)
{
	const unsigned int index = one->memory.count / 2;

	return bench_check_range(bench, &one->map, index, &one->memory.ranges[index]);
}

static int measure(struct bench *bench, const struct layout *layout)
{
	const unsigned int count = LONG_BYTES / layout->size;
	struct bench_one ones[2];
	int ret;

	if (bench_way_missing(bench, layout->way, "restore in turn", count, layout->size))
		return 0;
	ret = bench_one_map(bench, &ones[0], layout->way, BENCH_REPEATED, 1, getpagesize());
	if (!ret)
		ret = bench_one_map(bench, &ones[1], layout->way, BENCH_REPEATED, count,
				    layout->size);
	if (!ret)
		ret = by_turns(bench, ones);
	if (!ret && count == 1)
		ret = measure_maps(bench, &ones[1]);
	if (!ret)
		ret = check_map(bench, &ones[1]);
	for (int i = 0; !ret && i < 2; i++)
		ret = bench_one_unmap(bench, &ones[i]);
	return ret;
}

int bench_long(struct bench *bench)
{
	static const struct layout kfd = { "kfd", LONG_BYTES };
	static const struct layout gem[] = { { "contiguous", LONG_BYTES },
					     { "scatter", PIECE_BYTES } };
	int ret = 0;

	if (bench->kfd_only)
		return measure(bench, &kfd);
	for (unsigned int i = 0; !ret && i < sizeof(gem) / sizeof(gem[0]); i++)
		ret = measure(bench, &gem[i]);
	return ret;
}
