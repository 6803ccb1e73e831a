/* SPDX-License-Identifier: MIT */
/*
 * Finds out which pages an invalidation has taken away while a lookup was under way.
 *
 * A lookup may read an entry of the page tables before an invalidation changes it, and
 * be reported after the invalidation was reported.  Then the invalidation has overtaken
 * the lookup: it had not ended when the lookup began, but was reported before it.
 *
 * The caller serialises the calls.  These files use nothing of the kernel, so that a
 * unit test can include them.
 */
#ifndef INVALIDATIONS_H
#define INVALIDATIONS_H

#include <linux/types.h>

#define MAX_INVALIDATIONS 256

struct invalidation {
	const void *key; /* NULL when the invalidation has ended */
	__u64 mm;
	__u64 va, end; /* pages */
	__u64 ended_at;
};

struct invalidations {
	__u64 now;	      /* counts beginnings of lookups and ends of invalidations */
	__u64 settled;	      /* no lookup needs invalidations that ended at this time or before */
	unsigned int lookups; /* number of lookups under way */
	unsigned int used;    /* slots that may matter are before this one */
	__u64 forgotten;      /* forgotten because the table was full; may miss overtaken lookups */
	struct invalidation slot[MAX_INVALIDATIONS];
};

/*
 * All notifiers have returned for [@va, @va + @count).  @key names the invalidation until its end.
 */
void invalidation_begin(struct invalidations *inv, const void *key, __u64 mm, __u64 va,
			__u64 count);
/* The invalidation @key has ended: the page tables are changed.  An unknown @key is ignored. */
void invalidation_end(struct invalidations *inv, const void *key);

/* A lookup begins.  Returns a value that names it in the other functions. */
__u64 lookup_begin(struct invalidations *inv);
void lookup_end(struct invalidations *inv);
/*
 * Returns the length, 1 to @count, of the run of pages from @va that are either all
 * overtaken by an invalidation or all not; *@overtaken says which.
 */
__u64 lookup_run(const struct invalidations *inv, __u64 lookup, __u64 mm, __u64 va, __u64 count,
		 int *overtaken);

#endif
