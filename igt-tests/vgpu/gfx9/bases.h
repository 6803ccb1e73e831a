/* SPDX-License-Identifier: MIT */
/*
 * The addresses (in dwords) at which the registers of each IP block begin.  The block's register
 * headers name a base by its number, reg<NAME>_BASE_IDX.  The driver gets the
 * bases from the IP discovery binary, so gfx9/discovery.c lists these.
 *
 * The bases are constants and no array, because the register tables need the
 * addresses in static initialisers.  A register whose base is missing here does not
 * compile.
 */
#ifndef VG_BASES_H
#define VG_BASES_H

#include <stdint.h>

enum {
	VG_GC_BASE_0 = 0x2000,
	VG_GC_BASE_1 = 0xA000,
	/*
	 * The distance from the registers of an XCC to those of the next XCC.  The lower 16 bits of
	 * an address are the same on all XCCs, because packets have only these bits
	 * (gfx_v9_4_3.c:58-64, 360-372).
	 */
	VG_XCC_DISTANCE = 0x20000,

	VG_MMHUB_BASE_0 = 0x1A000,
	VG_ATHUB_BASE_0 = 0xC20,
	VG_OSS_BASE_0 = 0x10A0,
	VG_HDP_BASE_0 = 0xF20,

	VG_SDMA_BASE_0 = 0x1260,
	VG_SDMA_BASE_1 = 0x12540,

	VG_MP_BASE_0 = 0x16000,

	/*
	 * The first six bases are those of Aldebaran's NBIF
	 * (aldebaran_ip_offset.h:147).  The driver also uses base 8.  No public
	 * header has bases 6 to 8, so the model puts them into a free range.
	 */
	VG_NBIO_BASE_0 = 0x0,
	VG_NBIO_BASE_1 = 0x14,
	VG_NBIO_BASE_2 = 0xD20,
	VG_NBIO_BASE_3 = 0x10400,
	VG_NBIO_BASE_4 = 0x0241B000,
	VG_NBIO_BASE_5 = 0x04040000,
	VG_NBIO_BASE_6 = 0x05000000,
	VG_NBIO_BASE_7 = 0x05100000,
	VG_NBIO_BASE_8 = 0x05200000,

	VG_SMUIO_BASE_0 = 0x16800,
	VG_SMUIO_BASE_1 = 0x16A00,
};

/*
 * The byte offset in the register BAR of the page where a write flushes HDP.  The driver puts
 * the page there (nbio_v7_9.c:469).
 */
#define VG_REMAPPED_HDP_FLUSH 0x1A000

/* For example VG_BASE(GC, regGRBM_STATUS_BASE_IDX).  The second macro is needed to expand @idx. */
#define VG_BASE(ip, idx)	VG_BASE_NUMBER(ip, idx)
#define VG_BASE_NUMBER(ip, idx) ((uint32_t)VG_##ip##_BASE_##idx)

#endif
