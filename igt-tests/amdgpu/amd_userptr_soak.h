/* SPDX-License-Identifier: MIT */
/*
 * The parts of the amd_userptr_soak test: areas of memory that are userptrs, events that take their
 * pages away, and queues that copy from and to them.
 *
 * All of it runs in threads.  An assertion would end a thread by a jump, so threads report failures
 * with soak_fail(), and the main thread asserts at the end that there was none.
 */
#ifndef AMD_USERPTR_SOAK_H
#define AMD_USERPTR_SOAK_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/amdgpu/amd_stamp.h"
#include "lib/amdgpu/amd_userptr.h"

enum soak_event {
	SOAK_DONTNEED,	 /* drop the pages, then write them again */
	SOAK_PUNCH_HOLE, /* the same by a hole punched into the file */
	SOAK_REPLACE,	 /* mremap() other pages with the same content over them */
	SOAK_REMAP,	 /* munmap(), then mmap(): a hole for a while */
	SOAK_MPROTECT,	 /* forbid accesses or stores for a while */
	SOAK_FORK,	 /* copy on write; the child overwrites its copy */
	SOAK_FORK_WRITE, /* the parent writes first, and the child keeps the old pages */
	SOAK_PAGEOUT,
	SOAK_MIGRATE,  /* to the other NUMA node */
	SOAK_COLLAPSE, /* to a huge page */
	SOAK_KSM,      /* merged pages are written to, and merged again */
	SOAK_NUM_EVENTS,
};

/*
 * Ways in which pages become clean while they are writable.  Reclaim need not keep their content,
 * unless the driver makes the stores of the GPU count.
 */
enum soak_clean {
	SOAK_CLEAN_FREED,      /* by MADV_FREE */
	SOAK_CLEAN_FREED_COLD, /* the same, then MADV_COLD deactivates them */
	SOAK_CLEAN_DROPPED,    /* the same, then reclaim drops them before a store */
	SOAK_CLEAN_READ,       /* new pages of shared memory or a file that the CPU only reads */
	SOAK_CLEAN_READ_COLD,  /* the same, then MADV_COLD deactivates them */
	SOAK_CLEAN_POPULATED,  /* new pages of MADV_POPULATE_READ */
	SOAK_CLEAN_SWAPPED,    /* read back from a swap disk, which keeps its copy */
	SOAK_NUM_CLEAN,
};

/* Changes of the BOs, not of the pages. */
enum soak_change {
	SOAK_VA_REMAP, /* unmapped from the GPU and mapped again */
	SOAK_RECREATE, /* destroyed, created, mapped */
	SOAK_NUM_CHANGES,
};

struct soak_backing {
	const char *name;
	unsigned int num_pages;
	bool shared; /* a child shares the pages */
	bool file;   /* the content is in area->memfd */
	bool huge;
	bool same;	     /* each page has a twin with the same content */
	bool on_disk;	     /* a file in /tmp, else a memfd */
	uint32_t flags;	     /* of the userptr, beside AMD_USERPTR_TRACKED */
	unsigned int events; /* bits of enum soak_event that make sense here */
	unsigned int cleans; /* of enum soak_clean */
};

struct soak_area {
	const struct soak_backing *backing;
	struct amd_userptr_bo bo; /* @shape */
	char *cpu;
	size_t size;
	int memfd;
	int node;		  /* @content: of the last migration */
	atomic_bool split;	  /* @content: is not one huge page */
	struct amd_stamp *stamps; /* per page */
	unsigned int *by_gpu; /* @content: per page, the generation if only the GPU has stored it */
	/*
	 * A thread holds it for reading during accesses of the GPU, and for writing while it has
	 * made a hole, where an access would fault.
	 */
	pthread_rwlock_t shape;
	pthread_mutex_t
		content; /* held while the content changes or is copied; taken inside @shape */
};

/* A thread has a syncobj for page table updates and a random generator of its own. */
struct soak_thread {
	struct soak *soak;
	pthread_t thread;
	struct amd_userptr up; /* for __amd_userptr_va(): @syncobj differs */
	uint64_t rng;
	int pagemap; /* /proc/self/pagemap */
	/* Of a copier */
	enum amd_kfd_queue_type type;
	struct amd_kfd_queue queue;
	struct amd_kfd_mem stage;
};

#define SOAK_NUM_AREAS	      7
#define SOAK_NUM_COPIERS      3
#define SOAK_NUM_INVALIDATORS 2
#define SOAK_MAX_PAGES	      32 /* that one copy or event takes */

struct soak {
	struct amd_userptr *up;
	uint64_t seed;
	struct soak_area areas[SOAK_NUM_AREAS];
	struct soak_thread copiers[SOAK_NUM_COPIERS], invalidators[SOAK_NUM_INVALIDATORS];
	int kpageflags; /* /proc/kpageflags, -1: none */
	int nodes[2];	/* of NUMA to migrate between, -1: none */
	bool can[SOAK_NUM_EVENTS], can_clean[SOAK_NUM_CLEAN];
	atomic_bool stop, failed;

	atomic_ullong events[SOAK_NUM_EVENTS], changes[SOAK_NUM_CHANGES];
	/* Pages that were clean, then stored to by the GPU only, then taken by reclaim. */
	atomic_ullong reclaimed[SOAK_NUM_CLEAN];
	atomic_ullong reads, writes, checked, wrong;

	pthread_rwlock_t swap; /* for writing: another device becomes the first to swap to */
	bool on_disk;	       /* @swap */

	pthread_mutex_t lock; /* for the two */
	pthread_cond_t restored;
	unsigned int evictions, restores; /* by KFD's events */
};

/* End the test with a message, of which the first one is shown.  Returns @error. */
int soak_fail(struct soak *soak, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool soak_ended(struct soak *soak);
/* Wait until every eviction so far has had its restore. */
int soak_wait_restored(struct soak *soak);

int soak_areas_create(struct soak *soak);
void soak_areas_destroy(struct soak *soak);
/* Map new memory of the area's backing at @addr (NULL: anywhere). */
void *soak_area_mmap(struct soak_area *area, void *addr);
int soak_area_create_bo(struct soak_area *area, int fd);
int soak_area_map_bo(struct soak_area *area, struct amd_userptr *up);
int soak_area_unmap_bo(struct soak_area *area, struct amd_userptr *up);
int soak_area_destroy_bo(struct soak_area *area, struct amd_userptr *up);
char *soak_area_page(const struct soak_area *area, unsigned int page);
unsigned int soak_pick(struct soak_thread *thread, unsigned int limit);
/* Choose up to SOAK_MAX_PAGES pages of @area; returns the first. */
unsigned int soak_pick_pages(struct soak_thread *thread, const struct soak_area *area,
			     unsigned int *count);

void *soak_invalidate(void *thread);
const char *soak_event_name(enum soak_event event);
const char *soak_change_name(enum soak_change change);

/* Make pages clean, let the thread's queue store to some, reclaim them, and compare. */
int soak_reclaim(struct soak_thread *thread);
void soak_find_clean(struct soak *soak);
const char *soak_clean_name(enum soak_clean clean);
/* Of pages that the kernel may drop, find those that it has dropped: they are zeros from now on. */
void soak_settle(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		 unsigned int count);

int soak_copier_open(struct soak_thread *thread);
void soak_copier_close(struct soak_thread *thread);
void *soak_copy(void *thread);
/* Copy up to SOAK_MAX_PAGES pages; the caller holds @shape, and @content for a write. */
int soak_gpu_read(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		  unsigned int count);
int soak_gpu_write(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		   unsigned int count);
/* Compare @data, a copy that began when @oldest was finished; count wrong bytes and report them. */
void soak_count_page(struct soak_thread *thread, const struct soak_area *area, unsigned int page,
		     unsigned int oldest, const void *data, const char *who);
/* When no thread runs, compare every byte of the area, read by CPU and GPU. */
int soak_check_area(struct soak_thread *thread, struct soak_area *area);

#endif
