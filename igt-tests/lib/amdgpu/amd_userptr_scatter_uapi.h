/* SPDX-License-Identifier: MIT */
/* Limits of userptrs of many ranges; the uapi itself is in lib/src/uapi.h. */
#ifndef AMD_USERPTR_SCATTER_UAPI_H
#define AMD_USERPTR_SCATTER_UAPI_H

#include "../../../lib/src/uapi.h"

/*
 * The first DRM minor of amdgpu that has the flag; the most ranges of a BO; the most ranges of a BO
 * that share a page.
 */
enum {
	AMD_USERPTR_SCATTER_MINOR = 65,
	AMD_USERPTR_SCATTER_MAX = 1 << 20,
	AMD_USERPTR_SCATTER_MAX_OVERLAP = 64
};

#endif
