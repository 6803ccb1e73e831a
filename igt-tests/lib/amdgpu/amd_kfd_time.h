/* SPDX-License-Identifier: MIT */
#ifndef AMD_KFD_TIME_H
#define AMD_KFD_TIME_H

#include <stdint.h>
#include <time.h>

/* The clock of all deadlines of amd_kfd. */
static inline uint64_t amd_kfd_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

#endif
