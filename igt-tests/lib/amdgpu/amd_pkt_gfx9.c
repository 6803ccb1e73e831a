// SPDX-License-Identifier: MIT
/*
 * PM4 of gfx9: gfx908, gfx90a, gfx942 and gfx950.  References are to drivers/gpu/drm/amd/amdgpu of
 * Linux 7.3.
 */
#include "lib/amdgpu/amd_pkt.h"
#include "lib/amdgpu/amd_pkt_pm4.h"

/*
 * RELEASE_MEM (soc15d.h:312), as gfx_v9_4_3_ring_emit_fence() uses it: write L2 back, invalidate
 * L1 and L2.  That function also does so for metadata of compressed textures, which tests lack.
 */
#define RELEASE_TC_WB (1u << 15)
#define RELEASE_TCL1  (1u << 16)
#define RELEASE_TC    (1u << 17)
#define RELEASE	      (RELEASE_TCL1 | RELEASE_TC | RELEASE_TC_WB)

/* ACQUIRE_MEM (soc15d.h:403), with the bits of gfx_v9_4_3_emit_mem_sync(). */
#define ACQUIRE_TC_WB	  (1u << 18)
#define ACQUIRE_TCL1	  (1u << 22)
#define ACQUIRE_TC	  (1u << 23)
#define ACQUIRE_SH_KCACHE (1u << 27)
#define ACQUIRE_SH_ICACHE (1u << 29)
#define ACQUIRE		  (ACQUIRE_TC_WB | ACQUIRE_TCL1 | ACQUIRE_TC | ACQUIRE_SH_KCACHE | ACQUIRE_SH_ICACHE)

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
	return amd_pm4_acquire_gfx9(dw, ACQUIRE);
}

const struct amd_pkt amd_pkt_gfx9 = {
	.nop = PM4_NOP_ONE,
	.fence_dw = 8,
	.write = amd_pm4_write,
	.copy = amd_pm4_copy,
	.fence = fence,
	.timestamp = timestamp,
	.poll = amd_pm4_poll,
	.acquire = acquire,
	.first_xcc = amd_pm4_first_xcc,
};
