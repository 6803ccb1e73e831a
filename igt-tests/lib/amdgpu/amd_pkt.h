/* SPDX-License-Identifier: MIT */
/*
 * The few packets that test queues need, for each generation of compute queues (PM4) and of SDMA.
 * The IP version of the engine, which the driver reports, chooses the generation.  Only the packets
 * of gfx942 have ever run, on the simulated GPU.  The packets of all other generations follow
 * public headers and have never run (docs/hardware-notes.md).
 *
 * A generation whose packets nobody has written is missing in the tables of amd_pkt.c.
 */
#ifndef AMD_PKT_H
#define AMD_PKT_H

#include <stdbool.h>
#include <stdint.h>

/* An IP version as the driver reports it (ip_discovery_version of AMDGPU_INFO_HW_IP_INFO). */
#define AMD_PKT_IP(major, minor, revision) ((major) << 16 | (minor) << 8 | (revision))

enum {
	/* Room for the dwords of any function of struct amd_pkt. */
	AMD_PKT_MAX_DW = 16,
	/* The dwords of first_xcc(). */
	AMD_PKT_FIRST_XCC_DW = 2,
	/*
	 * The most bytes of a copy.  The count has 21 bits in DMA_DATA of gfx9 (soc15d.h:346), and
	 * in SDMA 22 bits up to version 4.2, 30 bits since 4.4 (sdma_v4_0.c:2612, 2622).
	 */
	AMD_PKT_COPY_MAX = 1 << 20,
};

static inline uint32_t amd_pkt_lo(uint64_t value)
{
	return value;
}

static inline uint32_t amd_pkt_hi(uint64_t value)
{
	return value >> 32;
}

/*
 * The packets of one generation of an engine.  Each function stores packets at @dw and returns the
 * number of their dwords.
 */
struct amd_pkt {
	uint32_t nop;	       /* one dword that does nothing */
	unsigned int fence_dw; /* fence() writes at most this many dwords */
	/*
	 * Store @count dwords at @dst.  The function makes only the head of the packet, and returns
	 * its size; the caller puts the @count dwords behind it.
	 */
	unsigned int (*write)(uint32_t *dw, uint64_t dst, unsigned int count);
	unsigned int (*copy)(uint32_t *dw, uint64_t dst, uint64_t src, uint32_t size);
	/* Let other observers see the stores of earlier packets, then store @value at @addr. */
	unsigned int (*fence)(uint32_t *dw, uint64_t addr, uint32_t value);
	/* Store the 64 bits of the GPU's clock at @addr; other observers see them after a fence. */
	unsigned int (*timestamp)(uint32_t *dw, uint64_t addr);
	/* Wait until the dword at @addr is @value. */
	unsigned int (*poll)(uint32_t *dw, uint64_t addr, uint32_t value);
	/*
	 * Let later packets see the stores of other observers: write the caches back and invalidate
	 * them.  NULL if the queue needs no such packet.
	 */
	unsigned int (*acquire)(uint32_t *dw);
	/*
	 * In a queue that runs on several XCCs, let only the first one execute the next @count
	 * dwords.  NULL in SDMA, and where no GPU of the generation has several XCCs.
	 */
	unsigned int (*first_xcc)(uint32_t *dw, unsigned int count);
};

/*
 * Return the packets for the version of the graphics core (compute queues) or of SDMA; NULL if
 * nobody has written them.
 */
const struct amd_pkt *amd_pkt_compute(uint32_t version);
const struct amd_pkt *amd_pkt_sdma(uint32_t version);

/*
 * Ask the driver of the render node @drm_fd for the version of the graphics core, or with @sdma of
 * SDMA.
 */
int __amd_pkt_ip_version(int drm_fd, bool sdma, uint32_t *version);

/* The generations, each in the file of its name; amd_pkt.c has the versions of each. */
extern const struct amd_pkt amd_pkt_gfx9, amd_pkt_gfx10, amd_pkt_gfx12, amd_pkt_gfx12_5;
extern const struct amd_pkt amd_pkt_sdma4, amd_pkt_sdma5, amd_pkt_sdma7, amd_pkt_sdma7_1;

#endif
