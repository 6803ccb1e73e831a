/* SPDX-License-Identifier: MIT */
#ifndef KFD_LIMIT_H
#define KFD_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Returns KFD's limit, in bytes, for the memory that all its processes let GPUs reach. If the limit
 * is unknown or switched off, prints the reason and returns 0.
 */
uint64_t kfd_limit(void);

/*
 * Whether the command line has the second argument "limit". It says that the test of the limit must
 * not be left out on this machine. Without it the test may leave the limit out if it is unknown, or
 * too large to reach it.
 */
bool kfd_limit_is_required(int argc, char **argv);

#endif
