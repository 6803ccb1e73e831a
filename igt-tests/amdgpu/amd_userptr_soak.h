/* SPDX-License-Identifier: MIT */
/*
 * The parts of the amd_userptr_soak test: areas of memory that are userptrs, events that take their
 * pages away, and queues that copy from and to them.
 *
 * Events and copies run in threads, in which assertions do not work.  So threads report failures
 * with soak_fail(), and the main thread asserts at the end that there was none.
 */
#ifndef AMD_USERPTR_SOAK_H
#define AMD_USERPTR_SOAK_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/amdgpu/amd_stamp.h"
#include "lib/amdgpu/amd_userptr.h"

/*
 * The size of the area "huge pages".  One entry of a page directory of the GPU maps this much.  A
 * huge page of the CPU has this size only if the CPU's small pages have 4 KiB.
 */
#define SOAK_HUGE_SIZE ((size_t)2 << 20)

enum soak_event {
	SOAK_DONTNEED,	 /* drop the pages, then write them again */
	SOAK_PUNCH_HOLE, /* punch the pages out of the file, then write them again */
	SOAK_REPLACE,	 /* mremap() other pages with the same content over them */
	SOAK_REMAP,	 /* replace by a mapping without access (a hole), then map anew */
	SOAK_MPROTECT,	 /* forbid accesses or stores for a while */
	SOAK_FORK,	 /* fork; the child overwrites its pages, and so gets copies */
	SOAK_FORK_WRITE, /* fork; the parent writes first, and the child keeps the old pages */
	SOAK_PAGEOUT,	 /* push the pages out to swap or to the file */
	SOAK_MIGRATE,	 /* move the pages to the other NUMA node */
	SOAK_COLLAPSE,	 /* collapse the pages into a huge page */
	SOAK_KSM,	 /* write to pages that KSM has merged, so that it merges them again */
	SOAK_NUM_EVENTS,
};

/*
 * Ways in which the test makes pages clean while they are writable.  Reclaim drops clean pages
 * without writing them out, so the GPU's stores are lost unless the kernel makes such a page dirty.
 */
enum soak_clean {
	SOAK_CLEAN_FREED,      /* by MADV_FREE */
	SOAK_CLEAN_FREED_COLD, /* by MADV_FREE, then MADV_COLD deactivates them */
	SOAK_CLEAN_DROPPED,    /* by MADV_FREE, then reclaim drops them before a store */
	SOAK_CLEAN_READ,       /* new pages of shared memory or a file that the CPU only reads */
	SOAK_CLEAN_READ_COLD,  /* as SOAK_CLEAN_READ, then MADV_COLD deactivates them */
	SOAK_CLEAN_POPULATED,  /* new pages of MADV_POPULATE_READ */
	SOAK_CLEAN_SWAPPED,    /* read back from a swap disk, which keeps its copy */
	SOAK_NUM_CLEAN,
};

/* Changes of the BOs, not of the pages. */
enum soak_change {
	SOAK_VA_REMAP, /* unmap the BO from the GPU, and map it again */
	SOAK_RECREATE, /* destroy the BO, create it again and map it */
	SOAK_NUM_CHANGES,
};

struct soak_backing {
	const char *name;
	unsigned int num_pages;
	bool shared;	     /* a forked child shares the pages, so a fork copies none */
	bool file;	     /* the memory is a mapping of the file area->memfd */
	bool huge;	     /* the memory is one huge page */
	bool same;	     /* each page has a twin with the same content, for KSM to merge */
	bool on_disk;	     /* the file is in /tmp, else it is a memfd */
	uint32_t flags;	     /* flags of the userptr besides AMD_USERPTR_TRACKED */
	unsigned int events; /* mask of the soak_events that are possible here */
	unsigned int cleans; /* mask of the ways to become clean (enum soak_clean) */
};

struct soak_area {
	const struct soak_backing *backing;
	struct amd_userptr_bo bo; /* @shape protects it */
	char *cpu;
	size_t size;
	int memfd;		  /* the file behind the memory, or -1 */
	atomic_bool split;	  /* the area is not one huge page any more */
	struct amd_stamp *stamps; /* one for each page: the content that the page may have */
	/*
	 * For each page: the generation of its content if the GPU has stored this content and the
	 * CPU has not stored it again since; else 0.  @content protects @by_gpu.
	 */
	unsigned int *by_gpu;
	/*
	 * A thread holds @shape for reading while its queue accesses the area or while it changes
	 * pages.  It holds @shape for writing while an access of the GPU would fault, because there
	 * is a hole or no userptr, and while no other thread may change or access the area.
	 */
	pthread_rwlock_t shape;
	pthread_mutex_t content; /* held by a thread that stores to the area; lock @shape first */
};

/* A thread that copies (copier) or changes memory (invalidator). */
struct soak_thread {
	struct soak *soak;
	pthread_t thread;
	struct amd_userptr up; /* copy of soak->up with its own @syncobj, for __amd_userptr_va() */
	uint64_t rng;	       /* state of the thread's random numbers */
	int pagemap;	       /* /proc/self/pagemap */
	/* The members from here on are for copiers only. */
	enum amd_kfd_queue_type type;
	struct amd_kfd_queue queue;
	struct amd_kfd_mem stage; /* GTT that the queue copies from and to */
};

#define SOAK_NUM_AREAS	      7
#define SOAK_NUM_COPIERS      3
#define SOAK_NUM_INVALIDATORS 2
#define SOAK_MAX_PAGES	      32 /* most pages of one copy or event */

struct soak {
	struct amd_userptr *up;
	uint64_t seed;
	struct soak_area areas[SOAK_NUM_AREAS];
	struct soak_thread copiers[SOAK_NUM_COPIERS], invalidators[SOAK_NUM_INVALIDATORS];
	int kpageflags; /* /proc/kpageflags, or -1 */
	int nodes[2];	/* the NUMA nodes to migrate between, or -1 */
	/* The events, and the ways to make pages clean, that this machine permits. */
	bool can[SOAK_NUM_EVENTS], can_clean[SOAK_NUM_CLEAN];
	atomic_bool stop, failed;

	/* How often each event and each change of a BO happened. */
	atomic_ullong events[SOAK_NUM_EVENTS], changes[SOAK_NUM_CHANGES];
	/* Pages that were clean, then stored to by the GPU only, then taken by reclaim. */
	atomic_ullong reclaimed[SOAK_NUM_CLEAN];
	/* Copies out of and into areas, bytes that were compared, and wrong ones among them. */
	atomic_ullong reads, writes, checked, wrong;

	pthread_rwlock_t swap; /* a thread that changes the swap devices holds it for writing */
	bool on_disk;	       /* the first swap device is a disk; lock: @swap */

	pthread_mutex_t lock; /* lock of @restored, @evictions and @restores */
	pthread_cond_t restored;
	unsigned int evictions, restores; /* numbers that SMI events have reported so far */
};

/* Make the test fail; only the first call prints its message.  Returns @error. */
int soak_fail(struct soak *soak, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool soak_ended(struct soak *soak);
/* Wait until KFD has restored the queues after every eviction so far. */
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
/* Choose up to SOAK_MAX_PAGES neighbouring pages of @area; returns the number of the first. */
unsigned int soak_pick_pages(struct soak_thread *thread, const struct soak_area *area,
			     unsigned int *count);

void *soak_invalidate(void *thread);
const char *soak_event_name(enum soak_event event);
const char *soak_change_name(enum soak_change change);

/* One round: make pages clean, let the queue store to some, reclaim the pages, and compare them. */
int soak_reclaim(struct soak_thread *thread);
/* Fill in can_clean: the ways to make pages clean that work on this machine. */
void soak_find_clean(struct soak *soak);
const char *soak_clean_name(enum soak_clean clean);
/*
 * After MADV_FREE the kernel may drop a page at any time.  Find the pages that it has dropped, and
 * expect all of their bytes to be zero from now on.
 */
void soak_settle(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		 unsigned int count);

int soak_copier_open(struct soak_thread *thread);
void soak_copier_close(struct soak_thread *thread);
void *soak_copy(void *thread);
/*
 * Copy up to SOAK_MAX_PAGES pages from the area or to it.  The caller holds @shape, and for a write
 * @content as well.
 */
int soak_gpu_read(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		  unsigned int count);
int soak_gpu_write(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		   unsigned int count);
/*
 * Compare @data, a copy of page @page of the area.  When the copy began, generation @oldest of the
 * page was finished, so older contents are wrong.  Count wrong bytes and report them.
 */
void soak_count_page(struct soak_thread *thread, const struct soak_area *area, unsigned int page,
		     unsigned int oldest, const void *data, const char *who);
/* When no thread runs, compare every byte of the area, read by CPU and GPU. */
int soak_check_area(struct soak_thread *thread, struct soak_area *area);

#endif
