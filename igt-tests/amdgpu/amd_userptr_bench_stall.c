// SPDX-License-Identifier: MIT
/*
 * Measures what a process notices when its registered memory changes: how long a queue stands still
 * after a change, how much a queue copies while memory changes at a certain rate, and how long the
 * restore takes when one page of a very large range changes.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

#include "amd_userptr_bench.h"

/* Enough samples for a 99th percentile, and for a rough one in a quick run. */
enum { STALLS = 200, STALLS_QUICK = 50 };

/* How many windows of WINDOW_NS the program measures at each rate. */
enum { WINDOWS = 3 };
#define WINDOW_NS 1000000000ull

/* Changes in a second while a queue copies. */
static const unsigned int rates[] = { 0, 10, 100, 1000 };

/* The size of a range: its first page changes, and a queue copies the last quarter to the third. */
#define COPY_RANGE ((size_t)64 << 10)

/* The range of which one page changes.  It consists of zero pages, so it takes no memory. */
#define LONG_RANGE ((size_t)4 << 30)

/* The ways to register one range; all of them exist with one range of any size. */
static const char *const ways[] = { "kfd", "contiguous" };

struct stall {
	const struct bench_column *column;
	struct bench_memory memory;
	struct bench_map map;
};

static void print_samples(const struct stall *stall, struct bench_samples *samples,
			  const char *operation)
{
	samples->column = stall->column->name;
	samples->operation = operation;
	samples->count = stall->memory.count;
	samples->size = stall->memory.size;
	bench_print_samples(samples);
}

static int map_one(struct bench *bench, struct stall *stall, const char *way, enum bench_kind kind,
		   size_t size)
{
	int ret;

	*stall = (struct stall){ .column = bench_column_find(way) };
	ret = bench_memory_create(&stall->memory, kind, 1, size);
	if (!ret)
		ret = bench_map_init(&stall->map, &stall->memory);
	if (!ret)
		ret = stall->column->map(bench, &stall->map);
	return ret;
}

static int unmap_one(struct bench *bench, struct stall *stall)
{
	int ret = stall->column->unmap(bench, &stall->map);

	bench_map_fini(&stall->map);
	bench_memory_destroy(&stall->memory);
	return ret;
}

/* ---------------------------------------------------------------------------------------------- */
/* A single change										  */

/*
 * Measure the time from before the change until the queue has run a packet that was submitted after
 * the change.  The pause lets the driver take the change for the first one after a quiet time.
 */
static int one_stall(struct bench *bench, struct stall *stall, uint64_t *ns)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	char *page = (char *)(uintptr_t)stall->memory.ranges[0].addr;
	const uint32_t value = 1;
	uint64_t start;
	int ret;

	/* Only a page that is present makes the drop an event. */
	*(volatile char *)page = 1;
	nanosleep(&pause, NULL);
	start = bench_now_ns();
	if (madvise(page, getpagesize(), MADV_DONTNEED))
		return -errno;
	amd_kfd_queue_write(&bench->queue, stall->map.va, &value, 1);
	ret = __amd_kfd_queue_sync(&bench->queue, BENCH_WAIT_MS);
	*ns = bench_now_ns() - start;
	if (!ret && *(volatile uint32_t *)page != value)
		ret = -EIO;
	return ret;
}

static int measure_stall(struct bench *bench, struct stall *stall)
{
	const unsigned int most = bench->quick ? STALLS_QUICK : STALLS;
	struct bench_samples samples = { 0 };
	int ret = bench_restore_mark(bench);

	for (unsigned int i = 0; !ret && i < most; i++) {
		uint64_t ns = 0;

		ret = one_stall(bench, stall, &ns);
		if (!ret)
			bench_add(&samples, ns);
	}
	/* Without an eviction nothing was measured. */
	if (!ret)
		ret = bench_restore_wait(bench);
	if (!ret)
		print_samples(stall, &samples, "stall");
	return ret;
}

/* ---------------------------------------------------------------------------------------------- */
/* Copies while memory changes									  */

struct changer {
	pthread_t thread;
	char *page;
	unsigned int rate;
	atomic_bool stop;
	atomic_uint changes;
};

static void sleep_until(uint64_t ns)
{
	const struct timespec at = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* A change that comes late does not make up for lost time, because that would be a faster rate. */
static void *change(void *data)
{
	struct changer *changer = data;
	const uint64_t period = 1000000000ull / changer->rate;
	uint64_t next = bench_now_ns() + period;

	while (!changer->stop) {
		const uint64_t now = bench_now_ns();

		if (now < next)
			sleep_until(next);
		else
			next = now;
		next += period;
		*(volatile char *)changer->page = 1;
		if (madvise(changer->page, getpagesize(), MADV_DONTNEED))
			break;
		changer->changes++;
	}
	return NULL;
}

/* Copy for a while, and return the average time of a copy. */
static int copy_window(struct bench *bench, const struct stall *stall, uint64_t *ns)
{
	const uint64_t va = stall->map.va + COPY_RANGE / 2, start = bench_now_ns();
	unsigned int copies = 0;
	int ret = 0;

	do {
		amd_kfd_queue_copy(&bench->queue, va, va + COPY_RANGE / 4, COPY_RANGE / 4);
		ret = __amd_kfd_queue_sync(&bench->queue, BENCH_WAIT_MS);
		*ns = bench_now_ns() - start;
		copies++;
	} while (!ret && *ns < WINDOW_NS);
	*ns /= copies;
	return ret;
}

static int measure_copies(struct bench *bench, struct stall *stall, unsigned int rate)
{
	struct changer changer = {
		.page = (char *)(uintptr_t)stall->memory.ranges[0].addr,
		.rate = rate,
	};
	struct bench_samples copies = { 0 }, changes = { 0 };
	char operation[32];
	int ret = 0;

	if (rate && pthread_create(&changer.thread, NULL, change, &changer))
		return -EAGAIN;
	for (int i = 0; !ret && i < WINDOWS; i++) {
		const unsigned int before = changer.changes;
		const uint64_t start = bench_now_ns();
		uint64_t ns = 0;

		ret = copy_window(bench, stall, &ns);
		bench_add(&copies, ns);
		if (changer.changes != before)
			bench_add(&changes, (bench_now_ns() - start) / (changer.changes - before));
	}
	if (rate) {
		changer.stop = true;
		pthread_join(changer.thread, NULL);
	}
	/* Without changes the time of a copy would belong to another rate. */
	if (!ret && rate && !changes.num)
		ret = -ENODATA;
	if (ret)
		return ret;
	snprintf(operation, sizeof(operation), "copy at %u/s", rate);
	print_samples(stall, &copies, operation);
	snprintf(operation, sizeof(operation), "change at %u/s", rate);
	if (rate)
		print_samples(stall, &changes, operation);
	return 0;
}

static int run_way(struct bench *bench, const char *way)
{
	struct stall stall;
	int ret;

	if (bench_column_find(way)->missing && bench_column_find(way)->missing(bench)) {
		bench_print_not_run(way, "stall", 1, getpagesize(),
				    bench_column_find(way)->missing(bench));
		return 0;
	}
	/* After an error nothing has to be undone, because the program ends. */
	ret = map_one(bench, &stall, way, BENCH_CONTIGUOUS, getpagesize());
	if (!ret)
		ret = measure_stall(bench, &stall);
	if (!ret)
		ret = unmap_one(bench, &stall);
	if (!ret)
		ret = map_one(bench, &stall, way, BENCH_CONTIGUOUS, COPY_RANGE);
	for (unsigned int i = 0; !ret && i < sizeof(rates) / sizeof(rates[0]); i++)
		ret = measure_copies(bench, &stall, rates[i]);
	return ret ? ret : unmap_one(bench, &stall);
}

/* ---------------------------------------------------------------------------------------------- */
/* One page of a long range									  */

static int one_restore(struct bench *bench, const struct stall *stall, uint64_t *ns)
{
	char *page = (char *)(uintptr_t)stall->memory.ranges[0].addr +
		     stall->memory.size / 2 / getpagesize() * getpagesize();

	(void)*(volatile char *)page;
	return bench_drop(bench, page, ns);
}

/* Measure by turns a page of a long range and one of a short range of the same kind. */
static int measure_long(struct bench *bench)
{
	struct bench_samples samples[2] = { 0 };
	struct stall stalls[2];
	const char *why = bench_column_find("contiguous")->missing(bench);
	int ret;

	if (why) {
		bench_print_not_run("contiguous", "restore in turn", 1, LONG_RANGE, why);
		return 0;
	}
	ret = map_one(bench, &stalls[0], "contiguous", BENCH_ZERO, getpagesize());
	if (!ret)
		ret = map_one(bench, &stalls[1], "contiguous", BENCH_ZERO, LONG_RANGE);
	for (unsigned int i = 0; !ret && i < 2 * (bench->repetitions + 1); i++) {
		uint64_t ns = 0;

		ret = one_restore(bench, &stalls[i % 2], &ns);
		/* The first of each warms up. */
		if (!ret && i > 1)
			bench_add(&samples[i % 2], ns);
	}
	for (int i = 0; !ret && i < 2; i++) {
		print_samples(&stalls[i], &samples[i], "restore in turn");
		ret = unmap_one(bench, &stalls[i]);
	}
	return ret;
}

int bench_stalls(struct bench *bench)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < sizeof(ways) / sizeof(ways[0]); i++)
		ret = run_way(bench, ways[i]);
	return ret ? ret : measure_long(bench);
}
