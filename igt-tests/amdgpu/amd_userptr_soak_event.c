// SPDX-License-Identifier: MIT
/*
 * The soak's invalidators: threads that take pages away from the GPU in many ways.
 *
 * The function of each event returns whether the event happened.  The evidence is either a
 * successful system call that makes the kernel invalidate the pages, or a page frame that has
 * changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"

#include "lib/igt_procfs.h"

#include "amd_userptr_soak.h"

/*
 * The most events in a row (a burst).  After a burst the thread waits for the restore, and then
 * sleeps for MAX_PAUSE_NS at most, so that the queues run.
 */
#define MAX_BURST    16
#define MAX_PAUSE_NS 4000000
/* On average one burst in CHANGE_EVERY begins with a change of the BO. */
#define CHANGE_EVERY 4
/* The threads choose an expensive event RARE times less often than any other event. */
#define RARE	     4

/* A forked child overwrites its copy of the pages with this byte. */
#define SPOILED 0xee

/* Values of include/uapi/linux/mempolicy.h and asm-generic/mman-common.h that some libcs lack. */
enum { MPOL_MF_MOVE_ = 1 << 1, MADV_COLLAPSE_ = 25 };

struct pages {
	struct soak_area *area;
	unsigned int first, count;
	char *addr;
	size_t size;
};

static uint64_t pfn(const struct soak_thread *thread, const void *addr)
{
	return __igt_procfs_pfn(thread->pagemap, addr);
}

static bool gone(const struct soak_thread *thread, const void *addr, uint64_t before)
{
	return before && pfn(thread, addr) != before;
}

/* The event will drop the content, so zeros are right, too, until the CPU has written the pages. */
static void drop_content(const struct pages *pages)
{
	for (unsigned int i = pages->first; i < pages->first + pages->count; i++) {
		struct amd_stamp *stamp = &pages->area->stamps[i];

		stamp->zeroed = stamp->started + 1;
		stamp->started = stamp->zeroed;
	}
}

static void write_content(const struct pages *pages)
{
	for (unsigned int i = pages->first; i < pages->first + pages->count; i++)
		amd_stamp_finish(&pages->area->stamps[i], soak_area_page(pages->area, i),
				 getpagesize());
}

static void finish_content(const struct pages *pages)
{
	for (unsigned int i = pages->first; i < pages->first + pages->count; i++)
		pages->area->stamps[i].finished = pages->area->stamps[i].started;
}

/*
 * The CPU is going to store the content that the page has already.  Returns the generation that the
 * CPU has to store.
 */
static unsigned int same_generation(struct soak_area *area, unsigned int page)
{
	struct amd_stamp *stamp = &area->stamps[page];

	area->by_gpu[page] = 0;
	/*
	 * If the kernel may have dropped the page, zeros were right until now.  After the store
	 * they are wrong, so begin a new generation.
	 */
	if (amd_stamp_is_free(stamp))
		stamp->started++;
	return stamp->started;
}

static int dontneed(struct soak_thread *thread, const struct pages *pages)
{
	const bool content_goes = !pages->area->backing->shared;

	if (content_goes)
		drop_content(pages);
	if (madvise(pages->addr, pages->size, MADV_DONTNEED))
		return -errno;
	pages->area->split = true;
	if (content_goes)
		write_content(pages);
	return 1;
}

static int punch_hole(struct soak_thread *thread, const struct pages *pages)
{
	drop_content(pages);
	if (fallocate(pages->area->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      pages->addr - pages->area->cpu, pages->size))
		return -errno;
	write_content(pages);
	return 1;
}

/* Put new pages with the same content in the place of the old ones, which the kernel gets back. */
static int replace(struct soak_thread *thread, const struct pages *pages)
{
	char *other =
		mmap(NULL, pages->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (other == MAP_FAILED || madvise(other, pages->size, MADV_NOHUGEPAGE))
		return -errno;
	for (unsigned int i = 0; i < pages->count; i++) {
		struct amd_stamp *stamp = &pages->area->stamps[pages->first + i];

		amd_stamp_fill(stamp, other + (size_t)i * getpagesize(), getpagesize(),
			       same_generation(pages->area, pages->first + i));
	}
	if (mremap(other, pages->size, pages->size, MREMAP_MAYMOVE | MREMAP_FIXED, pages->addr) ==
	    MAP_FAILED)
		return -errno;
	finish_content(pages);
	return 1;
}

/*
 * Unmap the area, then map it again.  In between its addresses have a mapping without access,
 * because other threads map memory, too, and must not get these addresses.
 */
static int remap(struct soak_thread *thread, const struct pages *pages)
{
	struct soak_area *area = pages->area;
	const struct pages all = { .area = area, .count = area->size / getpagesize() };
	const bool content_goes = !area->backing->file;

	if (mmap(area->cpu, area->size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED ||
	    !soak_area_mmap(area, area->cpu))
		return -errno;
	if (content_goes) {
		drop_content(&all);
		write_content(&all);
	}
	/*
	 * The kernel calls no notifier when memory is mapped, so the userptr could stay a hole.
	 * Drop some pages: then the kernel calls the notifier, and the restore worker looks up all
	 * of the area, which is one segment.
	 */
	return dontneed(thread, pages);
}

/*
 * Forbid stores or all accesses, and allow them again at once.  A writable userptr may become a
 * hole in between.  For a read-only one forbid stores only, so that the GPU can still read it.
 */
static int mprotect_for_a_while(struct soak_thread *thread, const struct pages *pages)
{
	const bool reader = pages->area->backing->flags & AMDGPU_GEM_USERPTR_READONLY;
	const int prot = reader || soak_pick(thread, 2) ? PROT_READ : PROT_NONE;

	if (mprotect(pages->addr, pages->size, prot) ||
	    mprotect(pages->addr, pages->size, PROT_READ | PROT_WRITE))
		return -errno;
	return 1;
}

static void spoil(const struct pages *pages)
{
	/*
	 * If the fork came while an mprotect event of another thread forbade stores, the child's
	 * memory is read-only, too.  So allow stores.
	 */
	if (mprotect(pages->addr, pages->size, PROT_READ | PROT_WRITE))
		_exit(errno);
	memset(pages->addr, SPOILED, pages->size);
	_exit(0);
}

static int fork_and(const struct pages *pages, void (*meanwhile)(const struct pages *pages))
{
	int go[2], status, ret = 1;
	pid_t child;
	char byte;

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	child = fork();
	if (!child) {
		if (read(go[0], &byte, 1) == 1)
			spoil(pages);
		_exit(1);
	}
	if (child < 0)
		ret = -errno;
	else
		meanwhile(pages);
	pages->area->split = true;
	/*
	 * Tell the child by a byte, not by closing the pipe: if a child of another thread has
	 * inherited the pipe, closing it here would not end the read.
	 */
	if (child > 0 && write(go[1], "", 1) != 1)
		ret = -errno;
	if (child > 0 && (waitpid(child, &status, 0) != child || status))
		ret = -ECHILD;
	close(go[0]);
	close(go[1]);
	return ret;
}

static void write_the_same(const struct pages *pages)
{
	for (unsigned int i = pages->first; i < pages->first + pages->count; i++) {
		struct amd_stamp *stamp = &pages->area->stamps[i];

		amd_stamp_fill(stamp, soak_area_page(pages->area, i), getpagesize(),
			       same_generation(pages->area, i));
	}
	finish_content(pages);
}

static void do_nothing(const struct pages *pages)
{
}

/* After the fork, the child's stores and the restore race for the new pages. */
static int fork_only(struct soak_thread *thread, const struct pages *pages)
{
	return fork_and(pages, do_nothing);
}

static int fork_write(struct soak_thread *thread, const struct pages *pages)
{
	return fork_and(pages, write_the_same);
}

static int pageout(struct soak_thread *thread, const struct pages *pages)
{
	const uint64_t before = pfn(thread, pages->addr);

	if (madvise(pages->addr, pages->size, MADV_PAGEOUT))
		return -errno;
	return gone(thread, pages->addr, before);
}

static int migrate(struct soak_thread *thread, const struct pages *pages)
{
	const int node = thread->soak->nodes[soak_pick(thread, 2)];
	const uint64_t before = pfn(thread, pages->addr);
	int nodes[SOAK_MAX_PAGES], status[SOAK_MAX_PAGES];
	void *addrs[SOAK_MAX_PAGES];

	for (unsigned int i = 0; i < pages->count; i++) {
		addrs[i] = pages->addr + (size_t)i * getpagesize();
		nodes[i] = node;
	}
	/* A positive result is no error: it is the number of pages that the kernel did not move. */
	if (syscall(SYS_move_pages, 0, (unsigned long)pages->count, addrs, nodes, status,
		    MPOL_MF_MOVE_) < 0 &&
	    errno != ENOENT)
		return -errno;
	return gone(thread, pages->addr, before);
}

static int collapse(struct soak_thread *thread, const struct pages *pages)
{
	struct soak_area *area = pages->area;
	const uint64_t before = pfn(thread, area->cpu);

	/*
	 * A collapse may fail for reasons that do not last, so a failure only means that nothing
	 * happened.
	 */
	if (!area->split || madvise(area->cpu, area->size, MADV_COLLAPSE_))
		return 0;
	area->split = false;
	return gone(thread, area->cpu, before);
}

/* If KSM has merged a page with its twin, store to the page, so that it gets a copy. */
static int ksm(struct soak_thread *thread, const struct pages *pages)
{
	const unsigned int half = pages->area->size / getpagesize() / 2;
	const unsigned int page = pages->first % half;
	struct amd_stamp *stamp = &pages->area->stamps[page];
	char *addr = soak_area_page(pages->area, page);
	const uint64_t before = pfn(thread, addr);

	if (!before || pfn(thread, soak_area_page(pages->area, page + half)) != before)
		return 0;
	amd_stamp_fill(stamp, addr, getpagesize(), stamp->finished);
	return gone(thread, addr, before);
}

static const struct {
	const char *name;
	int (*run)(struct soak_thread *thread, const struct pages *pages);
	bool hole;    /* the GPU may fault if it accesses the area during the event */
	bool content; /* the event changes, copies or rewrites the content */
	bool rare;    /* the event is expensive: it forks an address space or waits for all CPUs */
} events[SOAK_NUM_EVENTS] = {
	[SOAK_DONTNEED] = { "DONTNEED", dontneed, .content = true },
	[SOAK_PUNCH_HOLE] = { "punch hole", punch_hole, .content = true },
	[SOAK_REPLACE] = { "mremap over", replace, .content = true },
	[SOAK_REMAP] = { "unmap and map", remap, .hole = true, .content = true },
	[SOAK_MPROTECT] = { "mprotect", mprotect_for_a_while, .hole = true, .content = true },
	[SOAK_FORK] = { "fork", fork_only, .rare = true },
	[SOAK_FORK_WRITE] = { "fork and write", fork_write, .content = true, .rare = true },
	[SOAK_PAGEOUT] = { "PAGEOUT", pageout, .rare = true },
	[SOAK_MIGRATE] = { "migrate", migrate, .rare = true },
	[SOAK_COLLAPSE] = { "COLLAPSE", collapse },
	[SOAK_KSM] = { "KSM", ksm, .content = true },
};

const char *soak_event_name(enum soak_event event)
{
	return events[event].name;
}

/* Choose an event, an expensive one less often. */
static enum soak_event pick_event(struct soak_thread *thread)
{
	unsigned int event;

	do {
		event = soak_pick(thread, SOAK_NUM_EVENTS);
	} while (!thread->soak->can[event] || (events[event].rare && soak_pick(thread, RARE)));
	return event;
}

static struct soak_area *pick_area(struct soak_thread *thread, enum soak_event event)
{
	struct soak_area *area;

	do {
		area = &thread->soak->areas[soak_pick(thread, SOAK_NUM_AREAS)];
	} while (!(area->backing->events & 1u << event));
	return area;
}

/*
 * Must no queue access the area during the event?  A queue may read a read-only userptr during an
 * mprotect event, because this event forbids only stores to it.
 */
static bool excludes_gpu(const struct soak_area *area, enum soak_event event)
{
	const bool reader = area->backing->flags & AMDGPU_GEM_USERPTR_READONLY;

	return events[event].hole && !(reader && event == SOAK_MPROTECT);
}

static int run_event(struct soak_thread *thread)
{
	const enum soak_event event = pick_event(thread);
	struct soak_area *area = pick_area(thread, event);
	struct pages pages = { .area = area };
	int ret;

	pages.first = soak_pick_pages(thread, area, &pages.count);
	pages.addr = soak_area_page(area, pages.first);
	pages.size = (size_t)pages.count * getpagesize();

	if (excludes_gpu(area, event))
		pthread_rwlock_wrlock(&area->shape);
	else
		pthread_rwlock_rdlock(&area->shape);
	if (events[event].content)
		pthread_mutex_lock(&area->content);
	ret = events[event].run(thread, &pages);
	if (events[event].content)
		pthread_mutex_unlock(&area->content);
	pthread_rwlock_unlock(&area->shape);

	if (ret > 0)
		thread->soak->events[event]++;
	return ret < 0 ? soak_fail(thread->soak, ret, "%s of %s", events[event].name,
				   area->backing->name)
		       : 0;
}

const char *soak_change_name(enum soak_change change)
{
	return change == SOAK_VA_REMAP ? "GPU unmap and map" : "userptr created anew";
}

static int run_change(struct soak_thread *thread, struct soak_area *area)
{
	const enum soak_change change = soak_pick(thread, SOAK_NUM_CHANGES);
	int ret;

	pthread_rwlock_wrlock(&area->shape);
	if (change == SOAK_VA_REMAP) {
		ret = soak_area_unmap_bo(area, &thread->up);
	} else {
		ret = soak_area_destroy_bo(area, &thread->up);
		if (!ret)
			ret = soak_area_create_bo(area, thread->up.fd);
	}
	if (!ret)
		ret = soak_area_map_bo(area, &thread->up);
	pthread_rwlock_unlock(&area->shape);

	if (ret)
		return soak_fail(thread->soak, ret, "%s of %s", soak_change_name(change),
				 area->backing->name);
	thread->soak->changes[change]++;
	return 0;
}

void *soak_invalidate(void *arg)
{
	struct soak_thread *thread = arg;
	struct soak *soak = thread->soak;
	int ret = 0;

	while (!ret && !soak_ended(soak)) {
		const struct timespec pause = { .tv_nsec = soak_pick(thread, MAX_PAUSE_NS) };
		unsigned int burst = 1 + soak_pick(thread, MAX_BURST);

		if (!soak_pick(thread, CHANGE_EVERY))
			ret = run_change(thread, &soak->areas[soak_pick(thread, SOAK_NUM_AREAS)]);
		while (!ret && burst--)
			ret = run_event(thread);
		/*
		 * Without a pause the events would keep the queues evicted all the time.  Let the
		 * queues run, so that the next event comes in the middle of a copy.
		 */
		if (!ret)
			ret = soak_wait_restored(soak);
		nanosleep(&pause, NULL);
	}
	return NULL;
}
