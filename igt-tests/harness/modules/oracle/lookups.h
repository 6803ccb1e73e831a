/* SPDX-License-Identifier: MIT */
/* What HMM finds in processes and maps for a device, and what MMU notifiers take away. */
#ifndef LOOKUPS_H
#define LOOKUPS_H

#include <linux/types.h>

/* 0 or -errno. */
int lookups_watch(void);
void lookups_unwatch(void);

/* Calls that were not seen. */
u64 lookups_missed(void);
/* Pages that were found, and taken away before they were told. */
u64 lookups_overtaken(void);
/* Invalidations that were seen, and forgotten before the lookups that they overtook ended. */
u64 lookups_forgotten(void);

#endif
