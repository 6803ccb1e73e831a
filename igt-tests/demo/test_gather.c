/* SPDX-License-Identifier: MIT */
/* gather_window_check() accepts the contents that a copy may have, and nothing else. */
#include "gather.h"
#include "test.h"

#define NUM_PAGES 16

static struct gather_memory memory;
static char *copy;

static void take_copy(unsigned int index)
{
	memcpy(copy + index * memory.page_size, memory.pages[index].addr, memory.page_size);
}

static struct gather_window open_window(void)
{
	struct gather_window window;

	t_equal(gather_window_open(&memory, &window), 0);
	return window;
}

static void expect(struct gather_window window, uint64_t wrong, unsigned int changed)
{
	unsigned int seen;

	t_equal(gather_window_check(&memory, &window, copy, &seen), wrong);
	t_equal(seen, changed);
}

static void pages_are_scattered(void)
{
	unsigned int shared = 0;

	for (unsigned int i = 0; i < NUM_PAGES; i++) {
		shared += memory.pages[i].shared;
		for (unsigned int j = 0; j < NUM_PAGES; j++)
			t_assert(memory.pages[i].addr + memory.page_size != memory.pages[j].addr);
	}
	t_equal(shared, NUM_PAGES / 2);
}

static void quiet_pages_have_one_content(void)
{
	char *byte = copy + 3 * memory.page_size + 1234;

	expect(open_window(), 0, 0);
	/* One bit of the copy is wrong, so the whole word counts as wrong. */
	*byte ^= 1;
	expect(open_window(), sizeof(uint64_t), 0);
	*byte ^= 1;
	/* The copy has the content of another page. */
	memcpy(copy, memory.pages[1].addr, memory.page_size);
	expect(open_window(), memory.page_size, 0);
	/* The copy has zeros, but nobody dropped the page. */
	memset(copy, 0, memory.page_size);
	expect(open_window(), memory.page_size, 0);
	take_copy(0);
	expect(open_window(), 0, 0);
}

static void stale_pages_are_found(void)
{
	struct gather_window window;

	/* The page was rewritten before the copy began, so the old content is wrong. */
	memory.pages[5].stamp.started++;
	gather_page_rewrite(&memory, 5);
	expect(open_window(), memory.page_size, 0);

	/*
	 * The page was rewritten during the copy, so the old content, the new one and a mixture are
	 * right.
	 */
	take_copy(5);
	window = open_window();
	memory.pages[5].stamp.started++;
	gather_page_rewrite(&memory, 5);
	memcpy(copy + 5 * memory.page_size, memory.pages[5].addr, memory.page_size / 2);
	expect(window, 0, 1);
	take_copy(5);

	/*
	 * Set the stamp one generation back: the copy then has words of a generation that does not
	 * exist yet, and each of them is wrong.
	 */
	memory.pages[6].stamp.started++;
	gather_page_rewrite(&memory, 6);
	take_copy(6);
	memory.pages[6].stamp.started--;
	memory.pages[6].stamp.finished--;
	expect(open_window(), memory.page_size, 0);
	memory.pages[6].stamp.started++;
	memory.pages[6].stamp.finished++;
}

static void dropped_pages_may_be_zero(void)
{
	struct gather_window window = open_window();

	/* The page was dropped during the copy, so zeros are right. */
	memory.pages[7].stamp.zeroed = memory.pages[7].stamp.started + 1;
	memory.pages[7].stamp.started++;
	gather_page_rewrite(&memory, 7);
	memset(copy + 7 * memory.page_size, 0, memory.page_size);
	expect(window, 0, 1);
	/* The page was dropped before the copy and has been written since, so zeros are wrong. */
	expect(open_window(), memory.page_size, 0);
	take_copy(7);
	expect(open_window(), 0, 0);
}

int main(void)
{
	t_equal(gather_memory_create(&memory, NUM_PAGES), 0);
	copy = malloc(NUM_PAGES * memory.page_size);
	t_assert(copy);
	for (unsigned int i = 0; i < NUM_PAGES; i++)
		take_copy(i);
	pages_are_scattered();
	quiet_pages_have_one_content();
	stale_pages_are_found();
	dropped_pages_may_be_zero();
	free(copy);
	gather_memory_destroy(&memory);
	return 0;
}
