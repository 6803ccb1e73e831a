/* SPDX-License-Identifier: MIT */
/*
 * PM4 packets whose format is the same for all generations since gfx9, for the builders in
 * amd_pkt_gfx*.c.  The generations differ in the bits for caches.
 *
 * References are to drivers/gpu/drm/amd/amdgpu of Linux 7.3: soc15d.h describes gfx9, nvd.h gfx10
 * to gfx12.0, gfx_v12_1_pkt.h gfx12.5.
 */
#ifndef AMD_PKT_PM4_H
#define AMD_PKT_PM4_H

#include <stdint.h>

/* PM4 type 3 header; @body counts the dwords that follow it (soc15d.h:50). */
#define PM4_TYPE3(op, body) (3u << 30 | ((body) - 1u) << 16 | (op) << 8)
/* A NOP whose count field is all ones is a single dword. */
#define PM4_NOP_ONE	    (PM4_TYPE3(PM4_NOP, 0x4000u))

enum {
	PM4_NOP = 0x10,
	PM4_PRED_EXEC = 0x23,
	PM4_WRITE_DATA = 0x37,
	PM4_WAIT_REG_MEM = 0x3c,
	PM4_INDIRECT_BUFFER = 0x3f,
	PM4_RELEASE_MEM = 0x49,
	PM4_DMA_DATA = 0x50,
	PM4_ACQUIRE_MEM = 0x58,
};

/* INDIRECT_BUFFER (soc15d.h:226): bits 19:0 of the same dword are the size in dwords. */
#define INDIRECT_BUFFER_VALID (1u << 23)

/*
 * The event of RELEASE_MEM, the same in vega10_enum.h:15466, navi10_enum.h, soc21_enum.h and
 * soc24_enum.h; index 5 is "end of pipe".
 */
#define RELEASE_MEM_TS_EVENT   (0x14u | 5u << 8)
/* RELEASE_MEM stores 32 bits, or the clock (soc15d.h:324). */
#define RELEASE_MEM_DATA_32    (1u << 29)
#define RELEASE_MEM_DATA_CLOCK (3u << 29)

/* DMA_DATA (soc15d.h:346): source and destination are memory through L2. */
#define DMA_DATA_DST_L2 (3u << 20)
#define DMA_DATA_SRC_L2 (3u << 29)

/* Functions for struct amd_pkt. */
unsigned int amd_pm4_write(uint32_t *dw, uint64_t dst, unsigned int count);
unsigned int amd_pm4_copy(uint32_t *dw, uint64_t dst, uint64_t src, uint32_t size);
unsigned int amd_pm4_poll(uint32_t *dw, uint64_t addr, uint32_t value);
unsigned int amd_pm4_first_xcc(uint32_t *dw, unsigned int count);

/*
 * @caches: bits for the work on the caches before the store; @data: RELEASE_MEM_DATA_32 to store
 * @value, or RELEASE_MEM_DATA_CLOCK.
 */
unsigned int amd_pm4_release(uint32_t *dw, uint32_t caches, uint32_t data, uint64_t addr,
			     uint32_t value);
/* ACQUIRE_MEM of gfx9, and ACQUIRE_MEM of later generations, which has one dword more. */
unsigned int amd_pm4_acquire_gfx9(uint32_t *dw, uint32_t caches);
unsigned int amd_pm4_acquire(uint32_t *dw, uint32_t caches);

#endif
