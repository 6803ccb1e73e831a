/* SPDX-License-Identifier: MIT */
/* The pages that gather maps: their places, their contents, and the check of a copy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gather.h"

void gather_page_rewrite(const struct gather_memory *memory, unsigned int index)
{
	struct gather_page *page = &memory->pages[index];

	amd_stamp_finish(&page->stamp, page->addr, memory->page_size);
}

/*
 * Use pages 0, 2, 4 ... of each of the two mappings, so that no two pages are neighbours. Then
 * shuffle the list of pages.
 */
static void place_pages(struct gather_memory *memory)
{
	const size_t stride = 2 * memory->page_size;

	for (unsigned int i = 0; i < memory->count; i++) {
		struct gather_page *page = &memory->pages[i];

		page->stamp.page = i + 1;
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
	/* The pages of a huge page are contiguous in physical memory, so they are not scattered. */
	madvise(memory->anon, size, MADV_NOHUGEPAGE);
	return 0;
}

int gather_memory_create(struct gather_memory *memory, unsigned int count)
{
	int ret;

	*memory = (struct gather_memory){
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
		memory->pages[i].stamp.started = 1;
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
		window->finished[i] = memory->pages[i].stamp.finished;
	return 0;
}

uint64_t gather_window_check(const struct gather_memory *memory, struct gather_window *window,
			     const void *copy, unsigned int *changed)
{
	uint64_t wrong = 0;

	*changed = 0;
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct amd_stamp *stamp = &memory->pages[i].stamp;

		wrong += amd_stamp_check(stamp, window->finished[i],
					 (const char *)copy + i * memory->page_size,
					 memory->page_size);
		*changed += stamp->started != window->finished[i];
	}
	free(window->finished);
	window->finished = NULL;
	return wrong;
}
