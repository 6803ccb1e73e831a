/* SPDX-License-Identifier: MIT */
/*
 * Unit test of amd_stamp: amd_stamp_check() has to know which copies of a page are right and which
 * are wrong, also when the kernel may drop the page.
 */
#include "lib/amdgpu/amd_stamp.h"
#include "test.h"

#define SIZE  4096
#define WORDS (SIZE / sizeof(uint64_t))

static struct amd_stamp stamp = { .page = 3 };
static uint64_t page[WORDS], copy[WORDS];

/* Rewrite the page, then copy it. */
static void rewrite(void)
{
	stamp.started++;
	amd_stamp_finish(&stamp, page, SIZE);
	memcpy(copy, page, SIZE);
}

static void drop_in_copy(void)
{
	memset(copy, 0, SIZE);
}

static void expect(unsigned int oldest, uint64_t wrong_words)
{
	t_equal(amd_stamp_check(&stamp, oldest, copy, SIZE), wrong_words * sizeof(uint64_t));
}

static void nothing_is_dropped_unasked(void)
{
	/* The kernel was not allowed to drop the page, so zeros are wrong. */
	drop_in_copy();
	expect(stamp.finished, WORDS);
	rewrite();
	expect(stamp.finished, 0);
	t_assert(!amd_stamp_is_free(&stamp));
	drop_in_copy();
	expect(stamp.finished, WORDS);
}

static void free_pages_are_old_or_zero(void)
{
	rewrite();
	amd_stamp_free(&stamp);
	t_assert(amd_stamp_is_free(&stamp));
	expect(stamp.finished, 0);
	/*
	 * The kernel dropped the page while the GPU copied it, so the copy may be zero in a part.
	 */
	memset(copy, 0, SIZE / 2);
	expect(stamp.finished, 0);
	drop_in_copy();
	expect(stamp.finished, 0);
	/* A word that is neither zero nor of the page is wrong. */
	copy[5] = 1;
	expect(stamp.finished, 1);
	/* Words that are older than the generation of the MADV_FREE are wrong. */
	rewrite();
	amd_stamp_free(&stamp);
	stamp.started--;
	amd_stamp_fill(&stamp, copy, SIZE, stamp.started);
	stamp.started++;
	expect(stamp.finished, WORDS);
}

static void what_is_stored_then_stays(void)
{
	unsigned int before;

	rewrite();
	amd_stamp_free(&stamp);
	before = stamp.finished;
	rewrite();
	t_assert(!amd_stamp_is_free(&stamp));
	expect(stamp.finished, 0);
	/* A copy that began before the store may contain zeros; a later copy may not. */
	drop_in_copy();
	expect(before, 0);
	expect(stamp.finished, WORDS);
}

static void what_was_dropped_does_not_come_back(void)
{
	unsigned int before;

	rewrite();
	before = stamp.finished;
	amd_stamp_free(&stamp);
	amd_stamp_drop(&stamp);
	t_assert(amd_stamp_is_free(&stamp));
	expect(before, 0);
	expect(stamp.finished, WORDS);
	drop_in_copy();
	expect(stamp.finished, 0);
	rewrite();
	expect(stamp.finished, 0);
	drop_in_copy();
	expect(stamp.finished, WORDS);
}

int main(void)
{
	nothing_is_dropped_unasked();
	free_pages_are_old_or_zero();
	what_is_stored_then_stays();
	what_was_dropped_does_not_come_back();
	return 0;
}
