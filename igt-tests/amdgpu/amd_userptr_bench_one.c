// SPDX-License-Identifier: MIT
/*
 * Maps memory for a measurement that works with one map for a while, and changes a page at a rate.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

#include "amd_userptr_bench.h"

int bench_one_map(struct bench *bench, struct bench_one *one, const char *way, enum bench_kind kind,
		  unsigned int count, size_t size)
{
	int ret;

	*one = (struct bench_one){ .column = bench_column_find(way) };
	ret = bench_memory_create(&one->memory, kind, count, size);
	if (!ret)
		ret = bench_map_init(&one->map, &one->memory);
	if (!ret)
		ret = one->column->map(bench, &one->map);
	return ret;
}

int bench_one_unmap(struct bench *bench, struct bench_one *one)
{
	int ret = one->column->unmap(bench, &one->map);

	bench_map_fini(&one->map);
	bench_memory_destroy(&one->memory);
	return ret;
}

void bench_one_print(const struct bench_one *one, struct bench_samples *samples,
		     const char *operation)
{
	samples->column = one->column->name;
	samples->operation = operation;
	samples->count = one->memory.count;
	samples->size = one->memory.size;
	bench_print_samples(samples);
}

char *bench_one_page(const struct bench_one *one)
{
	return (char *)(uintptr_t)one->memory.ranges[0].addr;
}

bool bench_way_missing(const struct bench *bench, const char *way, const char *operation,
		       unsigned int count, size_t size)
{
	const struct bench_column *column = bench_column_find(way);
	const char *why = column->missing ? column->missing(bench) : NULL;

	if (why)
		bench_print_not_run(way, operation, count, size, why);
	return why;
}

/* ---------------------------------------------------------------------------------------------- */
/* Changes at a rate										  */

static void sleep_until(uint64_t ns)
{
	const struct timespec at = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/*
 * If a change comes late, the thread does not make up for the lost time, because the next changes
 * would then follow at a higher rate than the measurement asked for.
 */
static void *change(void *data)
{
	struct bench_changer *changer = data;
	const uint64_t period = 1000000000ull / changer->rate;
	uint64_t next = bench_now_ns() + period;

	while (!changer->stop) {
		const uint64_t now = bench_now_ns();

		if (now < next)
			sleep_until(next);
		else
			next = now;
		next += period;
		/*
		 * Touch the page, because the drop of a page that is not there would change
		 * nothing.
		 */
		*(volatile char *)changer->page = 1;
		changer->begin_ns = bench_now_ns();
		if (madvise(changer->page, getpagesize(), MADV_DONTNEED)) {
			changer->error = -errno;
			break;
		}
		changer->changes++;
	}
	return NULL;
}

int bench_changer_start(struct bench_changer *changer, char *page, unsigned int rate)
{
	*changer = (struct bench_changer){ .page = page, .rate = rate };
	return -pthread_create(&changer->thread, NULL, change, changer);
}

int bench_changer_stop(struct bench_changer *changer)
{
	changer->stop = true;
	pthread_join(changer->thread, NULL);
	return changer->error;
}
