/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include <amdgpu_drm.h>
#include <xf86drm.h>

#include "bo_bytes.h"
#include "test.h"

bool bo_info(int drm_fd, uint32_t handle, struct drm_amdgpu_gem_create_in *info)
{
	struct drm_amdgpu_gem_op op = {
		.handle = handle,
		.op = AMDGPU_GEM_OP_GET_GEM_CREATE_INFO,
		.value = (uintptr_t)info,
	};

	return !drmIoctl(drm_fd, DRM_IOCTL_AMDGPU_GEM_OP, &op);
}

uint64_t bo_bytes(int drm_fd)
{
	uint64_t total = 0, size;
	char path[64], line[256], unit;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", drm_fd);
	file = fopen(path, "r");
	t_assert(file);
	while (fgets(line, sizeof(line), file)) {
		unit = 0;
		/*
		 * The kernel prints bytes, KiB or MiB, the largest unit in which the size is whole.
		 */
		if (sscanf(line, "drm-total-%*[^:]: %" SCNu64 " %c", &size, &unit) < 1)
			continue;
		t_assert(!size || unit == 'K' || unit == 'M');
		total += size << (unit == 'M' ? 20 : 10);
		found = true;
	}
	fclose(file);
	t_assert(found);
	return total;
}
