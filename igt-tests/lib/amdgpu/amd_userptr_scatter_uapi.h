/* SPDX-License-Identifier: MIT */
/* Limits of userptrs of many ranges; the uapi itself is in lib/src/uapi.h. */
#ifndef AMD_USERPTR_SCATTER_UAPI_H
#define AMD_USERPTR_SCATTER_UAPI_H

#include "../../../lib/src/uapi.h"

/*
 * amdgpu has the flag AMDGPU_GEM_USERPTR_SCATTER from DRM minor _MINOR on. A BO has at most _MAX
 * ranges, and at most _MAX_OVERLAP ranges of a BO may share a page.
 */
enum {
	AMD_USERPTR_SCATTER_MINOR = 65,
	AMD_USERPTR_SCATTER_MAX = 1 << 20,
	AMD_USERPTR_SCATTER_MAX_OVERLAP = 64
};

#endif
