// SPDX-License-Identifier: MIT
/*
 * The parts of PM4 that all generations share.  Names such as soc15d.h:129 are files and lines of
 * the driver, see amd_pkt_pm4.h.
 */
#include "lib/amdgpu/amd_pkt.h"
#include "lib/amdgpu/amd_pkt_pm4.h"

/*
 * WRITE_DATA (soc15d.h:129): the destination is memory; the packet ends when memory has the data.
 */
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

/*
 * DMA_DATA (soc15d.h:346).  CP_SYNC: later packets wait for the copy.  RAW_WAIT: the copy waits for
 * the stores of an earlier copy.
 */
#define DMA_DATA_CP_SYNC  (1u << 31)
#define DMA_DATA_RAW_WAIT (1u << 30)

/* ACQUIRE_MEM for all memory, with the values of gfx_v9_4_3.c:3506 and gfx_v10_0.c:9492. */
#define ACQUIRE_MEM_SIZE     0xffffffffu
#define ACQUIRE_MEM_SIZE_HI  0xffffffu
#define ACQUIRE_MEM_INTERVAL 0xau

/* PRED_EXEC (soc15d.h:112, gfx_v12_1_pkt.h:88): a bit for each XCC of the partition. */
#define PRED_EXEC_FIRST_XCC (1u << 24)

unsigned int amd_pm4_write(uint32_t *dw, uint64_t dst, unsigned int count)
{
	unsigned int n = 0;

	dw[n++] = PM4_TYPE3(PM4_WRITE_DATA, 3 + count);
	dw[n++] = WRITE_DATA_MEMORY | WRITE_DATA_CONFIRM;
	dw[n++] = amd_pkt_lo(dst);
	dw[n++] = amd_pkt_hi(dst);
	return n;
}

unsigned int amd_pm4_copy(uint32_t *dw, uint64_t dst, uint64_t src, uint32_t size)
{
	unsigned int n = 0;

	dw[n++] = PM4_TYPE3(PM4_DMA_DATA, 6);
	dw[n++] = DMA_DATA_CP_SYNC | DMA_DATA_SRC_L2 | DMA_DATA_DST_L2;
	dw[n++] = amd_pkt_lo(src);
	dw[n++] = amd_pkt_hi(src);
	dw[n++] = amd_pkt_lo(dst);
	dw[n++] = amd_pkt_hi(dst);
	dw[n++] = DMA_DATA_RAW_WAIT | size;
	return n;
}

unsigned int amd_pm4_poll(uint32_t *dw, uint64_t addr, uint32_t value)
{
	unsigned int n = 0;

	dw[n++] = PM4_TYPE3(PM4_WAIT_REG_MEM, 6);
	dw[n++] = WAIT_REG_MEM_EQUAL | WAIT_REG_MEM_MEMORY | WAIT_REG_MEM_PREEMPTABLE;
	dw[n++] = amd_pkt_lo(addr);
	dw[n++] = amd_pkt_hi(addr);
	dw[n++] = value;
	dw[n++] = ~0u; /* mask */
	dw[n++] = WAIT_REG_MEM_INTERVAL;
	return n;
}

unsigned int amd_pm4_release(uint32_t *dw, uint32_t caches, uint32_t data, uint64_t addr,
			     uint32_t value)
{
	unsigned int n = 0;

	dw[n++] = PM4_TYPE3(PM4_RELEASE_MEM, 7);
	dw[n++] = RELEASE_MEM_TS_EVENT | caches;
	dw[n++] = data;
	dw[n++] = amd_pkt_lo(addr);
	dw[n++] = amd_pkt_hi(addr);
	dw[n++] = value;
	dw[n++] = 0;
	dw[n++] = 0;
	return n;
}

static unsigned int acquire_all(uint32_t *dw, unsigned int body, uint32_t caches)
{
	unsigned int n = 0;

	dw[n++] = PM4_TYPE3(PM4_ACQUIRE_MEM, body);
	dw[n++] = caches;
	dw[n++] = ACQUIRE_MEM_SIZE;
	dw[n++] = ACQUIRE_MEM_SIZE_HI;
	dw[n++] = 0;
	dw[n++] = 0;
	dw[n++] = ACQUIRE_MEM_INTERVAL;
	return n;
}

unsigned int amd_pm4_acquire_gfx9(uint32_t *dw, uint32_t caches)
{
	return acquire_all(dw, 6, caches);
}

unsigned int amd_pm4_acquire(uint32_t *dw, uint32_t caches)
{
	unsigned int n = acquire_all(dw, 7, 0);

	dw[n++] = caches;
	return n;
}

unsigned int amd_pm4_first_xcc(uint32_t *dw, unsigned int count)
{
	unsigned int n = 0;

	dw[n++] = PM4_TYPE3(PM4_PRED_EXEC, 1);
	dw[n++] = PRED_EXEC_FIRST_XCC | count;
	return n;
}
