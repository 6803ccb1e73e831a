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
	bool shared; /* the page belongs to the memfd; otherwise it is private anonymous */
	off_t file_offset;
	struct amd_stamp stamp; /* the stamps in the page */
};

struct gather_memory {
	unsigned int count;
	size_t page_size;
	struct gather_page *pages;
	char *anon, *file;
	size_t arena_size; /* size of each of the two arenas */
	int memfd;
};

/*
 * Make @count pages: half of them are private anonymous, half belong to a shared memfd. Their order
 * is random, and no two of them are neighbours.
 */
int gather_memory_create(struct gather_memory *memory, unsigned int count);
void gather_memory_destroy(struct gather_memory *memory);

/* Remembers which contents the pages may have in a copy. */
struct gather_window {
	unsigned int *finished; /* for each page the generation that the copy began with */
};

int gather_window_open(const struct gather_memory *memory, struct gather_window *window);
/*
 * Compare a copy of all pages with the contents that they have had since the window was opened.
 * Returns the number of wrong bytes. @changed: out: pages that were rewritten meanwhile.
 */
uint64_t gather_window_check(const struct gather_memory *memory, struct gather_window *window,
			     const void *copy, unsigned int *changed);

struct gather_mutator {
	struct gather_memory *memory;
	pthread_t thread;
	pthread_mutex_t lock; /* held while the thread changes pages */
	pthread_cond_t wake;
	bool paused, stop;	/* under @lock */
	int error;		/* under @lock until the thread ends: -errno if it gave up */
	struct amd_kfd_smi smi; /* tells the thread when the queues run again */
	uint64_t rng;
	unsigned int forks, drops;
};

int gather_mutator_start(struct gather_mutator *mutator, struct gather_memory *memory,
			 struct amd_kfd *kfd);
/* Between pause and resume the thread changes no page. */
void gather_mutator_pause(struct gather_mutator *mutator);
void gather_mutator_resume(struct gather_mutator *mutator);
int gather_mutator_stop(struct gather_mutator *mutator);

/* Rewrite the page with its next generation. */
void gather_page_rewrite(const struct gather_memory *memory, unsigned int index);

#endif /* GATHER_H */
