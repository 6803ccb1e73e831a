// SPDX-License-Identifier: MIT
/*
 * The packets of SDMA.  Up to version 4 SDMA accesses memory directly; later versions access it
 * through GL2, the GPU's last cache, so their packets have to write GL2 back and invalidate it.
 *
 * References are to drivers/gpu/drm/amd/amdgpu of Linux 7.3: vega10_sdma_pkt_open.h describes SDMA
 * 4, navi10_sdma_pkt_open.h SDMA 5, sdma_v6_0_0_pkt_open.h SDMA 6 and 7.0, sdma_v7_1_0_pkt_open.h
 * SDMA 7.1.
 */
#include <stddef.h>

#include "lib/amdgpu/amd_pkt.h"

enum {
	SDMA_NOP = 0,
	SDMA_COPY = 1,	/* sub-operation 0: linear */
	SDMA_WRITE = 2, /* sub-operation 0: linear */
	SDMA_FENCE = 5,
	SDMA_POLL_REGMEM = 8,
	SDMA_TIMESTAMP_GET_GLOBAL = 13 | 2 << 8,
	/*
	 * GCR (graphics cache rinse): sub-operation 0 is for queues of the kernel
	 * (sdma_v5_2.c:320), and 1 is for queues of processes (SDMA_SUBOP_USER_GCR of ROCr).
	 */
	SDMA_USER_GCR = 17 | 1 << 8,
};

/* POLL_REGMEM (vega10_sdma_pkt_open.h:2444), as sdma_v4_4_2_wait_reg_mem() uses it. */
#define POLL_EQUAL    (3u << 28)
#define POLL_MEMORY   (1u << 31)
#define POLL_FOREVER  (0xfffu << 16)
#define POLL_INTERVAL 10u

/* Bits of FENCE: its store goes past the caches (sdma_v5_2.c:378), and to system memory (ROCr). */
#define FENCE_UNCACHED (3u << 16)
#define FENCE_SYSTEM   (1u << 20)

/*
 * The bits of GCR (navi10_sdma_pkt_open.h:77).  Release and acquire set the bits that ROCr's
 * BlitSdma::BuildGCRCommand() sets, because ROCr runs on real GPUs, so these bits are known to be
 * enough.  Acquire lacks the bits for metadata and for instructions that
 * sdma_v5_2_ring_emit_mem_sync() sets.
 */
#define GCR_GLK_WB  (1u << 6)
#define GCR_GLK_INV (1u << 7)
#define GCR_GLV_INV (1u << 8)
#define GCR_GL1_INV (1u << 9)
#define GCR_GL2_INV (1u << 14)
#define GCR_GL2_WB  (1u << 15)
#define GCR_RELEASE (GCR_GL2_WB | GCR_GLK_WB)
#define GCR_ACQUIRE (GCR_RELEASE | GCR_GL2_INV | GCR_GL1_INV | GCR_GLV_INV | GCR_GLK_INV)

/*
 * SDMA 7.1 has the two kinds of scope that amd_pkt_gfx12.c explains.  In the scope of each access
 * the value 3 is "system", and in the scope of the work on GL2 the value 2 is "all".  The names of
 * the fields of copy, fence and timestamp come from ROCr's sdma_registers.h; the kernel's header
 * has older names for the same bits.
 */
#define COPY_HAS_SCOPE	       (1u << 28)
#define COPY_SCOPE_SYSTEM      (3u << 18 | 3u << 26) /* destination, source */
#define FENCE_SCOPE_SYSTEM     (3u << 24)
#define TIMESTAMP_SCOPE_SYSTEM (3u << 24)
#define GCR_7_1_SCOPE_ALL      (2u << 4)
#define GCR_7_1_RELEASE	       (GCR_7_1_SCOPE_ALL | GCR_GL2_WB)
#define GCR_7_1_ACQUIRE	       (GCR_7_1_RELEASE | GCR_GL2_INV | GCR_GLV_INV | GCR_GLK_INV)

static unsigned int put_copy(uint32_t *dw, uint32_t header, uint32_t scope, uint64_t dst,
			     uint64_t src, uint32_t size)
{
	unsigned int n = 0;

	dw[n++] = SDMA_COPY | header;
	dw[n++] = size - 1;
	dw[n++] = scope;
	dw[n++] = amd_pkt_lo(src);
	dw[n++] = amd_pkt_hi(src);
	dw[n++] = amd_pkt_lo(dst);
	dw[n++] = amd_pkt_hi(dst);
	return n;
}

static unsigned int put_fence(uint32_t *dw, uint32_t header, uint64_t addr, uint32_t value)
{
	unsigned int n = 0;

	dw[n++] = SDMA_FENCE | header;
	dw[n++] = amd_pkt_lo(addr);
	dw[n++] = amd_pkt_hi(addr);
	dw[n++] = value;
	return n;
}

static unsigned int put_timestamp(uint32_t *dw, uint32_t header, uint64_t addr)
{
	unsigned int n = 0;

	dw[n++] = SDMA_TIMESTAMP_GET_GLOBAL | header;
	dw[n++] = amd_pkt_lo(addr);
	dw[n++] = amd_pkt_hi(addr);
	return n;
}

/*
 * GCR of all addresses (sdma_v5_2.c:312).  Dword 2 has 16 bits of an address, which are 0 here, and
 * the low half of @control above them.
 */
static unsigned int put_gcr(uint32_t *dw, uint32_t control)
{
	unsigned int n = 0;

	dw[n++] = SDMA_USER_GCR;
	dw[n++] = 0;
	dw[n++] = control << 16;
	dw[n++] = control >> 16;
	dw[n++] = 0;
	return n;
}

/* GCR of SDMA 7.1, which has longer addresses (sdma_v7_1.c:296). */
static unsigned int put_gcr_7_1(uint32_t *dw, uint32_t control)
{
	unsigned int n = 0;

	dw[n++] = SDMA_USER_GCR;
	dw[n++] = 0;
	dw[n++] = 0;
	dw[n++] = control;
	dw[n++] = 0;
	dw[n++] = 0;
	return n;
}

/* ---- packets that all versions have ---- */

static unsigned int write(uint32_t *dw, uint64_t dst, unsigned int count)
{
	unsigned int n = 0;

	dw[n++] = SDMA_WRITE;
	dw[n++] = amd_pkt_lo(dst);
	dw[n++] = amd_pkt_hi(dst);
	dw[n++] = count - 1;
	return n;
}

static unsigned int copy(uint32_t *dw, uint64_t dst, uint64_t src, uint32_t size)
{
	return put_copy(dw, 0, 0, dst, src, size);
}

static unsigned int timestamp(uint32_t *dw, uint64_t addr)
{
	return put_timestamp(dw, 0, addr);
}

static unsigned int poll(uint32_t *dw, uint64_t addr, uint32_t value)
{
	unsigned int n = 0;

	dw[n++] = SDMA_POLL_REGMEM | POLL_EQUAL | POLL_MEMORY;
	dw[n++] = amd_pkt_lo(addr);
	dw[n++] = amd_pkt_hi(addr);
	dw[n++] = value;
	dw[n++] = ~0u; /* mask */
	dw[n++] = POLL_FOREVER | POLL_INTERVAL;
	return n;
}

/* ---- version 4 ---- */

static unsigned int fence_4(uint32_t *dw, uint64_t addr, uint32_t value)
{
	return put_fence(dw, 0, addr, value);
}

const struct amd_pkt amd_pkt_sdma4 = {
	.nop = SDMA_NOP,
	.fence_dw = 8,
	.write = write,
	.copy = copy,
	.fence = fence_4,
	.timestamp = timestamp,
	.poll = poll,
	.acquire = NULL,
	.first_xcc = NULL,
};

/* ---- versions 5.2 and 6 ---- */

static unsigned int acquire_5(uint32_t *dw)
{
	return put_gcr(dw, GCR_ACQUIRE);
}

static unsigned int fence_5(uint32_t *dw, uint64_t addr, uint32_t value)
{
	unsigned int n = put_gcr(dw, GCR_RELEASE);

	return n + put_fence(dw + n, FENCE_UNCACHED, addr, value);
}

const struct amd_pkt amd_pkt_sdma5 = {
	.nop = SDMA_NOP,
	.fence_dw = 9,
	.write = write,
	.copy = copy,
	.fence = fence_5,
	.timestamp = timestamp,
	.poll = poll,
	.acquire = acquire_5,
	.first_xcc = NULL,
};

/* ---- version 7.0 ---- */

/*
 * ROCr sets FENCE_SYSTEM since gfx12 (BlitSdma::BuildFenceCommand()), so set it here, too.  Like
 * ROCr, copy() leaves the bit CPV zero.  The kernel sets this bit in its own copies, and adds a
 * dword for compressed memory (sdma_v7_0.c:1769).
 */
static unsigned int fence_7(uint32_t *dw, uint64_t addr, uint32_t value)
{
	unsigned int n = put_gcr(dw, GCR_RELEASE);

	return n + put_fence(dw + n, FENCE_UNCACHED | FENCE_SYSTEM, addr, value);
}

const struct amd_pkt amd_pkt_sdma7 = {
	.nop = SDMA_NOP,
	.fence_dw = 9,
	.write = write,
	.copy = copy,
	.fence = fence_7,
	.timestamp = timestamp,
	.poll = poll,
	.acquire = acquire_5,
	.first_xcc = NULL,
};

/* ---- version 7.1 ---- */

static unsigned int acquire_7_1(uint32_t *dw)
{
	return put_gcr_7_1(dw, GCR_7_1_ACQUIRE);
}

static unsigned int copy_7_1(uint32_t *dw, uint64_t dst, uint64_t src, uint32_t size)
{
	return put_copy(dw, COPY_HAS_SCOPE, COPY_SCOPE_SYSTEM, dst, src, size);
}

static unsigned int fence_7_1(uint32_t *dw, uint64_t addr, uint32_t value)
{
	unsigned int n = put_gcr_7_1(dw, GCR_7_1_RELEASE);

	return n +
	       put_fence(dw + n, FENCE_UNCACHED | FENCE_SYSTEM | FENCE_SCOPE_SYSTEM, addr, value);
}

static unsigned int timestamp_7_1(uint32_t *dw, uint64_t addr)
{
	return put_timestamp(dw, TIMESTAMP_SCOPE_SYSTEM, addr);
}

const struct amd_pkt amd_pkt_sdma7_1 = {
	.nop = SDMA_NOP,
	.fence_dw = 10,
	.write = write,
	.copy = copy_7_1,
	.fence = fence_7_1,
	.timestamp = timestamp_7_1,
	.poll = poll,
	.acquire = acquire_7_1,
	.first_xcc = NULL,
};
