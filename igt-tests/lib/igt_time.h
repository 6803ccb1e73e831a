/* SPDX-License-Identifier: MIT */
#ifndef IGT_TIME_H
#define IGT_TIME_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* The time by which the tests measure all deadlines. */
static inline uint64_t igt_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

/*
 * Sleep between two looks at a condition, because a busy loop would take the CPU from an emulated
 * GPU.
 */
static inline void igt_pause(void)
{
	const struct timespec pause = { .tv_nsec = 50000 };

	nanosleep(&pause, NULL);
}

/*
 * The limit of a wait: @limit, in any unit, times the environment variable AMD_KFD_SLOWER, which
 * the harness sets for debug kernels.  A wait ends as soon as its condition is true, so a large
 * limit makes no passing test slower.
 */
static inline unsigned int igt_patience(unsigned int limit)
{
	const char *slower = getenv("AMD_KFD_SLOWER");
	const int factor = slower ? atoi(slower) : 1;

	return factor > 1 ? limit * factor : limit;
}

#endif
