// SPDX-License-Identifier: MIT
/*
 * The choice of the packets for a GPU.  Kernel references are to drivers/gpu/drm/amd of Linux 7.3.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <amdgpu_drm.h>

#include "../../../lib/src/uapi.h"
#include "lib/amdgpu/amd_pkt.h"

/* Versions from @first to @last, which the kernel drives by the same functions. */
struct range {
	uint32_t first, last;
	const struct amd_pkt *pkt;
};

/*
 * The functions for each version are in amdgpu/amdgpu_discovery.c:2724-2785, and the names (such as
 * gfx908) in amdkfd/kfd_device.c:304-475.
 */
static const struct range compute[] = {
	/* gfx_v9_0.c: gfx908, gfx90a */
	{ AMD_PKT_IP(9, 4, 1), AMD_PKT_IP(9, 4, 2), &amd_pkt_gfx9 },
	/* gfx_v9_4_3.c: gfx942, gfx950 */
	{ AMD_PKT_IP(9, 4, 3), AMD_PKT_IP(9, 4, 4), &amd_pkt_gfx9 },
	{ AMD_PKT_IP(9, 5, 0), AMD_PKT_IP(9, 5, 0), &amd_pkt_gfx9 },
	/* gfx_v10_0.c: gfx1030 to gfx1036 */
	{ AMD_PKT_IP(10, 3, 0), AMD_PKT_IP(10, 3, 7), &amd_pkt_gfx10 },
	/* gfx_v11_0.c: gfx1100 to gfx1171. It uses the same packets as gfx_v10_0.c. */
	{ AMD_PKT_IP(11, 0, 0), AMD_PKT_IP(11, 0, 4), &amd_pkt_gfx10 },
	{ AMD_PKT_IP(11, 5, 0), AMD_PKT_IP(11, 5, 6), &amd_pkt_gfx10 },
	{ AMD_PKT_IP(11, 7, 0), AMD_PKT_IP(11, 7, 1), &amd_pkt_gfx10 },
	/* gfx_v12_0.c: gfx1200, gfx1201 */
	{ AMD_PKT_IP(12, 0, 0), AMD_PKT_IP(12, 0, 1), &amd_pkt_gfx12 },
	/* gfx_v12_1.c: gfx1250 */
	{ AMD_PKT_IP(12, 1, 0), AMD_PKT_IP(12, 1, 0), &amd_pkt_gfx12_5 },
};

/* amdgpu/amdgpu_discovery.c:2787-2848 */
static const struct range sdma[] = {
	/* sdma_v4_0.c: gfx908, gfx90a */
	{ AMD_PKT_IP(4, 2, 2), AMD_PKT_IP(4, 2, 2), &amd_pkt_sdma4 },
	{ AMD_PKT_IP(4, 4, 0), AMD_PKT_IP(4, 4, 0), &amd_pkt_sdma4 },
	/* sdma_v4_4_2.c: gfx942, gfx950 */
	{ AMD_PKT_IP(4, 4, 2), AMD_PKT_IP(4, 4, 2), &amd_pkt_sdma4 },
	{ AMD_PKT_IP(4, 4, 4), AMD_PKT_IP(4, 4, 5), &amd_pkt_sdma4 },
	/* sdma_v5_2.c: gfx10.3 */
	{ AMD_PKT_IP(5, 2, 0), AMD_PKT_IP(5, 2, 7), &amd_pkt_sdma5 },
	/* sdma_v6_0.c: gfx11. It uses the same packets as sdma_v5_2.c. */
	{ AMD_PKT_IP(6, 0, 0), AMD_PKT_IP(6, 0, 3), &amd_pkt_sdma5 },
	{ AMD_PKT_IP(6, 1, 0), AMD_PKT_IP(6, 1, 4), &amd_pkt_sdma5 },
	{ AMD_PKT_IP(6, 4, 0), AMD_PKT_IP(6, 4, 0), &amd_pkt_sdma5 },
	/* sdma_v7_0.c: gfx12.0 */
	{ AMD_PKT_IP(7, 0, 0), AMD_PKT_IP(7, 0, 1), &amd_pkt_sdma7 },
	/* sdma_v7_1.c: gfx12.5 */
	{ AMD_PKT_IP(7, 1, 0), AMD_PKT_IP(7, 1, 0), &amd_pkt_sdma7_1 },
};

static const struct amd_pkt *find(const struct range *ranges, size_t count, uint32_t version)
{
	for (size_t i = 0; i < count; i++) {
		if (version >= ranges[i].first && version <= ranges[i].last)
			return ranges[i].pkt;
	}
	return NULL;
}

const struct amd_pkt *amd_pkt_compute(uint32_t version)
{
	return find(compute, sizeof(compute) / sizeof(compute[0]), version);
}

const struct amd_pkt *amd_pkt_sdma(uint32_t version)
{
	return find(sdma, sizeof(sdma) / sizeof(sdma[0]), version);
}

int __amd_pkt_ip_version(int drm_fd, bool is_sdma, uint32_t *version)
{
	struct amd_hw_ip_info ip = { 0 };
	struct drm_amdgpu_info args = {
		.return_pointer = (uintptr_t)&ip,
		.return_size = sizeof(ip),
		.query = AMDGPU_INFO_HW_IP_INFO,
		.query_hw_ip.type = is_sdma ? AMDGPU_HW_IP_DMA : AMDGPU_HW_IP_COMPUTE,
	};
	int ret;

	do {
		ret = ioctl(drm_fd, DRM_IOCTL_AMDGPU_INFO, &args);
	} while (ret && (errno == EINTR || errno == EAGAIN));
	if (ret)
		return -errno;
	/* An engine that the driver does not have is version 0. */
	*version = ip.ip_discovery_version;
	return 0;
}
