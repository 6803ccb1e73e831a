/* SPDX-License-Identifier: MIT */
/*
 * Compares the packets of gfx10.3 and SDMA 5.2 with nvd.h and navi10_sdma_pkt_open.h; with -DGFX11,
 * compares the packets of gfx11 and SDMA 6 with nvd.h and sdma_v6_0_0_pkt_open.h.
 */
#include "nvd.h"
#ifdef GFX11
#include "sdma_v6_0_0_pkt_open.h"
#include "soc21_enum.h"
#else
#include "navi10_enum.h"
#include "navi10_sdma_pkt_open.h"
#endif

#include "pkt_headers_pm4.h"
#include "pkt_headers_sdma.h"

#ifdef GFX11
static const uint32_t gc[] = {
	AMD_PKT_IP(11, 0, 0), AMD_PKT_IP(11, 0, 1), AMD_PKT_IP(11, 0, 2), AMD_PKT_IP(11, 0, 3),
	AMD_PKT_IP(11, 0, 4), AMD_PKT_IP(11, 5, 0), AMD_PKT_IP(11, 5, 1), AMD_PKT_IP(11, 5, 2),
	AMD_PKT_IP(11, 5, 3), AMD_PKT_IP(11, 5, 4), AMD_PKT_IP(11, 5, 6), AMD_PKT_IP(11, 7, 0),
	AMD_PKT_IP(11, 7, 1),
};
static const uint32_t sdma[] = {
	AMD_PKT_IP(6, 0, 0), AMD_PKT_IP(6, 0, 1), AMD_PKT_IP(6, 0, 2), AMD_PKT_IP(6, 0, 3),
	AMD_PKT_IP(6, 1, 0), AMD_PKT_IP(6, 1, 1), AMD_PKT_IP(6, 1, 2), AMD_PKT_IP(6, 1, 3),
	AMD_PKT_IP(6, 1, 4), AMD_PKT_IP(6, 4, 0),
};
#else
static const uint32_t gc[] = {
	AMD_PKT_IP(10, 3, 0), AMD_PKT_IP(10, 3, 1), AMD_PKT_IP(10, 3, 2), AMD_PKT_IP(10, 3, 3),
	AMD_PKT_IP(10, 3, 4), AMD_PKT_IP(10, 3, 5), AMD_PKT_IP(10, 3, 6), AMD_PKT_IP(10, 3, 7),
};
static const uint32_t sdma[] = {
	AMD_PKT_IP(5, 2, 0), AMD_PKT_IP(5, 2, 1), AMD_PKT_IP(5, 2, 2), AMD_PKT_IP(5, 2, 3),
	AMD_PKT_IP(5, 2, 4), AMD_PKT_IP(5, 2, 5), AMD_PKT_IP(5, 2, 6), AMD_PKT_IP(5, 2, 7),
};
#endif

static void compute(const struct amd_pkt *pkt)
{
	/* gfx_v10_0_emit_mem_sync(), gfx_v11_0_emit_mem_sync() */
	const uint32_t all =
		PACKET3_ACQUIRE_MEM_GCR_CNTL_GL2_INV(1) | PACKET3_ACQUIRE_MEM_GCR_CNTL_GL2_WB(1) |
		PACKET3_ACQUIRE_MEM_GCR_CNTL_GLM_INV(1) | PACKET3_ACQUIRE_MEM_GCR_CNTL_GLM_WB(1) |
		PACKET3_ACQUIRE_MEM_GCR_CNTL_GL1_INV(1) | PACKET3_ACQUIRE_MEM_GCR_CNTL_GLV_INV(1) |
		PACKET3_ACQUIRE_MEM_GCR_CNTL_GLK_INV(1) | PACKET3_ACQUIRE_MEM_GCR_CNTL_GLI_INV(1);

	t_assert(pkt);
	headers_nop(pkt);
	headers_write(pkt, 0);
	headers_copy(pkt, PACKET3_DMA_DATA_CP_SYNC, PACKET3_DMA_DATA_CMD_RAW_WAIT);
	headers_poll(pkt);
	headers_release(pkt,
			PACKET3_RELEASE_MEM_GCR_SEQ | PACKET3_RELEASE_MEM_GCR_GL2_WB |
				PACKET3_RELEASE_MEM_GCR_GLM_INV | PACKET3_RELEASE_MEM_GCR_GLM_WB |
				PACKET3_RELEASE_MEM_CACHE_POLICY(3) |
				PACKET3_RELEASE_MEM_EVENT_TYPE(CACHE_FLUSH_AND_INV_TS_EVENT) |
				PACKET3_RELEASE_MEM_EVENT_INDEX(5),
			PACKET3_RELEASE_MEM_DATA_SEL(1u) | PACKET3_RELEASE_MEM_INT_SEL(0u) |
				PACKET3_RELEASE_MEM_DST_SEL(0u),
			PACKET3_RELEASE_MEM_DATA_SEL(3u) | PACKET3_RELEASE_MEM_INT_SEL(0u) |
				PACKET3_RELEASE_MEM_DST_SEL(0u));
	headers_acquire(pkt, 0, &all);
	t_assert(!pkt->first_xcc);
}

int main(void)
{
	const uint32_t release = SDMA_GCR_GL2_WB | SDMA_GCR_GLK_WB;

	for (unsigned int i = 0; i < T_ARRAY_SIZE(gc); i++)
		compute(amd_pkt_compute(gc[i]));
	headers_ib();
	for (unsigned int i = 0; i < T_ARRAY_SIZE(sdma); i++) {
		const struct amd_pkt *pkt = amd_pkt_sdma(sdma[i]);

		t_assert(pkt);
		headers_sdma_write(pkt);
		headers_sdma_copy(pkt, 0, 0);
		headers_sdma_poll(pkt);
		headers_sdma_clock(pkt, 0);
		headers_sdma_fence(pkt, SDMA_PKT_FENCE_HEADER_MTYPE(3), &release);
		headers_sdma_acquire(pkt, SDMA_GCR_GL2_WB | SDMA_GCR_GLK_WB | SDMA_GCR_GL2_INV |
						  SDMA_GCR_GL1_INV | SDMA_GCR_GLV_INV |
						  SDMA_GCR_GLK_INV);
	}
	return 0;
}
