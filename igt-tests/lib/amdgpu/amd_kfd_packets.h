/* SPDX-License-Identifier: MIT */
/*
 * The few packets that test queues use, in the format of gfx9.  (Later generations flush caches in
 * another way, see RELEASE_MEM.)  The numbers are from drivers/gpu/drm/amd/amdgpu/soc15d.h (PM4)
 * and vega10_sdma_pkt_open.h (SDMA).
 */
#ifndef AMD_KFD_PACKETS_H
#define AMD_KFD_PACKETS_H

#include <stdint.h>

/* PM4 type 3 header; @body counts the dwords that follow it (soc15d.h:50). */
#define PM4_TYPE3(op, body) (3u << 30 | ((body) - 1u) << 16 | (op) << 8)
/* A NOP whose count field is all ones is a single dword. */
#define PM4_NOP_ONE	    (PM4_TYPE3(PM4_NOP, 0x4000u))

enum {
	PM4_NOP = 0x10,
	PM4_WRITE_DATA = 0x37,
	PM4_WAIT_REG_MEM = 0x3c,
	PM4_INDIRECT_BUFFER = 0x3f,
	PM4_RELEASE_MEM = 0x49,
	PM4_DMA_DATA = 0x50,
};

/* WRITE_DATA (soc15d.h:129): the destination is memory; wait until it is written. */
#define WRITE_DATA_MEMORY  (5u << 8)
#define WRITE_DATA_CONFIRM (1u << 20)

/*
 * WAIT_REG_MEM (soc15d.h:177): wait until memory equals the reference; the scheduler may preempt
 * the queue meanwhile.  The interval is in cycles.
 */
#define WAIT_REG_MEM_EQUAL	 3u
#define WAIT_REG_MEM_MEMORY	 (1u << 4)
#define WAIT_REG_MEM_PREEMPTABLE (3u << 6)
#define WAIT_REG_MEM_INTERVAL	 0x20u

/* INDIRECT_BUFFER (soc15d.h:226): bits 19:0 of the same dword are the size in dwords. */
#define INDIRECT_BUFFER_VALID (1u << 23)

/*
 * DMA_DATA (soc15d.h:346): source and destination are memory through L2; later packets wait.
 * BYTE_COUNT has 21 bits; use a power of two below that limit.
 */
#define DMA_DATA_DST_L2	   (3u << 20)
#define DMA_DATA_SRC_L2	   (3u << 29)
#define DMA_DATA_CP_SYNC   (1u << 31)
#define DMA_DATA_RAW_WAIT  (1u << 30)
#define DMA_DATA_MAX_BYTES (1u << 20)

/*
 * RELEASE_MEM as gfx_v9_4_3_ring_emit_fence() uses it: flush and invalidate
 * L1 and L2, then write 32 bits (vega10_enum.h:15466 for the event).
 */
#define RELEASE_MEM_TS_EVENT   (0x14u | 5u << 8)
#define RELEASE_MEM_TCL1       (1u << 16)
#define RELEASE_MEM_TC	       (1u << 17)
#define RELEASE_MEM_TC_WB      (1u << 15)
#define RELEASE_MEM_DATA_32    (1u << 29)
#define RELEASE_MEM_DATA_CLOCK (3u << 29) /* soc15d.h:324 */

enum {
	SDMA_NOP = 0,
	SDMA_COPY = 1,	/* sub-operation 0: linear */
	SDMA_WRITE = 2, /* sub-operation 0: linear */
	SDMA_FENCE = 5,
	SDMA_POLL_REGMEM = 8,
	SDMA_TIMESTAMP_GET_GLOBAL = 13 | 2 << 8,
};

/* POLL_REGMEM (vega10_sdma_pkt_open.h:2444), as sdma_v4_4_2_wait_reg_mem() uses it. */
#define SDMA_POLL_EQUAL	   (3u << 28)
#define SDMA_POLL_MEMORY   (1u << 31)
#define SDMA_POLL_FOREVER  (0xfffu << 16)
#define SDMA_POLL_INTERVAL 10u

/* A copy of this size fits COPY's count field, which has 22 bits up to SDMA 4.2, 30 from 4.4 on. */
#define SDMA_COPY_MAX_BYTES (1u << 20)

static inline uint32_t lo32(uint64_t value)
{
	return value;
}

static inline uint32_t hi32(uint64_t value)
{
	return value >> 32;
}

#endif
