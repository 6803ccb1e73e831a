/* SPDX-License-Identifier: MIT */
/*
 * The parts of the amd_userptr_soak test: areas of memory that are userptrs,
 * events that take their pages away, and queues that copy from and to them.
 *
 * Everything runs in threads, which must not leave by a failed assertion: what
 * goes wrong there is kept by soak_fail() and asserted in the end.
 */
#ifndef AMD_USERPTR_SOAK_H
#define AMD_USERPTR_SOAK_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/amdgpu/amd_stamp.h"
#include "lib/amdgpu/amd_userptr.h"

enum soak_event {
	SOAK_DONTNEED,		/* pages dropped, and written anew */
	SOAK_PUNCH_HOLE,	/* the same by way of the file */
	SOAK_REPLACE,		/* mremap() of other pages over them, same content */
	SOAK_REMAP,		/* munmap() and mmap() again: a hole for a while */
	SOAK_MPROTECT,		/* no access for a while, or no writing */
	SOAK_FORK,		/* copy on write; the child spoils its copy, the GPU goes on */
	SOAK_FORK_WRITE,	/* the parent writes first, and the child keeps the old pages */
	SOAK_PAGEOUT,
	SOAK_MIGRATE,		/* to the other NUMA node */
	SOAK_COLLAPSE,		/* to a huge page */
	SOAK_KSM,		/* merged pages are written to, and merged again */
	SOAK_NUM_EVENTS,
};

/*
 * How pages get to be clean while they may be written to: reclaim need not keep
 * what is in them, unless somebody sees to it that stores of the GPU count.
 */
enum soak_clean {
	SOAK_CLEAN_FREED,	/* by MADV_FREE */
	SOAK_CLEAN_FREED_COLD,	/* and deactivated by MADV_COLD */
	SOAK_CLEAN_DROPPED,	/* and taken by reclaim before anybody stores */
	SOAK_CLEAN_READ,	/* of shared memory or a file, new, and only read by the CPU */
	SOAK_CLEAN_READ_COLD,	/* and deactivated */
	SOAK_CLEAN_POPULATED,	/* the same by MADV_POPULATE_READ */
	SOAK_CLEAN_SWAPPED,	/* read back from a swap disk, which has them too */
	SOAK_NUM_CLEAN,
};

/* What happens to the BOs, not to the pages. */
enum soak_change {
	SOAK_VA_REMAP,		/* unmapped from the GPU and mapped again */
	SOAK_RECREATE,		/* destroyed, created, mapped */
	SOAK_NUM_CHANGES,
};

struct soak_backing {
	const char *name;
	unsigned int num_pages;
	bool shared;		/* a child has the same pages */
	bool file;		/* area->memfd has the content */
	bool huge;
	bool same;		/* pages have a twin of the same content */
	bool on_disk;		/* a file in /tmp, else a memfd */
	uint32_t flags;		/* of the userptr, beside AMD_USERPTR_TRACKED */
	unsigned int events;	/* bits of enum soak_event that make sense here */
	unsigned int cleans;	/* of enum soak_clean */
};

struct soak_area {
	const struct soak_backing *backing;
	struct amd_userptr_bo bo;	/* @shape */
	char *cpu;
	size_t size;
	int memfd;
	int node;			/* @content: of the last migration */
	atomic_bool split;		/* @content: is not one huge page */
	struct amd_stamp *stamps;	/* per page */
	unsigned int *by_gpu;		/* @content: per page, the generation if only the GPU has stored it */
	/*
	 * GPU accesses hold it for reading.  Who makes a hole, an access to which is a fault,
	 * holds it for writing until the hole is healed.
	 */
	pthread_rwlock_t shape;
	pthread_mutex_t content;	/* who changes or copies the content; taken inside @shape */
};

/* A thread: with a syncobj for page table updates, and a random generator, of its own. */
struct soak_thread {
	struct soak *soak;
	pthread_t thread;
	struct amd_userptr up;		/* for __amd_userptr_va(): @syncobj differs */
	uint64_t rng;
	int pagemap;			/* /proc/self/pagemap */
	/* Of a copier */
	enum amd_kfd_queue_type type;
	struct amd_kfd_queue queue;
	struct amd_kfd_mem stage;
};

#define SOAK_NUM_AREAS		7
#define SOAK_NUM_COPIERS	3
#define SOAK_NUM_INVALIDATORS	2
#define SOAK_MAX_PAGES		32	/* that one copy or event takes */

struct soak {
	struct amd_userptr *up;
	uint64_t seed;
	struct soak_area areas[SOAK_NUM_AREAS];
	struct soak_thread copiers[SOAK_NUM_COPIERS], invalidators[SOAK_NUM_INVALIDATORS];
	int kpageflags;			/* /proc/kpageflags, -1: none */
	int nodes[2];			/* of NUMA to migrate between, -1: none */
	bool can[SOAK_NUM_EVENTS], can_clean[SOAK_NUM_CLEAN];
	atomic_bool stop, failed;

	atomic_ullong events[SOAK_NUM_EVENTS], changes[SOAK_NUM_CHANGES];
	/* Pages that were clean, then stored to by the GPU only, then taken by reclaim. */
	atomic_ullong reclaimed[SOAK_NUM_CLEAN];
	atomic_ullong reads, writes, checked, wrong;

	pthread_rwlock_t swap;		/* for writing: another device becomes the first to swap to */
	bool on_disk;			/* @swap */

	pthread_mutex_t lock;		/* for the two */
	pthread_cond_t restored;
	unsigned int evictions, restores;	/* by KFD's events */
};

/* Ends the test; the first one's text is shown.  Returns @error. */
int soak_fail(struct soak *soak, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool soak_ended(struct soak *soak);
/* Until every eviction so far was followed by a restore. */
int soak_wait_restored(struct soak *soak);

int soak_areas_create(struct soak *soak);
void soak_areas_destroy(struct soak *soak);
/* Fresh memory of the area's kind at @addr (NULL: anywhere). */
void *soak_area_mmap(struct soak_area *area, void *addr);
int soak_area_create_bo(struct soak_area *area, int fd);
int soak_area_map_bo(struct soak_area *area, struct amd_userptr *up);
int soak_area_unmap_bo(struct soak_area *area, struct amd_userptr *up);
int soak_area_destroy_bo(struct soak_area *area, struct amd_userptr *up);
char *soak_area_page(const struct soak_area *area, unsigned int page);
unsigned int soak_pick(struct soak_thread *thread, unsigned int limit);
/* Up to SOAK_MAX_PAGES pages of @area; returns the first. */
unsigned int soak_pick_pages(struct soak_thread *thread, const struct soak_area *area,
			     unsigned int *count);

void *soak_invalidate(void *thread);
const char *soak_event_name(enum soak_event event);
const char *soak_change_name(enum soak_change change);

/* Pages that are clean, stored to by the thread's queue, reclaimed and compared. */
int soak_reclaim(struct soak_thread *thread);
void soak_find_clean(struct soak *soak);
const char *soak_clean_name(enum soak_clean clean);
/* Pages that the kernel might drop, if it did: zeros, all of them, from now on. */
void soak_settle(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		 unsigned int count);

int soak_copier_open(struct soak_thread *thread);
void soak_copier_close(struct soak_thread *thread);
void *soak_copy(void *thread);
/* Up to SOAK_MAX_PAGES pages; the caller has @shape, and @content for a write. */
int soak_gpu_read(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		  unsigned int count);
int soak_gpu_write(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		   unsigned int count);
/* Compare, count and complain; of @data, a copy begun when @oldest was finished. */
void soak_count_page(struct soak_thread *thread, const struct soak_area *area, unsigned int page,
		     unsigned int oldest, const void *data, const char *who);
/* With nothing going on: every byte of the area, seen by CPU and GPU. */
int soak_check_area(struct soak_thread *thread, struct soak_area *area);

#endif
