// SPDX-License-Identifier: MIT
/*
 * Measures how much longer a map takes if the pages are clean.  The driver asks hmm_range_fault()
 * for pages that are dirty in the CPU's page tables, because reclaim would lose the GPU's stores to
 * clean pages.  If a process has only read the pages of a file, the pages are writable but clean in
 * the CPU's page tables, so the kernel has to fault in each of them again for a map.  If the
 * process has written the pages, they are dirty already.  A kernel without the patch of mm/hmm.c
 * faults in neither kind of pages: it takes the pages from the page tables, whether they are clean
 * or dirty.
 */
#include <errno.h>
#include <sys/mman.h>

#include "amd_userptr_bench.h"

#define CLEAN_BYTES ((size_t)16 << 20)

/* The two kinds of pages, each with the advice to madvise() that makes them. */
static const struct state {
	const char *operation;
	int advice;
} states[] = {
	{ "map of dirty pages", MADV_POPULATE_WRITE },
	{ "map of clean pages", MADV_POPULATE_READ },
};
enum { STATES = sizeof(states) / sizeof(states[0]) };

/*
 * Free the pages of the file first, because MADV_POPULATE_READ makes no clean pages of dirty ones:
 * if a page of the file is dirty, the kernel makes its page table entry dirty even for a read
 * access (mm/memory.c:set_pte_range()).
 */
static int populate(const struct bench_memory *memory, int advice)
{
	if (madvise(memory->arena, memory->arena_size, MADV_REMOVE) ||
	    madvise(memory->arena, memory->arena_size, advice))
		return -errno;
	return 0;
}

static int map_once(struct bench *bench, struct bench_one *one, const struct state *state,
		    uint64_t *ns)
{
	int ret = one->column->unmap(bench, &one->map);
	uint64_t start;

	if (!ret)
		ret = populate(&one->memory, state->advice);
	start = bench_now_ns();
	if (!ret)
		ret = one->column->map(bench, &one->map);
	*ns = bench_now_ns() - start;
	return ret;
}

/* The states take turns, so that a drift of the machine's speed affects both. */
static int measure(struct bench *bench, const char *way)
{
	struct bench_samples samples[STATES] = { 0 };
	struct bench_one one;
	int ret;

	if (bench_way_missing(bench, way, states[0].operation, 1, CLEAN_BYTES))
		return 0;
	ret = bench_one_map(bench, &one, way, BENCH_MEMFD, 1, CLEAN_BYTES);
	for (unsigned int i = 0; !ret && i < STATES * (bench->repetitions + 1); i++) {
		uint64_t ns = 0;

		ret = map_once(bench, &one, &states[i % STATES], &ns);
		/* The first map of each state warms up. */
		if (!ret && i >= STATES)
			bench_add(&samples[i % STATES], ns);
	}
	for (int i = 0; !ret && i < STATES; i++)
		bench_one_print(&one, &samples[i], states[i].operation);
	if (!ret)
		ret = bench_check_range(bench, &one.map, 0, one.memory.ranges);
	return ret ? ret : bench_one_unmap(bench, &one);
}

int bench_clean(struct bench *bench)
{
	return measure(bench, bench->kfd_only ? "kfd" : "contiguous");
}
