// SPDX-License-Identifier: MIT
#include <stdbool.h>

#include "lib/amdgpu/amd_stamp.h"

/* A word is generation << 40 | page << 16 | place in the page. */
#define PAGE_SHIFT		16
#define GENERATION_SHIFT	40

static uint64_t word_of(const struct amd_stamp *stamp, unsigned int generation, size_t place)
{
	return (uint64_t)generation << GENERATION_SHIFT | (uint64_t)stamp->page << PAGE_SHIFT | place;
}

void amd_stamp_fill(const struct amd_stamp *stamp, void *addr, size_t size, unsigned int generation)
{
	volatile uint64_t *words = addr;

	for (size_t i = 0; i < size / sizeof(*words); i++)
		words[i] = word_of(stamp, generation, i);
}

void amd_stamp_finish(struct amd_stamp *stamp, void *addr, size_t size)
{
	amd_stamp_fill(stamp, addr, size, stamp->started);
	stamp->finished = stamp->started;
}

uint64_t amd_stamp_check(const struct amd_stamp *stamp, unsigned int oldest, const void *copy,
			 size_t size)
{
	const unsigned int zeroed = stamp->zeroed, newest = stamp->started;
	const uint64_t *words = copy;
	uint64_t wrong = 0;

	for (size_t i = 0; i < size / sizeof(*words); i++) {
		unsigned int generation = words[i] >> GENERATION_SHIFT;
		bool valid = words[i] == word_of(stamp, generation, i) && generation >= oldest &&
			     generation <= newest;

		if (!valid && !(words[i] == 0 && zeroed > oldest))
			wrong += sizeof(*words);
	}
	return wrong;
}
