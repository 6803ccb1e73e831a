/* SPDX-License-Identifier: MIT */
/*
 * Memory of every kind under a userptr, and what the kernel can do to it: the
 * two tables that a matrix of tests is made of, and the areas they work on.
 *
 * Of an area, which may have huge pages, the first and the last
 * AMD_USERPTR_HALF bytes are observed.
 */
#ifndef AMD_USERPTR_AREA_H
#define AMD_USERPTR_AREA_H

#include "lib/amdgpu/amd_userptr.h"

#define AMD_USERPTR_HALF	((size_t)32 << 10)
#define AMD_USERPTR_AREA_SMALL	(2 * AMD_USERPTR_HALF)
#define AMD_USERPTR_AREA_HUGE	((size_t)2 << 20)

#define AMD_USERPTR_MAX_OBSERVED 16

/* Seeds: halves differ, and so does what may be found in them. */
enum {
	AMD_USERPTR_SEED = 16,		/* stored by the CPU before the event */
	AMD_USERPTR_SEED_FILE = 32,	/* what the file behind a private mapping has */
	AMD_USERPTR_SEED_OTHER = 48,	/* other memory at the same address */
	AMD_USERPTR_SEED_LATER = 64,	/* and above: after the event */
};

/* What an event does to the memory at the area's address. */
enum amd_userptr_effect {
	AMD_USERPTR_UNTOUCHED = 'N',	/* nothing: the GPU must not even be stopped */
	AMD_USERPTR_KEPT = 'K',		/* the same bytes, wherever they are now */
	AMD_USERPTR_ZEROED = 'Z',
	AMD_USERPTR_FILE = 'F',		/* the bytes of the file again */
	AMD_USERPTR_OTHER = 'O',	/* other memory, with other bytes */
	AMD_USERPTR_HOLE = 'H',		/* the GPU may not access it until it is healed */
};

struct amd_userptr_backing {
	const char *name;
	const char *what;
	int map_flags;			/* MAP_* besides MAP_FIXED */
	int advice;			/* MADV_*, or -1 */
	int (*open)(size_t size);	/* its file, or -errno; NULL: none */
	bool huge;			/* huge pages: areas have AMD_USERPTR_AREA_HUGE */
	bool readonly;			/* of file pages, which the GPU may only read */
};

extern const struct amd_userptr_backing amd_userptr_backings[];
extern const unsigned int amd_userptr_num_backings;
const struct amd_userptr_backing *amd_userptr_backing(const char *name);

struct amd_userptr_event;

struct amd_userptr_area {
	struct amd_userptr *up;
	const struct amd_userptr_backing *backing;
	char *cpu;
	size_t size;
	int fd;				/* the file, or -1 */
	void *reserved;			/* our addresses, with the area at a huge page's start */
	size_t reserved_size;
	char *elsewhere;		/* room for another mapping of the same size */
	/* How the event finds out that it happened. */
	uint64_t pfns[AMD_USERPTR_MAX_OBSERVED];
	unsigned long long huge_kb, num_splits;
	bool done;
};

/*
 * Both return a reason to skip, or NULL.  The area holds AMD_USERPTR_SEED (a
 * read-only one AMD_USERPTR_SEED_FILE) and belongs to the clean-up of @up;
 * amd_userptr_area_fini() only closes its file.
 */
const char *amd_userptr_area_init(struct amd_userptr_area *area, struct amd_userptr *up,
				  const struct amd_userptr_backing *backing, bool huge);
void amd_userptr_area_fini(struct amd_userptr_area *area);
/* Fresh memory of the area's kind at its address, filled with AMD_USERPTR_SEED_OTHER; 0 or -errno. */
int __amd_userptr_area_replace(struct amd_userptr_area *area);

/* What the restore of a read-only BO and of a writable one needs in flags. */
uint32_t amd_userptr_area_flags(const struct amd_userptr_area *area);
/* The seed of what the area contains before the event. */
uint32_t amd_userptr_area_seed(const struct amd_userptr_area *area);

/* Offset of the first (0) or last (1) observed bytes. */
size_t amd_userptr_area_offset(const struct amd_userptr_area *area, unsigned int half);
void amd_userptr_area_fill(struct amd_userptr_area *area, uint32_t seed);
/* @bytes, which somebody read from one half, are what @effect says. */
void amd_userptr_area_check_half(const struct amd_userptr_area *area, unsigned int half,
				 enum amd_userptr_effect effect, const void *bytes);
/* CPU and, with @bo, GPU find in both halves what @effect says. */
void amd_userptr_area_check(struct amd_userptr_area *area, struct amd_userptr_bo *bo,
			    enum amd_userptr_effect effect);
/* What one side stores now, the other one reads. */
void amd_userptr_area_roundtrip(struct amd_userptr_area *area, struct amd_userptr_bo *bo);

/* Is it one huge page, or as good?  Then a page directory has one entry for it. */
bool amd_userptr_area_is_contiguous(const struct amd_userptr_area *area);

/* Address of the observed page @index, NULL behind the last one. */
char *amd_userptr_area_page(const struct amd_userptr_area *area, unsigned int index);

/*
 * An event.  prepare() runs before the userptr exists and returns a reason to
 * skip or NULL.  trigger() asserts nothing and maps nothing: it may run in a
 * thread of its own while the restore worker holds mmap_lock for reading; 0 or
 * -errno.  happened() looks for evidence when the queues run again.
 */
struct amd_userptr_event {
	const char *name;
	const char *what;
	const char *(*prepare)(struct amd_userptr_area *area);
	int (*trigger)(struct amd_userptr_area *area);
	bool (*happened)(struct amd_userptr_area *area);
	/* Why it may not happen, in a kernel that behaves; skips then.  May be NULL. */
	const char *refusal;
	/* Makes the memory accessible again, and what it contains then. */
	int (*heal)(struct amd_userptr_area *area);
	enum amd_userptr_effect healed;
	/* Looks, at the end, at memory that the area's pages became; may be NULL. */
	void (*check_others)(struct amd_userptr_area *area);
	bool huge;			/* needs an area as large as a huge page */
};

extern const struct amd_userptr_event amd_userptr_events[];
extern const unsigned int amd_userptr_num_events;

/* Remember what happened() compares with. */
void amd_userptr_event_begin(struct amd_userptr_area *area);
#endif
