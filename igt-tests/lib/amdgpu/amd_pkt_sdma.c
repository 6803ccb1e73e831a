// SPDX-License-Identifier: MIT
/* The packets of SDMA 4.  References are to drivers/gpu/drm/amd/amdgpu of Linux 7.3. */
#include "lib/amdgpu/amd_pkt.h"

enum {
	SDMA_NOP = 0,
	SDMA_COPY = 1,	/* sub-operation 0: linear */
	SDMA_WRITE = 2, /* sub-operation 0: linear */
	SDMA_FENCE = 5,
	SDMA_POLL_REGMEM = 8,
	SDMA_TIMESTAMP_GET_GLOBAL = 13 | 2 << 8,
};

/* POLL_REGMEM (vega10_sdma_pkt_open.h:2444), as sdma_v4_4_2_wait_reg_mem() uses it. */
#define POLL_EQUAL    (3u << 28)
#define POLL_MEMORY   (1u << 31)
#define POLL_FOREVER  (0xfffu << 16)
#define POLL_INTERVAL 10u

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
	unsigned int n = 0;

	dw[n++] = SDMA_COPY;
	dw[n++] = size - 1;
	dw[n++] = 0;
	dw[n++] = amd_pkt_lo(src);
	dw[n++] = amd_pkt_hi(src);
	dw[n++] = amd_pkt_lo(dst);
	dw[n++] = amd_pkt_hi(dst);
	return n;
}

static unsigned int timestamp(uint32_t *dw, uint64_t addr)
{
	unsigned int n = 0;

	dw[n++] = SDMA_TIMESTAMP_GET_GLOBAL;
	dw[n++] = amd_pkt_lo(addr);
	dw[n++] = amd_pkt_hi(addr);
	return n;
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

static unsigned int fence(uint32_t *dw, uint64_t addr, uint32_t value)
{
	unsigned int n = 0;

	dw[n++] = SDMA_FENCE;
	dw[n++] = amd_pkt_lo(addr);
	dw[n++] = amd_pkt_hi(addr);
	dw[n++] = value;
	return n;
}

const struct amd_pkt amd_pkt_sdma4 = {
	.nop = SDMA_NOP,
	.fence_dw = 8,
	.write = write,
	.copy = copy,
	.fence = fence,
	.timestamp = timestamp,
	.poll = poll,
};
