/* SPDX-License-Identifier: MIT */
#ifndef IGT_TIME_H
#define IGT_TIME_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* The clock of all deadlines of amd_kfd. */
static inline uint64_t igt_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

/* Between two looks at what somebody else does: a busy loop would take the CPU from an emulated GPU. */
static inline void igt_pause(void)
{
	const struct timespec pause = { .tv_nsec = 50000 };

	nanosleep(&pause, NULL);
}

/*
 * How long to wait for what takes less than @limit, in any unit, on a kernel
 * without debugging: AMD_KFD_SLOWER says how many times that.  No wait gets
 * longer by it that ends with what it is for.
 */
static inline unsigned int igt_patience(unsigned int limit)
{
	const char *slower = getenv("AMD_KFD_SLOWER");
	const int factor = slower ? atoi(slower) : 1;

	return factor > 1 ? limit * factor : limit;
}

#endif
