/* SPDX-License-Identifier: MIT */
#ifndef BO_BYTES_H
#define BO_BYTES_H

#include <stdbool.h>
#include <stdint.h>

struct drm_amdgpu_gem_create_in;

/*
 * A test that looks for BOs asks for the handles from 1 to this one. It finds all BOs, because the
 * kernel gives out the lowest free handle.
 */
#define BO_MAX_HANDLE 1024

/* Whether the file @drm_fd has a BO with this handle. Then @info tells how it was made. */
bool bo_info(int drm_fd, uint32_t handle, struct drm_amdgpu_gem_create_in *info);

/*
 * Returns how many bytes all BOs of the render node file @drm_fd have, as the kernel counts them in
 * fdinfo. Ends the test if that is unknown.
 */
uint64_t bo_bytes(int drm_fd);

#endif
