/* SPDX-License-Identifier: MIT */
#ifndef KFD_LIMIT_H
#define KFD_LIMIT_H

#include <stdint.h>

/*
 * Returns KFD's limit, in bytes, for the memory that all its processes let GPUs reach. 0, after it
 * has printed the reason, if that is unknown or the limit is switched off.
 */
uint64_t kfd_limit(void);

#endif
