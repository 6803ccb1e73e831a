/* SPDX-License-Identifier: MIT */
/*
 * Compares the packets of gfx12.0 and SDMA 7.0 with nvd.h and sdma_v6_0_0_pkt_open.h, which
 * gfx_v12_0.c and sdma_v7_0.c include.
 */
#include "nvd.h"
#include "sdma_v6_0_0_pkt_open.h"
#include "soc24_enum.h"

#include "pkt_headers_pm4.h"
#include "pkt_headers_sdma.h"

static const uint32_t gc[] = { AMD_PKT_IP(12, 0, 0), AMD_PKT_IP(12, 0, 1) };
static const uint32_t sdma[] = { AMD_PKT_IP(7, 0, 0), AMD_PKT_IP(7, 0, 1) };

static void compute(const struct amd_pkt *pkt)
{
	/* gfx_v12_0_emit_mem_sync() */
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
		headers_sdma_copy(pkt, SDMA_PKT_COPY_LINEAR_HEADER_CPV(0), 0);
		headers_sdma_poll(pkt);
		headers_sdma_clock(pkt, 0);
		headers_sdma_fence(pkt,
				   SDMA_PKT_FENCE_HEADER_MTYPE(3) | SDMA_PKT_FENCE_HEADER_SYS(1),
				   &release);
		headers_sdma_acquire(pkt, SDMA_GCR_GL2_WB | SDMA_GCR_GLK_WB | SDMA_GCR_GL2_INV |
						  SDMA_GCR_GL1_INV | SDMA_GCR_GLV_INV |
						  SDMA_GCR_GLK_INV);
	}
	return 0;
}
