/* SPDX-License-Identifier: MIT */
/*
 * Finds out which pages an invalidation has taken away while a lookup was under way.
 *
 * A lookup is a call of hmm_range_fault_locked().  It may read an entry of the CPU's page tables
 * before an invalidation changes the entry, and return after the module has reported the
 * invalidation.  Then the page that the lookup found is gone.  So these functions say that an
 * invalidation has overtaken a lookup if the module reported the invalidation before the lookup's
 * pages, but the invalidation had not ended when the lookup began.
 *
 * The caller serialises the calls.  invalidations.c and .h use nothing of the kernel, so that a
 * unit test of the simulated GPU can include them.
 */
#ifndef INVALIDATIONS_H
#define INVALIDATIONS_H

#include <linux/types.h>

#define MAX_INVALIDATIONS 256

struct invalidation {
	const void *key; /* names the invalidation until it ends, then NULL */
	__u64 mm;	 /* the process's address space */
	__u64 va, end;	 /* first page, and the page behind the last */
	__u64 ended_at;	 /* value of invalidations.now at the end */
};

struct invalidations {
	/* A clock: counts beginnings of lookups and ends of invalidations. */
	__u64 now;
	/*
	 * A value of @now.  Each invalidation that ended at this time or earlier had ended before
	 * any lookup began that is still under way.
	 */
	__u64 settled;
	unsigned int lookups; /* number of lookups under way */
	unsigned int used;    /* all slots from this number on are free; others may be, too */
	/*
	 * Number of invalidations that the full table had no room for.  So lookup_run() may not
	 * know that they have overtaken a lookup.
	 */
	__u64 forgotten;
	struct invalidation slot[MAX_INVALIDATIONS];
};

/*
 * Call this when an invalidation of the pages [@va, @va + @count) has called all notifiers, and all
 * have returned.  @key names the invalidation until its end.
 */
void invalidation_begin(struct invalidations *inv, const void *key, __u64 mm, __u64 va,
			__u64 count);
/* The invalidation @key has changed the CPU's page tables and ended.  Ignores an unknown @key. */
void invalidation_end(struct invalidations *inv, const void *key);

/* A lookup begins.  Returns the time of its beginning, which lookup_run() takes as @lookup. */
__u64 lookup_begin(struct invalidations *inv);
void lookup_end(struct invalidations *inv);
/*
 * Tells whether invalidations have overtaken the pages that @lookup found.  Sets *@overtaken for
 * the page at @va, and returns for how many pages from @va on (1 to @count) the answer is the same.
 */
__u64 lookup_run(const struct invalidations *inv, __u64 lookup, __u64 mm, __u64 va, __u64 count,
		 int *overtaken);

#endif
