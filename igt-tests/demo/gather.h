/* SPDX-License-Identifier: MIT */
/* The memory that gather maps, and the thread that keeps changing it. */
#ifndef GATHER_H
#define GATHER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/amdgpu/amd_kfd.h"
#include "lib/amdgpu/amd_stamp.h"

/* One page that the GPU reads. */
struct gather_page {
	char *addr;
	bool shared; /* true: a page of the memfd; false: private anonymous */
	off_t file_offset;
	struct amd_stamp stamp; /* which contents the page may have now */
};

struct gather_memory {
	unsigned int count;
	size_t page_size;
	struct gather_page *pages;
	char *anon, *file;
	size_t arena_size; /* size of the mapping at @anon, and of the one at @file */
	int memfd;
};

/*
 * Make @count pages: half of them are private anonymous, half belong to a shared memfd. Their order
 * is random, and no two of them are neighbours in memory.
 */
int gather_memory_create(struct gather_memory *memory, unsigned int count);
void gather_memory_destroy(struct gather_memory *memory);

/*
 * The time of one copy. It is opened before the copy, and remembers how old the content of each
 * page may be in the copy.
 */
struct gather_window {
	unsigned int *finished; /* each page's complete generation at the opening */
};

int gather_window_open(const struct gather_memory *memory, struct gather_window *window);
/*
 * Compare a copy of all pages with the contents that they have had since the window was opened, and
 * close the window. Returns the number of wrong bytes. @changed: out: pages that were rewritten
 * meanwhile.
 */
uint64_t gather_window_check(const struct gather_memory *memory, struct gather_window *window,
			     const void *copy, unsigned int *changed);

/* The thread that keeps changing pages, and the means to pause and to end it. */
struct gather_mutator {
	struct gather_memory *memory;
	pthread_t thread;
	pthread_mutex_t lock; /* held while the thread changes pages */
	pthread_cond_t wake;
	bool paused, stop;	/* a caller sets these under @lock; the thread obeys */
	int error;		/* -errno if the thread gave up; valid when the thread has ended */
	struct amd_kfd_smi smi; /* SMI events, by which the thread sees that the queues run again */
	uint64_t rng;		/* state of the random numbers; never 0 */
	unsigned int forks, drops; /* how many changes of each kind were made */
};

int gather_mutator_start(struct gather_mutator *mutator, struct gather_memory *memory,
			 struct amd_kfd *kfd);
/* Between pause and resume the thread changes no page. */
void gather_mutator_pause(struct gather_mutator *mutator);
void gather_mutator_resume(struct gather_mutator *mutator);
int gather_mutator_stop(struct gather_mutator *mutator);

/* Fill the page with the generation stamp.started, which the caller has raised before. */
void gather_page_rewrite(const struct gather_memory *memory, unsigned int index);

#endif /* GATHER_H */
