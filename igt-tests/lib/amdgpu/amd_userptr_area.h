/* SPDX-License-Identifier: MIT */
/*
 * Two tables: the kinds of memory that a userptr can have (backings), and the changes that the
 * kernel can make to memory (events), with the effect of each event on each backing. The matrix
 * tests combine their rows.
 *
 * An area is memory of one backing. It may be as large as a huge page. To save time, the tests fill
 * and compare only its first and last amd_userptr_half() bytes, its halves.
 */
#ifndef AMD_USERPTR_AREA_H
#define AMD_USERPTR_AREA_H

#include <unistd.h>

#include "lib/amdgpu/amd_userptr.h"

#define AMD_USERPTR_HALF_LEAST ((size_t)32 << 10)
#define AMD_USERPTR_HALF_MOST  ((size_t)64 << 10) /* with the largest pages of any architecture */
#define AMD_USERPTR_AREA_SMALL (2 * amd_userptr_half())
#define AMD_USERPTR_AREA_HUGE  ((size_t)2 << 20)

/* The size of a half.  It is at least a CPU page, so that a half consists of whole pages. */
static inline size_t amd_userptr_half(void)
{
	return (size_t)getpagesize() > AMD_USERPTR_HALF_LEAST ? (size_t)getpagesize()
							      : AMD_USERPTR_HALF_LEAST;
}

/* The most pages whose page frames a test watches: the pages of both halves. */
#define AMD_USERPTR_MAX_OBSERVED 16

/*
 * Seeds of the patterns.  The seed shows a test where the bytes that it finds come from.  The
 * second half of an area has the next seed after the seed of the first half, so the distance
 * between two of these seeds is at least 2.
 */
enum {
	AMD_USERPTR_SEED = 16,	     /* the CPU stores it before the event */
	AMD_USERPTR_SEED_FILE = 32,  /* the file behind a private mapping has it */
	AMD_USERPTR_SEED_OTHER = 48, /* other memory at the same address has it */
	AMD_USERPTR_SEED_LATER = 64, /* this and larger seeds: CPU or GPU stores them later */
};

/* The content of an area after an event, as the CPU and the GPU have to find it. */
enum amd_userptr_effect {
	AMD_USERPTR_NEVER,     /* the event is impossible: see why_not */
	AMD_USERPTR_UNTOUCHED, /* the event changes no page: no eviction may come */
	AMD_USERPTR_KEPT,      /* the same bytes, perhaps in other pages */
	AMD_USERPTR_ZEROED,
	AMD_USERPTR_FILE,  /* the bytes of the file again */
	AMD_USERPTR_OTHER, /* other memory with other bytes */
	AMD_USERPTR_HOLE,  /* no memory: an access of the GPU must fault until heal() */
};

/* All backings, in the order of amd_userptr_backings and of struct amd_userptr_effects. */
#define AMD_USERPTR_FOR_EACH_BACKING(row) \
	row(anon) row(thp) row(shm) row(memfd) row(hugetlb) row(private) row(file) row(readonly)

#define AMD_USERPTR_BACKING_NUMBER(name) AMD_USERPTR_BACKING_##name,
enum { AMD_USERPTR_FOR_EACH_BACKING(AMD_USERPTR_BACKING_NUMBER) AMD_USERPTR_NUM_BACKINGS };

/* The effects of one event, by the name of the backing or by its number. */
#define AMD_USERPTR_BACKING_MEMBER(name) enum amd_userptr_effect name;
union amd_userptr_effects {
	struct {
		AMD_USERPTR_FOR_EACH_BACKING(AMD_USERPTR_BACKING_MEMBER)
	};
	enum amd_userptr_effect of[AMD_USERPTR_NUM_BACKINGS];
};

struct amd_userptr_backing {
	const char *name;
	const char *what;	  /* begins the description of a subtest */
	int map_flags;		  /* MAP_* besides MAP_FIXED */
	int advice;		  /* MADV_* for madvise(); -1: none */
	int (*open)(size_t size); /* returns a new file, or -errno; NULL: no file */
	bool huge;		  /* made of huge pages, so the size is AMD_USERPTR_AREA_HUGE */
	bool readonly;		  /* the GPU may only read */
};

extern const struct amd_userptr_backing amd_userptr_backings[AMD_USERPTR_NUM_BACKINGS];
const struct amd_userptr_backing *amd_userptr_backing(const char *name);

struct amd_userptr_area {
	struct amd_userptr *up;
	const struct amd_userptr_backing *backing;
	char *cpu;
	size_t size;
	int fd;		/* of the file behind the area, or -1 */
	void *reserved; /* reserved addresses, in which @cpu and @elsewhere are */
	size_t reserved_size;
	char *elsewhere; /* addresses for another mapping of the same size */
	/* The state before the event, with which happened() compares. */
	uint64_t pfns[AMD_USERPTR_MAX_OBSERVED];
	unsigned long long huge_kb;
	bool done; /* trigger() has seen evidence of its event */
};

/*
 * Map an area of @backing that contains the pattern of amd_userptr_area_seed(); NULL, or a reason
 * to skip.  With @huge the area is as large as a huge page, whatever the backing.
 * amd_userptr_cleanup() unmaps the area, amd_userptr_area_fini() only closes its file.
 */
const char *amd_userptr_area_init(struct amd_userptr_area *area, struct amd_userptr *up,
				  const struct amd_userptr_backing *backing, bool huge);
void amd_userptr_area_fini(struct amd_userptr_area *area);
/*
 * Map new memory of the same backing at the area's address, with AMD_USERPTR_SEED_OTHER; 0 or
 * -errno.
 */
int __amd_userptr_area_replace(struct amd_userptr_area *area);

/* Returns the flags with which a test makes a userptr of the area. */
uint32_t amd_userptr_area_flags(const struct amd_userptr_area *area);
/* Returns the seed of the area's content before the event. */
uint32_t amd_userptr_area_seed(const struct amd_userptr_area *area);

/* Returns the offset of the first (0) or the last (1) amd_userptr_half() bytes in the area. */
size_t amd_userptr_area_offset(const struct amd_userptr_area *area, unsigned int half);
void amd_userptr_area_fill(struct amd_userptr_area *area, uint32_t seed);
/* Assert that @bytes, a copy of one half, are the content after @effect. */
void amd_userptr_area_check_half(const struct amd_userptr_area *area, unsigned int half,
				 enum amd_userptr_effect effect, const void *bytes);
/* Assert that the CPU and, with @bo, the GPU read the content after @effect. */
void amd_userptr_area_check(struct amd_userptr_area *area, struct amd_userptr_bo *bo,
			    enum amd_userptr_effect effect);
/*
 * Assert that the GPU reads the bytes that the CPU stores now, and, if the GPU may write, that the
 * CPU reads the bytes that the GPU stores.
 */
void amd_userptr_area_roundtrip(struct amd_userptr_area *area, struct amd_userptr_bo *bo);

/*
 * Are the area's pages neighbours in physical memory, like the pages of a huge page?  Then one
 * entry of a page directory can map all of them.
 */
bool amd_userptr_area_is_contiguous(const struct amd_userptr_area *area);

/* Returns the address of page @index of the two halves, NULL behind the last one. */
char *amd_userptr_area_page(const struct amd_userptr_area *area, unsigned int index);

struct amd_userptr_event {
	const char *name;
	const char *what; /* continues the description of a subtest */
	union amd_userptr_effects effects;
	const char *why_not; /* why there are backings with AMD_USERPTR_NEVER */
	bool huge;	     /* needs an area as large as a huge page */
	/*
	 * The event takes mmap_lock for writing, so it waits for a restore worker that faults in a
	 * page, because the worker holds the lock for reading.  Without this flag the event must be
	 * able to happen while the worker is in the middle of a restore.
	 */
	bool waits;
	/*
	 * The event may wait for the restore worker or not: compaction looks at all memory, and
	 * waits if it finds a page that the kernel is looking up.
	 */
	bool may_wait;
	/* Runs before the userptr exists; returns a reason to skip, or NULL. */
	const char *(*prepare)(struct amd_userptr_area *area);
	/*
	 * Makes the event happen; 0 or -errno.  It may run in a thread while the restore worker
	 * holds mmap_lock for reading, so it makes no assertion, and allocates or maps no memory
	 * except by the event itself.
	 */
	int (*trigger)(struct amd_userptr_area *area);
	/* Looks for evidence of the event when the queues run again. */
	bool (*happened)(struct amd_userptr_area *area);
	/* Why the kernel may refuse the event: the subtest skips then.  May be NULL. */
	const char *refusal;
	/*
	 * After a hole, makes the memory accessible again; @healed is the effect on its content.
	 * May be NULL.
	 */
	int (*heal)(struct amd_userptr_area *area);
	enum amd_userptr_effect healed;
	/* At the end, checks where the area's pages have gone to.  May be NULL. */
	void (*check_others)(struct amd_userptr_area *area);
};

extern const struct amd_userptr_event amd_userptr_events[];
extern const unsigned int amd_userptr_num_events;

/* Remember the page frames that the area has before the event. */
void amd_userptr_event_begin(struct amd_userptr_area *area);
#endif
