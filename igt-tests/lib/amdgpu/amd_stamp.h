/* SPDX-License-Identifier: MIT */
/*
 * Pages whose every word holds the page's number, the word's place and a generation, which grows
 * with each rewrite.  So a test can judge every word of a copy that the GPU made while the CPU
 * changed the page.  Needs no IGT.
 */
#ifndef AMD_STAMP_H
#define AMD_STAMP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct amd_stamp {
	uint32_t page; /* number of the page, 1 to AMD_STAMP_MAX_PAGE */
	/*
	 * A generation is the number of a rewrite of the page.  A rewrite stores its generation in
	 * @started before it touches the page, and in @finished after.  @zeroed is the last
	 * generation that began by dropping the content, so the page is zeros for a while.  @freed
	 * is the last generation that the kernel may drop at any time, as after MADV_FREE.  Once
	 * the kernel has dropped that content, the page stays zeros until the next store.
	 */
	atomic_uint started, finished, zeroed, freed;
};

#define AMD_STAMP_MAX_PAGE ((1u << 24) - 1)

/* Store the words of @generation at @addr: the page, or a buffer that will be copied to it. */
void amd_stamp_fill(const struct amd_stamp *stamp, void *addr, size_t size,
		    unsigned int generation);
/* Fill the page with the generation @started, then set @finished. */
void amd_stamp_finish(struct amd_stamp *stamp, void *addr, size_t size);
/* The kernel may drop the content from now on.  Call this before the MADV_FREE. */
void amd_stamp_free(struct amd_stamp *stamp);
/* The kernel has dropped the content.  The zeros count as a generation of their own. */
void amd_stamp_drop(struct amd_stamp *stamp);
/* May the kernel have dropped the content, with nothing stored since? */
bool amd_stamp_is_free(const struct amd_stamp *stamp);
/*
 * Returns how many bytes of @copy are wrong.  @oldest is the generation that was finished when the
 * copy began; words of this and of later generations are right.
 */
uint64_t amd_stamp_check(const struct amd_stamp *stamp, unsigned int oldest, const void *copy,
			 size_t size);

/* xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003): a number below @limit; *@state is any but 0. */
static inline unsigned int amd_stamp_pick(uint64_t *state, unsigned int limit)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % limit;
}

#endif
