/* SPDX-License-Identifier: MIT */
/*
 * The PM4 packets for which soc15d.h, nvd.h and gfx_v12_1_pkt.h have the same macros.  The kernel's
 * PACKET3() counts one dword less than the body has.
 */
#ifndef PKT_HEADERS_PM4_H
#define PKT_HEADERS_PM4_H

#include "pkt_headers.h"

static inline void headers_nop(const struct amd_pkt *pkt)
{
	t_equal(pkt->nop, (uint32_t)PACKET3(PACKET3_NOP, 0x3fff));
}

static inline void headers_write(const struct amd_pkt *pkt, uint32_t scope)
{
	struct headers_pair pair = { 0 };

	pair.num_got = pkt->write(pair.got, HEADERS_DST, HEADERS_COUNT);
	headers_want(&pair, PACKET3(PACKET3_WRITE_DATA, 2 + HEADERS_COUNT));
	headers_want(&pair,
		     PACKET3_WRITE_DATA__DST_SEL(PACKET3_WRITE_DATA__DST_SEL__MEMORY) |
			     PACKET3_WRITE_DATA__ADDR_INCR(
				     PACKET3_WRITE_DATA__ADDR_INCR__INCREMENT_ADDRESS) |
			     PACKET3_WRITE_DATA__WR_CONFIRM(
				     PACKET3_WRITE_DATA__WR_CONFIRM__WAIT_FOR_WRITE_CONFIRMATION) |
			     scope);
	headers_want(&pair, PACKET3_WRITE_DATA__DST_MEM_ADDR_LO(HEADERS_LO(HEADERS_DST) >> 2));
	headers_want(&pair, PACKET3_WRITE_DATA__DST_MEM_ADDR_HI(HEADERS_HI(HEADERS_DST)));
	headers_compare("WRITE_DATA", &pair);
}

static inline void headers_copy(const struct amd_pkt *pkt, uint32_t control, uint32_t command)
{
	struct headers_pair pair = { 0 };

	pair.num_got = pkt->copy(pair.got, HEADERS_DST, HEADERS_SRC, HEADERS_SIZE);
	headers_want(&pair, PACKET3(PACKET3_DMA_DATA, 5));
	headers_want(&pair, PACKET3_DMA_DATA_ENGINE(0u) | PACKET3_DMA_DATA_SRC_SEL(3u) |
				    PACKET3_DMA_DATA_DST_SEL(3u) | control);
	headers_want(&pair, HEADERS_LO(HEADERS_SRC));
	headers_want(&pair, HEADERS_HI(HEADERS_SRC));
	headers_want(&pair, HEADERS_LO(HEADERS_DST));
	headers_want(&pair, HEADERS_HI(HEADERS_DST));
	headers_want(&pair, command | HEADERS_SIZE);
	headers_compare("DMA_DATA", &pair);
}

static inline void headers_poll(const struct amd_pkt *pkt)
{
	struct headers_pair pair = { 0 };

	pair.num_got = pkt->poll(pair.got, HEADERS_SRC, HEADERS_VALUE);
	headers_want(&pair, PACKET3(PACKET3_WAIT_REG_MEM, 5));
	headers_want(&pair, PACKET3_WAIT_REG_MEM__FUNCTION(
				    PACKET3_WAIT_REG_MEM__FUNCTION__EQUAL_TO_THE_REFERENCE_VALUE) |
				    PACKET3_WAIT_REG_MEM__MEM_SPACE(
					    PACKET3_WAIT_REG_MEM__MEM_SPACE__MEMORY_SPACE) |
				    PACKET3_WAIT_REG_MEM__OPERATION(
					    PACKET3_WAIT_REG_MEM__OPERATION__WAIT_MEM_PREEMPTABLE));
	headers_want(&pair, PACKET3_WAIT_REG_MEM__MEM_POLL_ADDR_LO(HEADERS_LO(HEADERS_SRC) >> 2));
	headers_want(&pair, PACKET3_WAIT_REG_MEM__MEM_POLL_ADDR_HI(HEADERS_HI(HEADERS_SRC)));
	headers_want(&pair, PACKET3_WAIT_REG_MEM__REFERENCE(HEADERS_VALUE));
	headers_want(&pair, PACKET3_WAIT_REG_MEM__MASK(~0u));
	headers_want(&pair, PACKET3_WAIT_REG_MEM__POLL_INTERVAL(0x20));
	headers_compare("WAIT_REG_MEM", &pair);
}

/*
 * RELEASE_MEM has the same body for a fence and for the clock.  @caches is the first dword of both.
 * The second dword is @data for the fence and @clock for the clock.
 */
static inline void headers_release(const struct amd_pkt *pkt, uint32_t caches, uint32_t data,
				   uint32_t clock)
{
	for (int is_clock = 0; is_clock <= 1; is_clock++) {
		struct headers_pair pair = { 0 };

		pair.num_got = is_clock ? pkt->timestamp(pair.got, HEADERS_DST)
					: pkt->fence(pair.got, HEADERS_DST, HEADERS_VALUE);
		headers_want(&pair, PACKET3(PACKET3_RELEASE_MEM, 6));
		headers_want(&pair, caches);
		headers_want(&pair, is_clock ? clock : data);
		headers_want(&pair, HEADERS_LO(HEADERS_DST));
		headers_want(&pair, HEADERS_HI(HEADERS_DST));
		headers_want(&pair, is_clock ? 0 : HEADERS_VALUE);
		headers_want(&pair, 0);
		headers_want(&pair, 0);
		headers_compare(is_clock ? "RELEASE_MEM of the clock" : "RELEASE_MEM", &pair);
		t_assert(pair.num_got <= pkt->fence_dw);
	}
}

/* ACQUIRE_MEM of all memory.  @gcr is the last dword, which gfx9 does not have. */
static inline void headers_acquire(const struct amd_pkt *pkt, uint32_t caches, const uint32_t *gcr)
{
	struct headers_pair pair = { 0 };

	pair.num_got = pkt->acquire(pair.got);
	headers_want(&pair, PACKET3(PACKET3_ACQUIRE_MEM, gcr ? 6 : 5));
	headers_want(&pair, caches);
	headers_want(&pair, PACKET3_ACQUIRE_MEM__COHER_SIZE(0xffffffff));
	headers_want(&pair, 0xffffff); /* COHER_SIZE_HI, as the kernel has it */
	headers_want(&pair, PACKET3_ACQUIRE_MEM__COHER_BASE_LO(0));
	headers_want(&pair, PACKET3_ACQUIRE_MEM__COHER_BASE_HI(0));
	headers_want(&pair, PACKET3_ACQUIRE_MEM__POLL_INTERVAL(0xa));
	if (gcr)
		headers_want(&pair, *gcr);
	headers_compare("ACQUIRE_MEM", &pair);
}

/* @select is the field for the XCCs, whose name differs between the kernel's headers. */
static inline void headers_first_xcc(const struct amd_pkt *pkt, uint32_t select, uint32_t count)
{
	struct headers_pair pair = { 0 };

	pair.num_got = pkt->first_xcc(pair.got, HEADERS_COUNT);
	headers_want(&pair, PACKET3(PACKET3_PRED_EXEC, 0));
	headers_want(&pair, select | count);
	headers_compare("PRED_EXEC", &pair);
	t_equal(pair.num_got, AMD_PKT_FIRST_XCC_DW);
}

/* The IB of an AQL vendor packet, which is the same for all generations. */
static inline void headers_ib(void)
{
	struct amd_kfd_aql_packet aql = amd_kfd_aql_pm4(HEADERS_SRC, HEADERS_SIZE, HEADERS_DST);
	struct headers_pair pair = { .num_got = 4 };

	memcpy(pair.got, aql.pm4.ib, sizeof(aql.pm4.ib));
	headers_want(&pair, PACKET3(PACKET3_INDIRECT_BUFFER, 2));
	headers_want(&pair, PACKET3_INDIRECT_BUFFER__IB_BASE_LO(HEADERS_LO(HEADERS_SRC) >> 2));
	headers_want(&pair, PACKET3_INDIRECT_BUFFER__IB_BASE_HI(HEADERS_HI(HEADERS_SRC)));
	headers_want(&pair, PACKET3_INDIRECT_BUFFER__VALID(1) |
				    PACKET3_INDIRECT_BUFFER__IB_SIZE(HEADERS_SIZE));
	headers_compare("INDIRECT_BUFFER", &pair);
}

#endif
