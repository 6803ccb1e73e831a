/* SPDX-License-Identifier: MIT */
/*
 * Pages whose every word says what it is: the page it belongs to, its place in
 * it and a generation, which goes up with each rewrite. So a copy that was made
 * while the page was being changed can be judged, word for word.
 *
 * Needs no IGT.
 */
#ifndef AMD_STAMP_H
#define AMD_STAMP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct amd_stamp {
	uint32_t page;			/* any number up to AMD_STAMP_MAX_PAGE but 0 */
	/*
	 * Who rewrites the page stores @started before it touches the page and @finished after.
	 * @zeroed is the last generation that began by dropping the content, so that the page is
	 * zeros for a while. @freed is the last one that the kernel may drop whenever it likes, as
	 * after MADV_FREE, or has dropped: zeros instead of it stay until somebody stores.
	 */
	atomic_uint started, finished, zeroed, freed;
};

#define AMD_STAMP_MAX_PAGE	((1u << 24) - 1)

/* Store the words of @generation at @addr, which may be a page's memory or what will be copied there. */
void amd_stamp_fill(const struct amd_stamp *stamp, void *addr, size_t size, unsigned int generation);
/* Fill the page with the generation that was started, and finish it. */
void amd_stamp_finish(struct amd_stamp *stamp, void *addr, size_t size);
/* From now on the kernel may drop the content: called before it is told so. */
void amd_stamp_free(struct amd_stamp *stamp);
/* It has: the zeros are a generation of their own, of which nobody stores a word. */
void amd_stamp_drop(struct amd_stamp *stamp);
/* May the content have been dropped, and nothing stored since? */
bool amd_stamp_is_free(const struct amd_stamp *stamp);
/*
 * Of a copy that was begun when @oldest was the finished generation: the number of bytes that are of
 * none that was there since. A page that was left alone has exactly one right content.
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
