// SPDX-License-Identifier: MIT
/*
 * PM4 of gfx10.3 and gfx11.  GCR (graphics cache rinse) has bits for these caches: GL2 is the
 * last cache before memory, and GLM has its metadata.  GLV and behind it GL1 are between a shader
 * and GL2.  GLK has scalars, and GLI has instructions.  References are to
 * drivers/gpu/drm/amd/amdgpu of Linux 7.3.
 */
#include <stddef.h>

#include "lib/amdgpu/amd_pkt.h"
#include "lib/amdgpu/amd_pkt_pm4.h"

/*
 * RELEASE_MEM (nvd.h:354): write GL2 back, and store past the caches.  gfx_v10_0_ring_emit_fence()
 * and gfx_v11_0_ring_emit_fence() have the same bits.
 */
#define RELEASE_GLM_WB	     (1u << 12)
#define RELEASE_GLM_INV	     (1u << 13)
#define RELEASE_GL2_WB	     (1u << 21)
#define RELEASE_SEQ	     (1u << 22)
#define RELEASE_STORE_BYPASS (3u << 25)
#define RELEASE \
	(RELEASE_GLM_WB | RELEASE_GLM_INV | RELEASE_GL2_WB | RELEASE_SEQ | RELEASE_STORE_BYPASS)

/*
 * ACQUIRE_MEM (nvd.h:458): write back and invalidate all levels.  gfx_v10_0_emit_mem_sync() and
 * gfx_v11_0_emit_mem_sync() have the same bits.
 */
#define ACQUIRE_GLI_INV (1u << 0)
#define ACQUIRE_GLM_WB	(1u << 4)
#define ACQUIRE_GLM_INV (1u << 5)
#define ACQUIRE_GLK_INV (1u << 7)
#define ACQUIRE_GLV_INV (1u << 8)
#define ACQUIRE_GL1_INV (1u << 9)
#define ACQUIRE_GL2_INV (1u << 14)
#define ACQUIRE_GL2_WB	(1u << 15)
#define ACQUIRE \
	(ACQUIRE_GLI_INV | ACQUIRE_GLM_WB | ACQUIRE_GLM_INV | ACQUIRE_GLK_INV | ACQUIRE_GLV_INV | \
	 ACQUIRE_GL1_INV | ACQUIRE_GL2_INV | ACQUIRE_GL2_WB)

static unsigned int fence(uint32_t *dw, uint64_t addr, uint32_t value)
{
	return amd_pm4_release(dw, RELEASE, RELEASE_MEM_DATA_32, addr, value);
}

static unsigned int timestamp(uint32_t *dw, uint64_t addr)
{
	return amd_pm4_release(dw, RELEASE, RELEASE_MEM_DATA_CLOCK, addr, 0);
}

static unsigned int acquire(uint32_t *dw)
{
	return amd_pm4_acquire(dw, ACQUIRE);
}

const struct amd_pkt amd_pkt_gfx10 = {
	.nop = PM4_NOP_ONE,
	.fence_dw = 8,
	.write = amd_pm4_write,
	.copy = amd_pm4_copy,
	.fence = fence,
	.timestamp = timestamp,
	.poll = amd_pm4_poll,
	.acquire = acquire,
	.first_xcc = NULL,
};
