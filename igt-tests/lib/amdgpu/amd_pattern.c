// SPDX-License-Identifier: MIT
#include "igt.h"

#include "lib/amdgpu/amd_pattern.h"

uint32_t amd_pattern(uint32_t seed, size_t index)
{
	/*
	 * The multipliers are odd, so two neighbouring dwords differ, and so do the dwords that two
	 * seeds have at the same place.
	 */
	return (uint32_t)index * 0x9e3779b1u + (seed + 1) * 0x01000193u;
}

void amd_pattern_fill(void *cpu, size_t size, uint32_t seed)
{
	volatile uint32_t *dw = cpu;

	for (size_t i = 0; i < size / sizeof(*dw); i++)
		dw[i] = amd_pattern(seed, i);
}

void amd_pattern_check(const void *cpu, size_t size, uint32_t seed, const char *who)
{
	const volatile uint32_t *dw = cpu;

	for (size_t i = 0; i < size / sizeof(*dw); i++) {
		uint32_t got = dw[i], want = amd_pattern(seed, i);

		igt_assert_f(got == want, "%s: byte %#zx of %#zx: %#x instead of %#x (seed %u)\n",
			     who, i * sizeof(*dw), size, got, want, seed);
	}
}

void amd_pattern_check_zero(const void *cpu, size_t size, const char *who)
{
	const volatile uint32_t *dw = cpu;

	for (size_t i = 0; i < size / sizeof(*dw); i++) {
		uint32_t got = dw[i];

		igt_assert_f(got == 0, "%s: byte %#zx of %#zx: %#x instead of zero\n", who,
			     i * sizeof(*dw), size, got);
	}
}
