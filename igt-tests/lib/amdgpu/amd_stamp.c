// SPDX-License-Identifier: MIT
#include "lib/amdgpu/amd_stamp.h"

/* A word is generation << 40 | page << 16 | place in the page, in words. */
#define PAGE_SHIFT	 16
#define GENERATION_SHIFT 40

static uint64_t word_of(const struct amd_stamp *stamp, unsigned int generation, size_t place)
{
	return (uint64_t)generation << GENERATION_SHIFT | (uint64_t)stamp->page << PAGE_SHIFT |
	       place;
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

void amd_stamp_free(struct amd_stamp *stamp)
{
	stamp->freed = stamp->finished;
}

/*
 * Zeros become the newest generation. A copy that began before the drop may contain words of the
 * old generation, too; a copy that begins now may contain only zeros.
 */
void amd_stamp_drop(struct amd_stamp *stamp)
{
	const unsigned int generation = stamp->started + 1;

	stamp->freed = generation;
	stamp->started = generation;
	stamp->finished = generation;
}

bool amd_stamp_is_free(const struct amd_stamp *stamp)
{
	return stamp->freed && stamp->freed == stamp->finished;
}

uint64_t amd_stamp_check(const struct amd_stamp *stamp, unsigned int oldest, const void *copy,
			 size_t size)
{
	const unsigned int zeroed = stamp->zeroed, freed = stamp->freed, newest = stamp->started;
	const bool zero_is_valid = zeroed > oldest || (freed && freed >= oldest);
	const uint64_t *words = copy;
	uint64_t wrong = 0;

	for (size_t i = 0; i < size / sizeof(*words); i++) {
		unsigned int generation = words[i] >> GENERATION_SHIFT;
		bool valid = words[i] == word_of(stamp, generation, i) && generation >= oldest &&
			     generation <= newest;

		if (!valid && !(words[i] == 0 && zero_is_valid))
			wrong += sizeof(*words);
	}
	return wrong;
}
