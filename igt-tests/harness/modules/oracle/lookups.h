/* SPDX-License-Identifier: MIT */
/*
 * Reports pages that HMM finds in processes and maps for a device, and pages that MMU notifiers
 * take away.
 */
#ifndef LOOKUPS_H
#define LOOKUPS_H

#include <linux/types.h>

/* Register the probes.  Returns 0 or -errno. */
int lookups_watch(void);
void lookups_unwatch(void);

/* Number of calls that the probes have missed, for instance because too many were under way. */
u64 lookups_missed(void);
/* Number of pages that lookups found, but that an invalidation took away before their report. */
u64 lookups_overtaken(void);
/*
 * Number of invalidations that the full table forgot although they may have overtaken a lookup that
 * was under way.
 */
u64 lookups_forgotten(void);

#endif
