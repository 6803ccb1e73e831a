/* SPDX-License-Identifier: MIT */
/*
 * Compares the packets of gfx12.5, whose IP version is GC 12.1, and of SDMA 7.1 with
 * gfx_v12_1_pkt.h and sdma_v7_1_0_pkt_open.h.
 */
#include "gfx_v12_1_pkt.h"
#include "sdma_v7_1_0_pkt_open.h"
#include "soc24_enum.h"

#include "pkt_headers_pm4.h"
#include "pkt_headers_sdma.h"

/*
 * The scope of an access: 3, the whole system.  The kernel's header has a name for that value in
 * some packets only, so all packets use the name of WRITE_DATA.
 */
#define SYSTEM PACKET3_WRITE_DATA__SCOPE__SYSTEM

static void compute(const struct amd_pkt *pkt)
{
	/* gfx_v12_1_emit_mem_sync() */
	const uint32_t all = PACKET3_ACQUIRE_MEM__GCR_CNTL__GL2_INV(1) |
			     PACKET3_ACQUIRE_MEM__GCR_CNTL__GL2_WB(1) |
			     PACKET3_ACQUIRE_MEM__GCR_CNTL__GLV_INV(1) |
			     PACKET3_ACQUIRE_MEM__GCR_CNTL__GLK_INV(1) |
			     PACKET3_ACQUIRE_MEM__GCR_CNTL__GLI_INV(
				     PACKET3_ACQUIRE_MEM__GCR_CNTL__GLI_INV__ALL) |
			     PACKET3_ACQUIRE_MEM__GCR_CNTL__GL2_SCOPE(
				     PACKET3_ACQUIRE_MEM__GCR_CNTL__GL2_SCOPE__FORCE_ALL);

	t_assert(pkt);
	headers_nop(pkt);
	headers_write(pkt, PACKET3_WRITE_DATA__SCOPE(SYSTEM));
	headers_copy(pkt, PACKET3_DMA_DATA_SRC_SCOPE(SYSTEM) | PACKET3_DMA_DATA_DST_SCOPE(SYSTEM),
		     0);
	headers_poll(pkt);
	headers_release(pkt,
			PACKET3_RELEASE_MEM__GCR_SEQ(1) | PACKET3_RELEASE_MEM__GCR_GLV_WB |
				PACKET3_RELEASE_MEM__GCR_GL2_WB |
				PACKET3_RELEASE_MEM__GCR_GL2_SCOPE(2) |
				PACKET3_RELEASE_MEM__TEMPORAL(3) |
				PACKET3_RELEASE_MEM__EVENT_TYPE(CACHE_FLUSH_AND_INV_TS_EVENT) |
				PACKET3_RELEASE_MEM__EVENT_INDEX(
					PACKET3_RELEASE_MEM__EVENT_INDEX__END_OF_PIPE),
			PACKET3_RELEASE_MEM__DATA_SEL(
				PACKET3_RELEASE_MEM__DATA_SEL__SEND_32_BIT_LOW),
			PACKET3_RELEASE_MEM__DATA_SEL(
				PACKET3_RELEASE_MEM__DATA_SEL__SEND_GPU_CLOCK_COUNTER));
	headers_acquire(pkt, 0, &all);
	headers_first_xcc(pkt, PACKET3_PRED_EXEC__VIRTUALXCCID_SELECT(1 << 0),
			  PACKET3_PRED_EXEC__EXEC_COUNT(HEADERS_COUNT));
}

/*
 * In SDMA 7.1 some bits have a new meaning, for which ROCr's sdma_registers.h has the name "scope".
 * The kernel's header still has the old names: a cache policy for the two bits of an access, and
 * GLM for the bits of GCR.
 */
int main(void)
{
	const struct amd_pkt *sdma = amd_pkt_sdma(AMD_PKT_IP(7, 1, 0));
	const uint32_t release = SDMA_GCR_GLM_INV | SDMA_GCR_GL2_WB;

	compute(amd_pkt_compute(AMD_PKT_IP(12, 1, 0)));
	headers_ib();
	t_assert(sdma);
	headers_sdma_write(sdma);
	headers_sdma_copy(sdma, SDMA_PKT_COPY_LINEAR_HEADER_NPD(1u),
			  SDMA_PKT_COPY_LINEAR_PARAMETER_DST_CACHE_POLICY(3) |
				  SDMA_PKT_COPY_LINEAR_PARAMETER_SRC_CACHE_POLICY(3));
	headers_sdma_poll(sdma);
	headers_sdma_clock(sdma, SDMA_PKT_TIMESTAMP_GET_GLOBAL_HEADER_L2_POLICY(3));
	headers_sdma_fence(sdma,
			   SDMA_PKT_FENCE_HEADER_MTYPE(3) | SDMA_PKT_FENCE_HEADER_SYS(1) |
				   SDMA_PKT_FENCE_HEADER_L2_POLICY(3),
			   &release);
	headers_sdma_acquire(sdma,
			     release | SDMA_GCR_GL2_INV | SDMA_GCR_GLV_INV | SDMA_GCR_GLK_INV);
	return 0;
}
