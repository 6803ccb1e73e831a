/* SPDX-License-Identifier: MIT */
/*
 * A thread that changes the mapped pages under the GPU: each change makes the kernel take the
 * physical page away from the address, so that a GPU with an old mapping would read old content.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gather.h"

/* Pages per change, and the pause between changes; the queues must get to run in between. */
#define BATCH		32
#define PAUSE_NS	2000000

static unsigned int pick(struct gather_mutator *mutator, unsigned int limit)
{
	/* xorshift64, G. Marsaglia, "Xorshift RNGs", 2003 */
	mutator->rng ^= mutator->rng << 13;
	mutator->rng ^= mutator->rng >> 7;
	mutator->rng ^= mutator->rng << 17;
	return mutator->rng % limit;
}

static void rewrite_batch(struct gather_mutator *mutator)
{
	struct gather_memory *memory = mutator->memory;

	for (unsigned int i = 0; i < BATCH; i++) {
		unsigned int index = pick(mutator, memory->count);

		memory->pages[index].started++;
		gather_page_rewrite(memory, index);
	}
}

/*
 * The child keeps the old pages; writing gives the parent new ones. The child does nothing and stays
 * until the parent is done, otherwise the parent would just get its pages back.
 */
static int change_by_fork(struct gather_mutator *mutator)
{
	int done[2], status, ret = 0;
	pid_t child;
	char byte;

	if (pipe2(done, O_CLOEXEC))
		return -errno;
	child = fork();
	if (!child) {
		close(done[1]);
		_exit(read(done[0], &byte, 1) != 0);
	}
	if (child > 0) {
		rewrite_batch(mutator);
		mutator->forks++;
	} else {
		ret = -errno;
	}
	close(done[0]);
	close(done[1]);
	if (child > 0 && waitpid(child, &status, 0) != child)
		ret = -errno;
	return ret;
}

/*
 * Drop pages and write them anew. Private memory becomes zeros. Of the file only the mapping goes,
 * or, by punching a hole, the page too.
 */
static int change_by_drop(struct gather_mutator *mutator)
{
	struct gather_memory *memory = mutator->memory;

	for (unsigned int i = 0; i < BATCH; i++) {
		unsigned int index = pick(mutator, memory->count);
		struct gather_page *page = &memory->pages[index];
		bool punch = page->shared && pick(mutator, 2);
		unsigned int generation = page->started + 1;

		if (!page->shared || punch)
			page->zeroed = generation;
		page->started = generation;
		if (punch && fallocate(memory->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       page->file_offset, memory->page_size))
			return -errno;
		if (!punch && madvise(page->addr, memory->page_size, MADV_DONTNEED))
			return -errno;
		gather_page_rewrite(memory, index);
	}
	mutator->drops++;
	return 0;
}

static void *mutate(void *arg)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct gather_mutator *mutator = arg;

	pthread_mutex_lock(&mutator->lock);
	while (!mutator->stop && !mutator->error) {
		if (mutator->paused) {
			pthread_cond_wait(&mutator->wake, &mutator->lock);
			continue;
		}
		mutator->error = pick(mutator, 2) ? change_by_fork(mutator) : change_by_drop(mutator);
		pthread_mutex_unlock(&mutator->lock);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&mutator->lock);
	}
	pthread_mutex_unlock(&mutator->lock);
	return NULL;
}

int gather_mutator_start(struct gather_mutator *mutator, struct gather_memory *memory)
{
	*mutator = (struct gather_mutator) {
		.memory = memory,
		.rng = UINT64_C(0x9e3779b97f4a7c15),	/* any seed but 0 */
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.wake = PTHREAD_COND_INITIALIZER,
	};
	return -pthread_create(&mutator->thread, NULL, mutate, mutator);
}

static void set_flag(struct gather_mutator *mutator, bool *flag, bool value)
{
	pthread_mutex_lock(&mutator->lock);
	*flag = value;
	pthread_cond_signal(&mutator->wake);
	pthread_mutex_unlock(&mutator->lock);
}

void gather_mutator_pause(struct gather_mutator *mutator)
{
	set_flag(mutator, &mutator->paused, true);
}

void gather_mutator_resume(struct gather_mutator *mutator)
{
	set_flag(mutator, &mutator->paused, false);
}

int gather_mutator_stop(struct gather_mutator *mutator)
{
	set_flag(mutator, &mutator->stop, true);
	pthread_join(mutator->thread, NULL);
	return mutator->error;
}
