/* SPDX-License-Identifier: MIT */
/* What include/uapi/drm/amdgpu_drm.h has of userptrs of many ranges, and libdrm has not yet. */
#ifndef AMD_USERPTR_SCATTER_UAPI_H
#define AMD_USERPTR_SCATTER_UAPI_H

#include <stdint.h>

#ifndef AMDGPU_GEM_USERPTR_SCATTER
#define AMDGPU_GEM_USERPTR_SCATTER (1 << 5)
#endif
#ifndef AMDGPU_GEM_USERPTR_RANGE_READONLY
#define AMDGPU_GEM_USERPTR_RANGE_READONLY (1 << 0)
#endif

/* First DRM minor of amdgpu that has the flag, the most ranges it takes, and of one page. */
enum { AMD_USERPTR_SCATTER_MINOR = 65, AMD_USERPTR_SCATTER_MAX = 1 << 20,
       AMD_USERPTR_SCATTER_MAX_OVERLAP = 64 };

/* struct drm_amdgpu_gem_userptr_range */
struct amd_userptr_range {
	uint64_t addr;
	uint64_t size;
	uint32_t flags;
	uint32_t pad;
};

/* struct drm_amdgpu_gem_userptr; the last three are what SCATTER has added. */
struct amd_userptr_args {
	uint64_t addr;
	uint64_t size;
	uint32_t flags;
	uint32_t handle;
	uint64_t ranges;
	uint32_t num_ranges;
	uint32_t range_stride;
};

#endif
