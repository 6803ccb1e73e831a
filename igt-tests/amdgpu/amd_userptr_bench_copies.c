// SPDX-License-Identifier: MIT
/*
 * Measures how much a queue copies while a thread drops a page of the same range at a rate.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "amd_userptr_bench.h"

/* How many windows of WINDOW_NS the program measures at each rate. */
enum { WINDOWS = 5, WINDOWS_QUICK = 3 };
#define WINDOW_NS 1000000000ull

/* The rates at which the thread drops the page, in changes per second. */
static const unsigned int rates[] = { 0, 10, 100, 1000 };

/*
 * The range has 16 pages.  The thread drops the first page, and the queue copies from the last
 * quarter of the range to the third quarter.
 */
#define COPY_RANGE ((size_t)16 * getpagesize())
#define COPY_BYTES ((size_t)16 << 10)

static int copy(struct bench *bench, const struct bench_one *one)
{
	const uint64_t va = one->map.va + COPY_RANGE / 2;

	amd_kfd_queue_copy(&bench->queue, va, va + COPY_RANGE / 4, COPY_BYTES);
	return __amd_kfd_queue_sync(&bench->queue, BENCH_WAIT_MS);
}

/* Copy for a while, and return the average time of a copy. */
static int copy_window(struct bench *bench, const struct bench_one *one, uint64_t *ns)
{
	const uint64_t start = bench_now_ns();
	unsigned int copies = 0;
	int ret = 0;

	do {
		ret = copy(bench, one);
		*ns = bench_now_ns() - start;
		copies++;
	} while (!ret && *ns < WINDOW_NS);
	*ns /= copies;
	return ret;
}

static int copy_windows(struct bench *bench, const struct bench_one *one,
			const struct bench_changer *changer, struct bench_samples *copies,
			struct bench_samples *changes)
{
	const int windows = bench->quick ? WINDOWS_QUICK : WINDOWS;
	int ret = 0;

	for (int i = 0; !ret && i < windows; i++) {
		const unsigned int before = changer->changes;
		const uint64_t start = bench_now_ns();
		unsigned int made;
		uint64_t ns = 0;

		ret = copy_window(bench, one, &ns);
		bench_add(copies, ns);
		made = changer->changes - before;
		if (made)
			bench_add(changes, (bench_now_ns() - start) / made);
	}
	return ret;
}

static int measure_rate(struct bench *bench, struct bench_one *one, unsigned int rate)
{
	struct bench_samples copies = { 0 }, changes = { 0 };
	struct bench_changer changer = { 0 };
	char operation[32];
	int ret = bench_restore_mark(bench);

	if (!ret && rate)
		ret = bench_changer_start(&changer, bench_one_page(one), rate);
	if (ret)
		return ret;
	ret = copy_windows(bench, one, &changer, &copies, &changes);
	if (rate) {
		const int err = bench_changer_stop(&changer);

		ret = ret ? ret : err;
		/* When the queue has run another copy, the last restore is over. */
		if (!ret)
			ret = copy(bench, one);
		if (!ret)
			ret = __amd_kfd_smi_drain(&bench->smi);
		/* Without changes and evictions the copies do not show the effect of this rate. */
		if (!ret && (!changes.num || !bench->smi.count.evictions))
			ret = -ENODATA;
	}
	if (ret)
		return ret;
	snprintf(operation, sizeof(operation), "copy at %u/s", rate);
	bench_one_print(one, &copies, operation);
	snprintf(operation, sizeof(operation), "change at %u/s", rate);
	if (rate)
		bench_one_print(one, &changes, operation);
	return 0;
}

int bench_copies(struct bench *bench)
{
	const char *way = bench->kfd_only ? "kfd" : "contiguous";
	struct bench_one one;
	int ret;

	if (bench_way_missing(bench, way, "copy at 0/s", 1, COPY_RANGE))
		return 0;
	ret = bench_one_map(bench, &one, way, BENCH_CONTIGUOUS, 1, COPY_RANGE);
	for (unsigned int i = 0; !ret && i < sizeof(rates) / sizeof(rates[0]); i++)
		ret = measure_rate(bench, &one, rates[i]);
	return ret ? ret : bench_one_unmap(bench, &one);
}
