/* SPDX-License-Identifier: MIT */
/* The pages that gather maps: where they are, what is in them, and whether a copy is right. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gather.h"

/* A word is generation << 40 | page << 16 | place in the page, the page counted from 1. */
#define WORD_PAGE_SHIFT		16
#define WORD_GENERATION_SHIFT	40

static uint64_t word_of(unsigned int page, unsigned int generation, size_t place)
{
	return (uint64_t)generation << WORD_GENERATION_SHIFT |
	       (uint64_t)(page + 1) << WORD_PAGE_SHIFT | place;
}

static void fill(const struct gather_memory *memory, unsigned int index, unsigned int generation)
{
	volatile uint64_t *words = (void *)memory->pages[index].addr;

	for (size_t i = 0; i < memory->page_size / sizeof(*words); i++)
		words[i] = word_of(index, generation, i);
}

void gather_page_rewrite(const struct gather_memory *memory, unsigned int index)
{
	struct gather_page *page = &memory->pages[index];

	fill(memory, index, page->started);
	page->finished = page->started;
}

/* Pages 0, 2, 4 ... of each arena are used: no two of them are neighbours. */
static void place_pages(struct gather_memory *memory)
{
	const size_t stride = 2 * memory->page_size;

	for (unsigned int i = 0; i < memory->count; i++) {
		struct gather_page *page = &memory->pages[i];

		page->shared = i & 1;
		page->file_offset = i / 2 * stride;
		page->addr = (page->shared ? memory->file : memory->anon) + page->file_offset;
	}
	for (unsigned int i = memory->count - 1; i > 0; i--) {
		unsigned int other = random() % (i + 1);
		struct gather_page page = memory->pages[i];

		memory->pages[i] = memory->pages[other];
		memory->pages[other] = page;
	}
}

static int map_arenas(struct gather_memory *memory)
{
	const size_t size = memory->arena_size;

	memory->memfd = memfd_create("gather", MFD_CLOEXEC);
	if (memory->memfd < 0 || ftruncate(memory->memfd, size))
		return -errno;
	memory->file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->memfd, 0);
	if (memory->file == MAP_FAILED)
		return -errno;
	memory->anon = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory->anon == MAP_FAILED)
		return -errno;
	/* Huge pages would put the pieces next to each other in physical memory. */
	madvise(memory->anon, size, MADV_NOHUGEPAGE);
	return 0;
}

int gather_memory_create(struct gather_memory *memory, unsigned int count)
{
	int ret;

	*memory = (struct gather_memory) {
		.count = count,
		.page_size = sysconf(_SC_PAGESIZE),
		.memfd = -1,
		.anon = MAP_FAILED,
		.file = MAP_FAILED,
	};
	memory->arena_size = (size_t)(count + 1) / 2 * 2 * memory->page_size;
	memory->pages = calloc(count, sizeof(*memory->pages));
	ret = memory->pages ? map_arenas(memory) : -ENOMEM;
	if (ret) {
		gather_memory_destroy(memory);
		return ret;
	}
	place_pages(memory);
	for (unsigned int i = 0; i < count; i++) {
		memory->pages[i].started = 1;
		gather_page_rewrite(memory, i);
	}
	return 0;
}

void gather_memory_destroy(struct gather_memory *memory)
{
	if (memory->anon != MAP_FAILED)
		munmap(memory->anon, memory->arena_size);
	if (memory->file != MAP_FAILED)
		munmap(memory->file, memory->arena_size);
	if (memory->memfd >= 0)
		close(memory->memfd);
	free(memory->pages);
}

int gather_window_open(const struct gather_memory *memory, struct gather_window *window)
{
	window->finished = calloc(memory->count, sizeof(*window->finished));
	if (!window->finished)
		return -ENOMEM;
	for (unsigned int i = 0; i < memory->count; i++)
		window->finished[i] = memory->pages[i].finished;
	return 0;
}

/*
 * Each word of a page must come from a generation that was there during the copy: from the one that
 * was complete when it began up to the last one that had begun when it ended. A page that was being
 * rewritten may show several of them, and zeros if one of them dropped the content first. A page
 * that was left alone has exactly one right content.
 */
static uint64_t check_page(const struct gather_memory *memory, unsigned int index,
			   unsigned int oldest, const uint64_t *words)
{
	const struct gather_page *page = &memory->pages[index];
	const unsigned int zeroed = page->zeroed, newest = page->started;
	uint64_t wrong = 0;

	for (size_t i = 0; i < memory->page_size / sizeof(*words); i++) {
		unsigned int generation = words[i] >> WORD_GENERATION_SHIFT;
		bool valid = words[i] == word_of(index, generation, i) && generation >= oldest &&
			     generation <= newest;

		if (!valid && !(words[i] == 0 && zeroed > oldest))
			wrong += sizeof(*words);
	}
	return wrong;
}

uint64_t gather_window_check(const struct gather_memory *memory, struct gather_window *window,
			     const void *copy, unsigned int *changed)
{
	uint64_t wrong = 0;

	*changed = 0;
	for (unsigned int i = 0; i < memory->count; i++) {
		wrong += check_page(memory, i, window->finished[i],
				    (const void *)((const char *)copy + i * memory->page_size));
		*changed += memory->pages[i].started != window->finished[i];
	}
	free(window->finished);
	window->finished = NULL;
	return wrong;
}
