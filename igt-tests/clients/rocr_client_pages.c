/* SPDX-License-Identifier: MIT */
/* The pages of rocr_client, and the calls that make the kernel give them other page frames. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rocr_client.h"

/* Pages per change; a fork concerns all pages. */
#define BATCH	    32
/* The most attempts to move pages: the kernel moves no page that another CPU has in a list. */
#define MOVE_TRIES  100
#define NUMA_NODES  2
#define MPOL_MF_OWN (1 << 1) /* MPOL_MF_MOVE of linux/mempolicy.h, which glibc does not have */

const char *const change_names[NUM_CHANGES] = { "forks", "drops", "migrations", "reclaims" };

/* Pages 0, 2, 4 ... of the arena, shuffled: no two of them are neighbours. */
void pages_create(struct pages *pages, unsigned int count)
{
	*pages = (struct pages){
		.count = count,
		.page_size = sysconf(_SC_PAGESIZE),
		.page = calloc(count, sizeof(*pages->page)),
		.rng = UINT64_C(0x9e3779b97f4a7c15), /* any seed but 0 */
	};
	pages->arena = mmap(NULL, 2 * count * pages->page_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(pages->page && pages->arena != MAP_FAILED ? 0 : -ENOMEM, "allocate pages");
	/* A huge page would have several of the pages, which then change together. */
	madvise(pages->arena, 2 * count * pages->page_size, MADV_NOHUGEPAGE);

	for (unsigned int i = 0; i < count; i++)
		pages->page[i].addr = pages->arena + 2 * i * pages->page_size;
	for (unsigned int i = count - 1; i > 0; i--) {
		unsigned int other = amd_stamp_pick(&pages->rng, i + 1);
		char *addr = pages->page[i].addr;

		pages->page[i].addr = pages->page[other].addr;
		pages->page[other].addr = addr;
	}
	for (unsigned int i = 0; i < count; i++) {
		struct amd_stamp *stamp = &pages->page[i].stamp;

		stamp->page = i + 1;
		stamp->started = 1;
		amd_stamp_finish(stamp, pages->page[i].addr, pages->page_size);
	}
}

void pages_destroy(struct pages *pages)
{
	munmap(pages->arena, 2 * pages->count * pages->page_size);
	free(pages->page);
}

static void pick_batch(struct pages *pages, struct page **batch)
{
	for (unsigned int i = 0; i < BATCH; i++)
		batch[i] = &pages->page[amd_stamp_pick(&pages->rng, pages->count)];
}

static void rewrite(struct pages *pages, struct page *page)
{
	page->stamp.started++;
	amd_stamp_finish(&page->stamp, page->addr, pages->page_size);
}

static uint64_t sum(const struct pages *pages)
{
	uint64_t result = 0;

	for (unsigned int i = 0; i < pages->count; i++) {
		const uint64_t *words = (const uint64_t *)pages->page[i].addr;

		for (size_t j = 0; j < pages->page_size / sizeof(*words); j++)
			result = result * 31 + words[j];
	}
	return result;
}

/*
 * The child keeps the old page frames, so the parent gets new ones when a CPU or the GPU stores.
 * Stores of the GPU must not reach the child.
 */
static void change_by_fork(struct pages *pages, struct page **batch, bool stores)
{
	int gate[2];
	char byte;

	check(pipe(gate) ? -errno : 0, "pipe");
	pages->child = fork();
	check(pages->child < 0 ? -errno : 0, "fork");
	if (!pages->child) {
		uint64_t before = sum(pages);

		close(gate[1]);
		_exit(read(gate[0], &byte, 1) != 0 || sum(pages) != before);
	}
	close(gate[0]);
	pages->gate = gate[1];
	for (unsigned int i = 0; stores && i < BATCH; i++)
		rewrite(pages, batch[i]);
}

void pages_end_change(struct pages *pages)
{
	int status = -1;

	if (!pages->child)
		return;
	close(pages->gate);
	check(waitpid(pages->child, &status, 0) == pages->child ? status : -errno,
	      "pages of a child that was forked during a copy");
	pages->child = 0;
}

static void change_by_drop(struct pages *pages, struct page **batch, bool stores)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		struct amd_stamp *stamp = &batch[i]->stamp;

		stamp->zeroed = stamp->started + 1;
		if (stores)
			stamp->started++;
		check(madvise(batch[i]->addr, pages->page_size, MADV_DONTNEED) ? -errno : 0,
		      "MADV_DONTNEED");
		if (stores)
			amd_stamp_finish(stamp, batch[i]->addr, pages->page_size);
	}
}

/* Move each page to the other node. Try again until all are there; those that are there stay. */
static void change_by_migration(struct pages *pages, struct page **batch)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int nodes[BATCH], status[BATCH], tries = 0, wrong;
	void *addr[BATCH];

	for (unsigned int i = 0; i < BATCH; i++)
		addr[i] = batch[i]->addr;
	check(syscall(SYS_move_pages, 0, BATCH, addr, NULL, nodes, 0) ? -errno : 0, "move_pages");
	for (unsigned int i = 0; i < BATCH; i++)
		nodes[i] = nodes[i] < 0 ? 0 : NUMA_NODES - 1 - nodes[i];
	do {
		check(syscall(SYS_move_pages, 0, BATCH, addr, nodes, status, MPOL_MF_OWN) < 0
			      ? -errno
			      : 0,
		      "move_pages");
		wrong = 0;
		for (unsigned int i = 0; i < BATCH; i++)
			wrong += status[i] != nodes[i];
		if (wrong)
			nanosleep(&pause, NULL);
	} while (wrong && ++tries < MOVE_TRIES);
	check(wrong ? -EBUSY : 0, "pages that do not migrate");
}

/* Pages that the whole system has written to swap. */
static unsigned long swapped_out(void)
{
	FILE *file = fopen("/proc/vmstat", "r");
	unsigned long count = 0;
	char line[80];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "pswpout %lu", &count) == 1)
			break;
	}
	if (file)
		fclose(file);
	return count;
}

static void change_by_reclaim(struct pages *pages, struct page **batch)
{
	const unsigned long before = swapped_out();

	for (unsigned int i = 0; i < BATCH; i++)
		check(madvise(batch[i]->addr, pages->page_size, MADV_PAGEOUT) ? -errno : 0,
		      "MADV_PAGEOUT");
	check(swapped_out() == before ? -EBUSY : 0, "pages that are not reclaimed");
}

void pages_change(struct pages *pages, enum change change, bool stores)
{
	struct page *batch[BATCH];

	pick_batch(pages, batch);
	switch (change) {
	case CHANGE_FORK:
		change_by_fork(pages, batch, stores);
		break;
	case CHANGE_DROP:
		change_by_drop(pages, batch, stores);
		break;
	case CHANGE_MIGRATE:
		change_by_migration(pages, batch);
		break;
	default:
		change_by_reclaim(pages, batch);
	}
}

void pages_open_window(struct pages *pages)
{
	for (unsigned int i = 0; i < pages->count; i++)
		pages->page[i].oldest = pages->page[i].stamp.finished;
}

uint64_t pages_check(const struct pages *pages, const char *copy)
{
	uint64_t wrong = 0;

	for (unsigned int i = 0; i < pages->count; i++) {
		const struct page *page = &pages->page[i];
		const char *there = copy ? copy + i * pages->page_size : page->addr;

		wrong += amd_stamp_check(&page->stamp, page->oldest, there, pages->page_size);
	}
	return wrong;
}
