/* SPDX-License-Identifier: MIT */
/*
 * Where each IP block's registers begin, in dwords, by the *_BASE_IDX of its
 * register headers.  The driver learns them from the IP discovery binary, so
 * the two must agree; gfx9/discovery.c uses these.
 *
 * A BASE_IDX beyond a block's list gives an address outside the register BAR,
 * which the register tables refuse.
 */
#ifndef VG_BASES_H
#define VG_BASES_H

#define VG_BASE_NONE 0xffff0000u

#define VG_GC_BASES	0x2000, 0xA000
#define VG_MMHUB_BASES	0x1A000
#define VG_ATHUB_BASES	0xC20
#define VG_OSS_BASES	0x10A0
#define VG_HDP_BASES	0xF20
#define VG_SDMA_BASES	0x1260, 0x12540
#define VG_MP_BASES	0x16000
/*
 * The first six as for Aldebaran's NBIF (aldebaran_ip_offset.h:147).  The driver
 * also uses BASE_IDX 8, whose base no public header has: any free range will do.
 */
#define VG_NBIO_BASES	0x0, 0x14, 0xD20, 0x10400, 0x0241B000, 0x04040000, \
			0x05000000, 0x05100000, 0x05200000
#define VG_SMUIO_BASES	0x16800, 0x16A00

/* Byte offset where nbio_v7_9.c:469 puts the page whose writes flush HDP. */
#define VG_REMAPPED_HDP_FLUSH 0x1A000

enum { VG_MAX_BASES = 9 };

/* Pick from a list above; usable in a static initialiser. */
#define VG_BASE_PICK(i, a, b, c, d, e, f, g, h, j, ...) \
	((i) == 0 ? (a) : (i) == 1 ? (b) : (i) == 2 ? (c) : (i) == 3 ? (d) : \
	 (i) == 4 ? (e) : (i) == 5 ? (f) : (i) == 6 ? (g) : (i) == 7 ? (h) : \
	 (i) == 8 ? (j) : VG_BASE_NONE)
#define VG_BASE(i, ...) \
	VG_BASE_PICK(i, __VA_ARGS__, VG_BASE_NONE, VG_BASE_NONE, VG_BASE_NONE, \
		     VG_BASE_NONE, VG_BASE_NONE, VG_BASE_NONE, VG_BASE_NONE, \
		     VG_BASE_NONE, VG_BASE_NONE)

#define VG_BASE_GC(i)		VG_BASE(i, VG_GC_BASES)
#define VG_BASE_MMHUB(i)	VG_BASE(i, VG_MMHUB_BASES)
#define VG_BASE_ATHUB(i)	VG_BASE(i, VG_ATHUB_BASES)
#define VG_BASE_OSS(i)		VG_BASE(i, VG_OSS_BASES)
#define VG_BASE_HDP(i)		VG_BASE(i, VG_HDP_BASES)
#define VG_BASE_SDMA(i)		VG_BASE(i, VG_SDMA_BASES)
#define VG_BASE_MP(i)		VG_BASE(i, VG_MP_BASES)
#define VG_BASE_NBIO(i)		VG_BASE(i, VG_NBIO_BASES)
#define VG_BASE_SMUIO(i)	VG_BASE(i, VG_SMUIO_BASES)

#endif
