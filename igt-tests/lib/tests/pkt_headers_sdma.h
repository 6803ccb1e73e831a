/* SPDX-License-Identifier: MIT */
/* The SDMA packets, by the macros that all headers *_sdma_pkt_open.h of the kernel have. */
#ifndef PKT_HEADERS_SDMA_H
#define PKT_HEADERS_SDMA_H

#include "pkt_headers.h"

static inline void headers_sdma_write(const struct amd_pkt *pkt)
{
	struct headers_pair pair = { 0 };

	pair.num_got = pkt->write(pair.got, HEADERS_DST, HEADERS_COUNT);
	headers_want(&pair, SDMA_PKT_WRITE_UNTILED_HEADER_OP(SDMA_OP_WRITE) |
				    SDMA_PKT_WRITE_UNTILED_HEADER_SUB_OP(SDMA_SUBOP_WRITE_LINEAR));
	headers_want(&pair,
		     SDMA_PKT_WRITE_UNTILED_DST_ADDR_LO_DST_ADDR_31_0(HEADERS_LO(HEADERS_DST)));
	headers_want(&pair,
		     SDMA_PKT_WRITE_UNTILED_DST_ADDR_HI_DST_ADDR_63_32(HEADERS_HI(HEADERS_DST)));
	headers_want(&pair, SDMA_PKT_WRITE_UNTILED_DW_3_COUNT(HEADERS_COUNT - 1));
	headers_compare("WRITE", &pair);
	t_equal(pair.num_got, SDMA_PKT_WRITE_UNTILED_DATA0_data0_offset);
	t_assert(AMD_KFD_WRITE_MAX_DW - 1 <= SDMA_PKT_WRITE_UNTILED_DW_3_count_mask);
}

/* @header and @scope are bits that only SDMA 7.1 has. */
static inline void headers_sdma_copy(const struct amd_pkt *pkt, uint32_t header, uint32_t scope)
{
	struct headers_pair pair = { 0 };

	pair.num_got = pkt->copy(pair.got, HEADERS_DST, HEADERS_SRC, HEADERS_SIZE);
	headers_want(&pair, SDMA_PKT_COPY_LINEAR_HEADER_OP(SDMA_OP_COPY) |
				    SDMA_PKT_COPY_LINEAR_HEADER_SUB_OP(SDMA_SUBOP_COPY_LINEAR) |
				    header);
	headers_want(&pair, SDMA_PKT_COPY_LINEAR_COUNT_COUNT(HEADERS_SIZE - 1));
	headers_want(&pair, SDMA_PKT_COPY_LINEAR_PARAMETER_DST_SW(0) |
				    SDMA_PKT_COPY_LINEAR_PARAMETER_SRC_SW(0) | scope);
	headers_want(&pair,
		     SDMA_PKT_COPY_LINEAR_SRC_ADDR_LO_SRC_ADDR_31_0(HEADERS_LO(HEADERS_SRC)));
	headers_want(&pair,
		     SDMA_PKT_COPY_LINEAR_SRC_ADDR_HI_SRC_ADDR_63_32(HEADERS_HI(HEADERS_SRC)));
	headers_want(&pair,
		     SDMA_PKT_COPY_LINEAR_DST_ADDR_LO_DST_ADDR_31_0(HEADERS_LO(HEADERS_DST)));
	headers_want(&pair,
		     SDMA_PKT_COPY_LINEAR_DST_ADDR_HI_DST_ADDR_63_32(HEADERS_HI(HEADERS_DST)));
	headers_compare("COPY", &pair);
	t_assert(AMD_PKT_COPY_MAX - 1u <= SDMA_PKT_COPY_LINEAR_COUNT_count_mask);
}

static inline void headers_sdma_poll(const struct amd_pkt *pkt)
{
	struct headers_pair pair = { 0 };

	pair.num_got = pkt->poll(pair.got, HEADERS_SRC, HEADERS_VALUE);
	headers_want(&pair, SDMA_PKT_POLL_REGMEM_HEADER_OP(SDMA_OP_POLL_REGMEM) |
				    SDMA_PKT_POLL_REGMEM_HEADER_HDP_FLUSH(0u) |
				    SDMA_PKT_POLL_REGMEM_HEADER_FUNC(3u) |
				    SDMA_PKT_POLL_REGMEM_HEADER_MEM_POLL(1u));
	headers_want(&pair, SDMA_PKT_POLL_REGMEM_ADDR_LO_ADDR_31_0(HEADERS_LO(HEADERS_SRC)));
	headers_want(&pair, SDMA_PKT_POLL_REGMEM_ADDR_HI_ADDR_63_32(HEADERS_HI(HEADERS_SRC)));
	headers_want(&pair, SDMA_PKT_POLL_REGMEM_VALUE_VALUE(HEADERS_VALUE));
	headers_want(&pair, SDMA_PKT_POLL_REGMEM_MASK_MASK(~0u));
	headers_want(&pair, SDMA_PKT_POLL_REGMEM_DW5_RETRY_COUNT(0xfff) |
				    SDMA_PKT_POLL_REGMEM_DW5_INTERVAL(10));
	headers_compare("POLL_REGMEM", &pair);
}

static inline void headers_sdma_clock(const struct amd_pkt *pkt, uint32_t header)
{
	struct headers_pair pair = { 0 };
	uint32_t lo = HEADERS_LO(HEADERS_DST), hi = HEADERS_HI(HEADERS_DST);

	pair.num_got = pkt->timestamp(pair.got, HEADERS_DST);
	headers_want(&pair, SDMA_PKT_TIMESTAMP_GET_GLOBAL_HEADER_OP(SDMA_OP_TIMESTAMP) |
				    SDMA_PKT_TIMESTAMP_GET_GLOBAL_HEADER_SUB_OP(
					    SDMA_SUBOP_TIMESTAMP_GET_GLOBAL) |
				    header);
	headers_want(&pair, SDMA_PKT_TIMESTAMP_GET_GLOBAL_WRITE_ADDR_LO_WRITE_ADDR_31_3(lo >> 3));
	headers_want(&pair, SDMA_PKT_TIMESTAMP_GET_GLOBAL_WRITE_ADDR_HI_WRITE_ADDR_63_32(hi));
	headers_compare("TIMESTAMP", &pair);
}

/* Expect the FENCE; @header are the bits about its store. */
static inline void headers_sdma_want_fence(struct headers_pair *pair, uint32_t header)
{
	headers_want(pair, SDMA_PKT_FENCE_HEADER_OP(SDMA_OP_FENCE) | header);
	headers_want(pair, SDMA_PKT_FENCE_ADDR_LO_ADDR_31_0(HEADERS_LO(HEADERS_DST)));
	headers_want(pair, SDMA_PKT_FENCE_ADDR_HI_ADDR_63_32(HEADERS_HI(HEADERS_DST)));
	headers_want(pair, SDMA_PKT_FENCE_DATA_DATA(HEADERS_VALUE));
}

#ifdef SDMA_OP_GCR_REQ
/*
 * The kernel has no name for this sub-operation of a process's queue; ROCr has SDMA_SUBOP_USER_GCR.
 */
#define HEADERS_USER_GCR 1

/* Expect a GCR_REQ of all addresses. */
static inline void headers_sdma_want_gcr(struct headers_pair *pair, uint32_t control)
{
	headers_want(pair, SDMA_PKT_GCR_REQ_HEADER_OP(SDMA_OP_GCR_REQ) |
				   SDMA_PKT_GCR_REQ_HEADER_SUB_OP(HEADERS_USER_GCR));
	headers_want(pair, SDMA_PKT_GCR_REQ_PAYLOAD1_BASE_VA_31_7(0));
#ifdef SDMA_PKT_GCR_REQ_PAYLOAD5_VMID
	headers_want(pair, SDMA_PKT_GCR_REQ_PAYLOAD2_BASE_VA_56_32(0));
	headers_want(pair, SDMA_PKT_GCR_REQ_PAYLOAD3_GCR_CONTROL_18_0(control) |
				   SDMA_PKT_GCR_REQ_PAYLOAD3_LIMIT_VA_15_7(0));
	headers_want(pair, SDMA_PKT_GCR_REQ_PAYLOAD4_LIMIT_VA_47_16(0));
	headers_want(pair, SDMA_PKT_GCR_REQ_PAYLOAD5_LIMIT_VA_56_48(0) |
				   SDMA_PKT_GCR_REQ_PAYLOAD5_VMID(0));
#else
	headers_want(pair, SDMA_PKT_GCR_REQ_PAYLOAD2_GCR_CONTROL_15_0(control) |
				   SDMA_PKT_GCR_REQ_PAYLOAD2_BASE_VA_47_32(0));
	headers_want(pair, SDMA_PKT_GCR_REQ_PAYLOAD3_LIMIT_VA_31_7(0) |
				   SDMA_PKT_GCR_REQ_PAYLOAD3_GCR_CONTROL_18_16(control >> 16));
	headers_want(pair, SDMA_PKT_GCR_REQ_PAYLOAD4_LIMIT_VA_47_32(0) |
				   SDMA_PKT_GCR_REQ_PAYLOAD4_VMID(0));
#endif
}

static inline void headers_sdma_acquire(const struct amd_pkt *pkt, uint32_t control)
{
	struct headers_pair pair = { 0 };

	pair.num_got = pkt->acquire(pair.got);
	headers_sdma_want_gcr(&pair, control);
	headers_compare("GCR_REQ", &pair);
}
#endif

/* @gcr is the control of the GCR_REQ before the FENCE, or NULL: SDMA 4 has no such packet. */
static inline void headers_sdma_fence(const struct amd_pkt *pkt, uint32_t header,
				      const uint32_t *gcr)
{
	struct headers_pair pair = { 0 };

	pair.num_got = pkt->fence(pair.got, HEADERS_DST, HEADERS_VALUE);
#ifdef SDMA_OP_GCR_REQ
	if (gcr)
		headers_sdma_want_gcr(&pair, *gcr);
#endif
	headers_sdma_want_fence(&pair, header);
	headers_compare("FENCE", &pair);
	t_assert(pair.num_got <= pkt->fence_dw);
	t_equal(pkt->nop, SDMA_OP_NOP);
}

#endif
