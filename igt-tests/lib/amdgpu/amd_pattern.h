/* SPDX-License-Identifier: MIT */
/*
 * Content of memory (a pattern) that depends on a seed and on the place, so a comparison finds
 * bytes at a wrong place or of another seed. Such a seed is a number that the test chooses; it has
 * nothing to do with the seed of the simulated GPU. For pages that change while the GPU copies them
 * see amd_stamp.h.
 */
#ifndef AMD_PATTERN_H
#define AMD_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* Dword @index of the pattern of @seed. */
uint32_t amd_pattern(uint32_t seed, size_t index);
void amd_pattern_fill(void *cpu, size_t size, uint32_t seed);
/*
 * Assert that [cpu, cpu + size) is the pattern of @seed; the second function asserts that it is
 * zero. @who begins the message of a failure.
 */
void amd_pattern_check(const void *cpu, size_t size, uint32_t seed, const char *who);
void amd_pattern_check_zero(const void *cpu, size_t size, const char *who);

#endif
