/* SPDX-License-Identifier: MIT */
/* Bytes that say which seed and which place they belong to.  For pages that change meanwhile: amd_stamp.h. */
#ifndef AMD_PATTERN_H
#define AMD_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* A dword of the pattern of @seed. */
uint32_t amd_pattern(uint32_t seed, size_t index);
void amd_pattern_fill(void *cpu, size_t size, uint32_t seed);
/* Every byte in [cpu, cpu + size) must be the pattern; @who names the reader or writer. */
void amd_pattern_check(const void *cpu, size_t size, uint32_t seed, const char *who);
void amd_pattern_check_zero(const void *cpu, size_t size, const char *who);

#endif
