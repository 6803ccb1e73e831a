/* SPDX-License-Identifier: MIT */
/*
 * A thread that changes the mapped pages while the GPU uses them. With most changes an address gets
 * another physical page, so a GPU with an old mapping would read old contents.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gather.h"

/* How many pages a change writes anew. */
#define BATCH		    32
/*
 * On average one change of FORK_EVERY is a fork, for which the kernel write-protects every private
 * page at once.
 */
#define FORK_EVERY	    8
/* The longest pause between two changes, in which the queues run. */
#define MAX_PAUSE_NS	    16000000
/* The longest time that the kernel may take to restore the queues. */
#define RESTORE_DEADLINE_MS 60000

static unsigned int pick(struct gather_mutator *mutator, unsigned int limit)
{
	return amd_stamp_pick(&mutator->rng, limit);
}

static void rewrite_batch(struct gather_mutator *mutator)
{
	struct gather_memory *memory = mutator->memory;

	for (unsigned int i = 0; i < BATCH; i++) {
		unsigned int index = pick(mutator, memory->count);

		memory->pages[index].stamp.started++;
		gather_page_rewrite(memory, index);
	}
}

/*
 * Fork, then write. The child keeps the old pages, so the parent gets new ones when it writes. The
 * child waits until the parent is done, because otherwise the kernel would let the parent keep its
 * pages.
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
 * Drop pages and write them anew. A private page reads as zeros between the two. A page of the file
 * only loses its mapping, unless the thread punches a hole into the file: then the kernel frees the
 * page, and it reads as zeros, too.
 */
static int change_by_drop(struct gather_mutator *mutator)
{
	struct gather_memory *memory = mutator->memory;

	for (unsigned int i = 0; i < BATCH; i++) {
		unsigned int index = pick(mutator, memory->count);
		struct gather_page *page = &memory->pages[index];
		bool punch = page->shared && pick(mutator, 2);
		unsigned int generation = page->stamp.started + 1;

		if (!page->shared || punch)
			page->stamp.zeroed = generation;
		page->stamp.started = generation;
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

/*
 * If the thread changed pages faster than the kernel restores the queues, these would never run.
 * Let them run for a moment between two changes, so that the next change comes in the middle of a
 * copy.
 */
static int let_queues_run(struct gather_mutator *mutator)
{
	const struct timespec pause = { .tv_nsec = pick(mutator, MAX_PAUSE_NS) };
	int ret = __amd_kfd_smi_drain(&mutator->smi);

	if (!ret)
		ret = __amd_kfd_smi_wait(&mutator->smi, KFD_SMI_EVENT_QUEUE_RESTORE,
					 mutator->smi.count.evictions, RESTORE_DEADLINE_MS);
	if (!ret)
		nanosleep(&pause, NULL);
	return ret;
}

static int change(struct gather_mutator *mutator)
{
	return pick(mutator, FORK_EVERY) ? change_by_drop(mutator) : change_by_fork(mutator);
}

static void *mutate(void *arg)
{
	struct gather_mutator *mutator = arg;

	pthread_mutex_lock(&mutator->lock);
	while (!mutator->stop && !mutator->error) {
		if (mutator->paused) {
			pthread_cond_wait(&mutator->wake, &mutator->lock);
			continue;
		}
		mutator->error = change(mutator);
		pthread_mutex_unlock(&mutator->lock);
		if (!mutator->error)
			mutator->error = let_queues_run(mutator);
		pthread_mutex_lock(&mutator->lock);
	}
	pthread_mutex_unlock(&mutator->lock);
	return NULL;
}

int gather_mutator_start(struct gather_mutator *mutator, struct gather_memory *memory,
			 struct amd_kfd *kfd)
{
	int ret;

	*mutator = (struct gather_mutator){
		.memory = memory,
		.rng = UINT64_C(0x9e3779b97f4a7c15), /* any number but 0 */
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.wake = PTHREAD_COND_INITIALIZER,
	};
	ret = __amd_kfd_smi_open(kfd, 0, &mutator->smi);
	if (ret)
		return ret;
	ret = -pthread_create(&mutator->thread, NULL, mutate, mutator);
	if (ret)
		amd_kfd_smi_close(&mutator->smi);
	return ret;
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
	amd_kfd_smi_close(&mutator->smi);
	return mutator->error;
}
