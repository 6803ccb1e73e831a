/* SPDX-License-Identifier: MIT */
/*
 * Reports pages that HMM finds in processes and maps for a device, and pages that MMU notifiers
 * take away.
 */
#ifndef LOOKUPS_H
#define LOOKUPS_H

#include <linux/types.h>

/* Register the probes; 0 or -errno. */
int lookups_watch(void);
void lookups_unwatch(void);

/* Number of calls that the probes have missed. */
u64 lookups_missed(void);
/* Number of pages that were found, and taken away before they were reported. */
u64 lookups_overtaken(void);
/*
 * Number of invalidations that were forgotten while lookups that they may have overtaken were under
 * way.
 */
u64 lookups_forgotten(void);

#endif
