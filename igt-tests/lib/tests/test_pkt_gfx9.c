/* SPDX-License-Identifier: MIT */
/* Compares the packets of gfx9 and SDMA 4 with soc15d.h and vega10_sdma_pkt_open.h. */
#include "soc15d.h"
#include "vega10_enum.h"
#include "vega10_sdma_pkt_open.h"

#include "pkt_headers_pm4.h"
#include "pkt_headers_sdma.h"

/* gfx908, gfx90a, gfx942 (two versions), gfx950 */
static const uint32_t gc[] = {
	AMD_PKT_IP(9, 4, 1), AMD_PKT_IP(9, 4, 2), AMD_PKT_IP(9, 4, 3),
	AMD_PKT_IP(9, 4, 4), AMD_PKT_IP(9, 5, 0),
};
static const uint32_t sdma[] = {
	AMD_PKT_IP(4, 2, 2), AMD_PKT_IP(4, 4, 0), AMD_PKT_IP(4, 4, 2),
	AMD_PKT_IP(4, 4, 4), AMD_PKT_IP(4, 4, 5),
};

static void compute(const struct amd_pkt *pkt)
{
	t_assert(pkt);
	headers_nop(pkt);
	headers_write(pkt, 0);
	headers_copy(pkt, PACKET3_DMA_DATA_CP_SYNC, PACKET3_DMA_DATA_CMD_RAW_WAIT);
	headers_poll(pkt);
	headers_release(pkt,
			EOP_TCL1_ACTION_EN | EOP_TC_ACTION_EN | EOP_TC_WB_ACTION_EN |
				EVENT_TYPE(CACHE_FLUSH_AND_INV_TS_EVENT) | EVENT_INDEX(5),
			DATA_SEL(1u) | INT_SEL(0u) | DST_SEL(0u),
			DATA_SEL(3u) | INT_SEL(0u) | DST_SEL(0u));
	/* gfx_v9_4_3_emit_mem_sync() */
	headers_acquire(pkt,
			PACKET3_ACQUIRE_MEM_CP_COHER_CNTL_SH_ICACHE_ACTION_ENA(1) |
				PACKET3_ACQUIRE_MEM_CP_COHER_CNTL_SH_KCACHE_ACTION_ENA(1) |
				PACKET3_ACQUIRE_MEM_CP_COHER_CNTL_TC_ACTION_ENA(1) |
				PACKET3_ACQUIRE_MEM_CP_COHER_CNTL_TCL1_ACTION_ENA(1) |
				PACKET3_ACQUIRE_MEM_CP_COHER_CNTL_TC_WB_ACTION_ENA(1),
			NULL);
	headers_first_xcc(pkt, PACKET3_PRED_EXEC__VIRTUAL_XCC_ID_SELECT(1 << 0),
			  PACKET3_PRED_EXEC__EXEC_COUNT(HEADERS_COUNT));
}

int main(void)
{
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
		headers_sdma_fence(pkt, 0, NULL);
		t_assert(!pkt->acquire);
	}
	return 0;
}
