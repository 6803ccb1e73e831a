/* SPDX-License-Identifier: MIT */
/* Assertions. A test program exits with 0, 1 (failed) or 77 (skipped). */
#ifndef TEST_H
#define TEST_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* End the program unless the condition holds. */
#define t_assert(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s: not true: %s\n", __FILE__, __LINE__, __func__, \
				#condition); \
			exit(1); \
		} \
	} while (0)

/* End the program unless the two numbers are equal, and show them. */
#define t_equal(actual, expected) \
	do { \
		long long t_actual = (long long)(actual); \
		long long t_expected = (long long)(expected); \
\
		if (t_actual != t_expected) { \
			fprintf(stderr, "%s:%d: %s: %s is %lld (%#llx), not %lld (%#llx)\n", \
				__FILE__, __LINE__, __func__, #actual, t_actual, \
				(unsigned long long)t_actual, t_expected, \
				(unsigned long long)t_expected); \
			exit(1); \
		} \
	} while (0)

#endif /* TEST_H */
