/* SPDX-License-Identifier: MIT */
/*
 * Which pages has an invalidation taken away while they were looked up?
 *
 * A lookup that reads an entry of the page tables before an invalidation changes
 * it may be told after the invalidation was.  It then has been overtaken: that
 * invalidation had not ended when the lookup began, but has been told.
 *
 * The caller serialises.  Nothing of the kernel in it, for the unit test.
 */
#ifndef INVALIDATIONS_H
#define INVALIDATIONS_H

#include <linux/types.h>

#define MAX_INVALIDATIONS 256

struct invalidation {
	const void *key; /* NULL when it has ended */
	__u64 mm;
	__u64 va, end; /* pages */
	__u64 ended_at;
};

struct invalidations {
	__u64 now;	      /* counts beginnings of lookups and ends */
	__u64 settled;	      /* no lookup cares about what ended until then */
	unsigned int lookups; /* under way */
	unsigned int used;    /* slots that may matter are before this one */
	__u64 forgotten;      /* for want of room: overtaken lookups may be missed */
	struct invalidation slot[MAX_INVALIDATIONS];
};

/* All notifiers have returned for [@va, @va + @count); @key names it until the end. */
void invalidation_begin(struct invalidations *inv, const void *key, __u64 mm, __u64 va,
			__u64 count);
/* The page tables have been changed.  No harm if @key is unknown. */
void invalidation_end(struct invalidations *inv, const void *key);

/* The result is what the other functions want to know of the lookup. */
__u64 lookup_begin(struct invalidations *inv);
void lookup_end(struct invalidations *inv);
/*
 * How many of @count pages from @va, but at least one, are alike: either all of
 * them were taken away during the lookup, which *@overtaken says, or none.
 */
__u64 lookup_run(const struct invalidations *inv, __u64 lookup, __u64 mm, __u64 va, __u64 count,
		 int *overtaken);

#endif
