/* SPDX-License-Identifier: MIT */
#ifndef BO_BYTES_H
#define BO_BYTES_H

#include <stdint.h>

/*
 * Returns how many bytes all BOs of the render node file @drm_fd have, as the kernel counts them in
 * fdinfo. Ends the test if that is unknown.
 */
uint64_t bo_bytes(int drm_fd);

#endif
