// SPDX-License-Identifier: MIT
/*
 * Userspace changes the placement of a BO that the driver has counted in the memory statistics of
 * the file (C45 of docs/upstreaming.md).
 */
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"

#include "amd_userptr_stock_bugs.h"

#define BO_SIZE ((size_t)1 << 20)

static uint32_t create(int fd)
{
	union drm_amdgpu_gem_create args = {
		.in = { .bo_size = BO_SIZE, .domains = AMDGPU_GEM_DOMAIN_GTT },
	};

	igt_assert_eq(drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &args), 0);
	return args.out.handle;
}

static void set_placement(int fd, uint32_t handle, uint32_t domain)
{
	struct drm_amdgpu_gem_op args = {
		.handle = handle,
		.op = AMDGPU_GEM_OP_SET_PLACEMENT,
		.value = domain,
	};

	igt_assert_eq(drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_OP, &args), 0);
}

/* A file of its own, because the driver warns about wrong statistics when the file is closed. */
static void placement_statistics(struct amd_userptr *up)
{
	int fd = drm_reopen_driver(up->fd);
	const uint64_t gtt = amd_info_memory(fd, "drm-total-gtt:");
	const uint64_t vram = amd_info_memory(fd, "drm-total-vram:");
	uint64_t gtt_now, vram_now;
	uint32_t handle;

	handle = create(fd);
	igt_assert_eq_u64(amd_info_memory(fd, "drm-total-gtt:"), gtt + BO_SIZE);
	set_placement(fd, handle, AMDGPU_GEM_DOMAIN_VRAM);
	igt_assert_eq(drmCloseBufferHandle(fd, handle), 0);
	gtt_now = amd_info_memory(fd, "drm-total-gtt:");
	vram_now = amd_info_memory(fd, "drm-total-vram:");
	/* A driver with this bug logs that the statistics are wrong, too. */
	if (gtt_now != gtt)
		igt_emit_ignore_dmesg_regex("VM memory stats for proc .* is non-zero when fini");
	drm_close_driver(fd);
	igt_assert_f(gtt_now == gtt, "%llu bytes of GTT are left after the BO was closed\n",
		     (unsigned long long)(gtt_now - gtt));
	igt_assert_eq_u64(vram_now, vram);
}

const struct amd_userptr_subtest amd_userptr_stats_subtest = {
	.name = "placement-statistics",
	.run = placement_statistics,
	.describe = "A BO whose placement changes is not counted any more after it is closed.",
};
