// SPDX-License-Identifier: MIT
/*
 * Checks the layout of the ioctl's structures.  The suite igt compiles this file for 32 and 64
 * bits: in both, and in the kernel's own header, every field must have the same offset.  The fields
 * that existed before AMDGPU_GEM_USERPTR_SCATTER must keep their offsets.
 */
#include <stddef.h>

#include "lib/amdgpu/amd_userptr_scatter_uapi.h"

#define LAYOUT(args, range) \
	_Static_assert(sizeof(struct range) == 24, "size of " #range); \
	_Static_assert(offsetof(struct range, addr) == 0, "addr of " #range); \
	_Static_assert(offsetof(struct range, size) == 8, "size of " #range); \
	_Static_assert(offsetof(struct range, flags) == 16, "flags of " #range); \
	_Static_assert(offsetof(struct range, pad) == 20, "pad of " #range); \
	_Static_assert(sizeof(struct args) == 40, "size of " #args); \
	_Static_assert(offsetof(struct args, addr) == 0, "addr of " #args); \
	_Static_assert(offsetof(struct args, size) == 8, "size of " #args); \
	_Static_assert(offsetof(struct args, flags) == 16, "flags of " #args); \
	_Static_assert(offsetof(struct args, handle) == 20, "handle of " #args); \
	_Static_assert(offsetof(struct args, ranges) == 24, "ranges of " #args); \
	_Static_assert(offsetof(struct args, num_ranges) == 32, "num_ranges of " #args); \
	_Static_assert(offsetof(struct args, range_stride) == 36, "range_stride of " #args)

LAYOUT(amd_userptr_args, amd_userptr_range);

#ifdef KERNEL_UAPI
#undef AMDGPU_GEM_USERPTR_SCATTER
#undef AMDGPU_GEM_USERPTR_RANGE_READONLY
#include KERNEL_UAPI

LAYOUT(drm_amdgpu_gem_userptr, drm_amdgpu_gem_userptr_range);
_Static_assert(AMDGPU_GEM_USERPTR_SCATTER == 1 << 5, "SCATTER");
_Static_assert(AMDGPU_GEM_USERPTR_RANGE_READONLY == 1 << 0, "RANGE_READONLY");
#endif
