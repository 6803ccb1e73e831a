// SPDX-License-Identifier: MIT
/*
 * PM4 of gfx12.0 and gfx12.5.  amd_pkt_gfx10.c explains the names of the caches.  References are to
 * drivers/gpu/drm/amd/amdgpu of Linux 7.3.
 */
#include <stddef.h>

#include "lib/amdgpu/amd_pkt.h"
#include "lib/amdgpu/amd_pkt_pm4.h"

/* RELEASE_MEM (nvd.h:354), as gfx_v12_0_ring_emit_fence() uses it. */
#define RELEASE_GL2_WB	     (1u << 21)
#define RELEASE_SEQ	     (1u << 22)
#define RELEASE_STORE_BYPASS (3u << 25)
#define RELEASE_12_0	     (RELEASE_GL2_WB | RELEASE_SEQ | RELEASE_STORE_BYPASS)

/* ACQUIRE_MEM (nvd.h:458), as gfx_v12_0_emit_mem_sync() uses it. */
#define ACQUIRE_GLI_INV (1u << 0)
#define ACQUIRE_GLM_WB	(1u << 4)
#define ACQUIRE_GLM_INV (1u << 5)
#define ACQUIRE_GLK_INV (1u << 7)
#define ACQUIRE_GLV_INV (1u << 8)
#define ACQUIRE_GL1_INV (1u << 9)
#define ACQUIRE_GL2_INV (1u << 14)
#define ACQUIRE_GL2_WB	(1u << 15)
#define ACQUIRE_12_0 \
	(ACQUIRE_GLI_INV | ACQUIRE_GLM_WB | ACQUIRE_GLM_INV | ACQUIRE_GLK_INV | ACQUIRE_GLV_INV | \
	 ACQUIRE_GL1_INV | ACQUIRE_GL2_INV | ACQUIRE_GL2_WB)

/*
 * gfx12.5 has two kinds of fields with the name scope (gfx_v12_1_pkt.h).  The scope of the work on
 * GL2 says which lines of GL2 the packet works on; the value 2 is "all".  The scope of an access
 * says who has to see the access, from one compute unit to the whole system; the value 3 is
 * "system".  GLV holds dirty lines, so a release writes GLV back, too
 * (gfx_v12_1_ring_emit_fence()).
 */
#define RELEASE_GL2_SCOPE_ALL (2u << 12)
#define RELEASE_GLV_WB	      (1u << 24)
#define RELEASE_12_5	      (RELEASE_12_0 | RELEASE_GL2_SCOPE_ALL | RELEASE_GLV_WB)

/* gfx_v12_1_emit_mem_sync() */
#define ACQUIRE_GL2_SCOPE_ALL (2u << 4)
#define ACQUIRE_12_5 \
	(ACQUIRE_GLI_INV | ACQUIRE_GL2_SCOPE_ALL | ACQUIRE_GLK_INV | ACQUIRE_GLV_INV | \
	 ACQUIRE_GL2_INV | ACQUIRE_GL2_WB)

#define WRITE_DATA_SCOPE_SYSTEM (3u << 12)	      /* gfx_v12_1_pkt.h:115 */
#define DMA_DATA_SCOPE_SYSTEM	(3u << 15 | 3u << 27) /* source, destination */

static unsigned int fence_12_0(uint32_t *dw, uint64_t addr, uint32_t value)
{
	return amd_pm4_release(dw, RELEASE_12_0, RELEASE_MEM_DATA_32, addr, value);
}

static unsigned int timestamp_12_0(uint32_t *dw, uint64_t addr)
{
	return amd_pm4_release(dw, RELEASE_12_0, RELEASE_MEM_DATA_CLOCK, addr, 0);
}

static unsigned int acquire_12_0(uint32_t *dw)
{
	return amd_pm4_acquire(dw, ACQUIRE_12_0);
}

const struct amd_pkt amd_pkt_gfx12 = {
	.nop = PM4_NOP_ONE,
	.fence_dw = 8,
	.write = amd_pm4_write,
	.copy = amd_pm4_copy,
	.fence = fence_12_0,
	.timestamp = timestamp_12_0,
	.poll = amd_pm4_poll,
	.acquire = acquire_12_0,
	.first_xcc = NULL,
};

static unsigned int write_12_5(uint32_t *dw, uint64_t dst, unsigned int count)
{
	unsigned int n = amd_pm4_write(dw, dst, count);

	dw[1] |= WRITE_DATA_SCOPE_SYSTEM;
	return n;
}

/*
 * DMA_DATA of gfx12.5 (gfx_v12_1_pkt.h:399) has no bit CP_SYNC.  Bit 30 of its last dword has two
 * names there: RAW_WAIT, and DIS_WC, which means not to wait until the copy is written.  The two
 * names contradict each other, so set neither CP_SYNC nor bit 30.
 */
static unsigned int copy_12_5(uint32_t *dw, uint64_t dst, uint64_t src, uint32_t size)
{
	unsigned int n = 0;

	dw[n++] = PM4_TYPE3(PM4_DMA_DATA, 6);
	dw[n++] = DMA_DATA_SRC_L2 | DMA_DATA_DST_L2 | DMA_DATA_SCOPE_SYSTEM;
	dw[n++] = amd_pkt_lo(src);
	dw[n++] = amd_pkt_hi(src);
	dw[n++] = amd_pkt_lo(dst);
	dw[n++] = amd_pkt_hi(dst);
	dw[n++] = size;
	return n;
}

static unsigned int fence_12_5(uint32_t *dw, uint64_t addr, uint32_t value)
{
	return amd_pm4_release(dw, RELEASE_12_5, RELEASE_MEM_DATA_32, addr, value);
}

static unsigned int timestamp_12_5(uint32_t *dw, uint64_t addr)
{
	return amd_pm4_release(dw, RELEASE_12_5, RELEASE_MEM_DATA_CLOCK, addr, 0);
}

static unsigned int acquire_12_5(uint32_t *dw)
{
	return amd_pm4_acquire(dw, ACQUIRE_12_5);
}

const struct amd_pkt amd_pkt_gfx12_5 = {
	.nop = PM4_NOP_ONE,
	.fence_dw = 8,
	.write = write_12_5,
	.copy = copy_12_5,
	.fence = fence_12_5,
	.timestamp = timestamp_12_5,
	.poll = amd_pm4_poll,
	.acquire = acquire_12_5,
	.first_xcc = amd_pm4_first_xcc,
};
