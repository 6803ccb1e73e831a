/* SPDX-License-Identifier: MIT */
#ifndef KFD_LIMIT_H
#define KFD_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Returns KFD's limit, in bytes, for the memory that all its processes let GPUs reach. 0, after it
 * has printed the reason, if that is unknown or the limit is switched off.
 */
uint64_t kfd_limit(void);

/*
 * Whether the command line has a second argument, "limit": the machine is one where the test of the
 * limit must not be left out. Elsewhere the limit may be unknown, or too large to reach it.
 */
bool kfd_limit_is_required(int argc, char **argv);

#endif
