// SPDX-License-Identifier: MIT
/*
 * The tables of this file do not come from amd_pkt, because otherwise both would have the same
 * mistakes.  Their sources are the kernel's comments and headers, ROCr's sdma_registers.h and PAL's
 * descriptions of PM4.  A bit that no row names has to be zero.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "pkt_decode.h"

enum meaning {
	END,
	IS,  /* the field has to be @number */
	ANY, /* any value, because the field does not change the result in memory */
	DST_LO,
	DST_HI,
	SRC_LO,
	SRC_HI,
	COUNT,
	COUNT_1, /* the count minus one */
	VALUE,
	WB,   /* write the cache back */
	INV,  /* invalidate the cache */
	PAST, /* @number: the access goes past the cache; 0: the access uses the cache */
};

struct field {
	uint8_t dword, high, low, meaning;
	uint32_t number;
};

struct packet {
	const char *name;
	unsigned int formats, kind;
	uint32_t code;	     /* PM4: the opcode; SDMA: operation and sub-operation */
	unsigned int dwords; /* without the data of a store */
	const struct field *fields;
};

#define ADDRESS(dword, name) { dword, 31, 0, name##_LO, 0 }, { (dword) + 1, 31, 0, name##_HI, 0 }
#define ALL_ONES	     0xffffffff

/* ---- PM4: dword 0 is the header, which pkt_decode() checks ---- */

static const struct field write_data[] = {
	{ 1, 11, 8, IS, 5 },
	{ 1, 20, 20, IS, 1 },
	ADDRESS(2, DST),
	{ END },
};
static const struct field write_data_12_5[] = {
	{ 1, 11, 8, IS, 5 }, { 1, 13, 12, PAST, 3 }, { 1, 20, 20, IS, 1 }, ADDRESS(2, DST), { END },
};

/* gfx9 has 21 bits for the count, later generations 26. */
static const struct field dma_data_9[] = {
	{ 1, 21, 20, IS, 3 }, { 1, 30, 29, IS, 3 },   { 1, 31, 31, IS, 1 }, ADDRESS(2, SRC),
	ADDRESS(4, DST),      { 6, 20, 0, COUNT, 0 }, { 6, 30, 30, IS, 1 }, { END },
};
static const struct field dma_data_10[] = {
	{ 1, 21, 20, IS, 3 }, { 1, 30, 29, IS, 3 },   { 1, 31, 31, IS, 1 }, ADDRESS(2, SRC),
	ADDRESS(4, DST),      { 6, 25, 0, COUNT, 0 }, { 6, 30, 30, IS, 1 }, { END },
};
static const struct field dma_data_12_5[] = {
	{ 1, 16, 15, IS, 3 }, { 1, 21, 20, IS, 3 }, { 1, 28, 27, PAST, 3 }, { 1, 30, 29, IS, 3 },
	ADDRESS(2, SRC),      ADDRESS(4, DST),	    { 6, 25, 0, COUNT, 0 }, { END },
};

static const struct field wait_reg_mem[] = {
	{ 1, 2, 0, IS, 3 },	{ 1, 5, 4, IS, 1 },	    { 1, 7, 6, IS, 3 },	  ADDRESS(2, SRC),
	{ 4, 31, 0, VALUE, 0 }, { 5, 31, 0, IS, ALL_ONES }, { 6, 15, 0, ANY, 0 }, { END },
};

/*
 * RELEASE_MEM: event 20 at the end of the pipe, then the caches.  Dword 2 chooses the data: 1 is a
 * dword, 3 is the clock.
 */
#define RELEASE_EVENT	   { 1, 5, 0, IS, 0x14 }, { 1, 11, 8, IS, 5 }
#define RELEASE_BODY(data) { 2, 31, 29, IS, data }, ADDRESS(3, DST), { 5, 31, 0, VALUE, 0 }

#define RELEASE_9(data) \
	RELEASE_EVENT, { 1, 15, 15, WB, 0 }, { 1, 16, 16, IS, 1 }, { 1, 17, 17, INV, 0 }, \
		RELEASE_BODY(data)
#define RELEASE_10(data) \
	RELEASE_EVENT, { 1, 12, 12, IS, 1 }, { 1, 13, 13, IS, 1 }, { 1, 20, 20, INV, 0 }, \
		{ 1, 21, 21, WB, 0 }, { 1, 22, 22, IS, 1 }, { 1, 26, 25, PAST, 3 }, \
		RELEASE_BODY(data)
#define RELEASE_12_0(data) \
	RELEASE_EVENT, { 1, 20, 20, INV, 0 }, { 1, 21, 21, WB, 0 }, { 1, 22, 22, IS, 1 }, \
		{ 1, 26, 25, PAST, 3 }, RELEASE_BODY(data)
#define RELEASE_12_5(data) \
	RELEASE_EVENT, { 1, 13, 12, IS, 2 }, { 1, 20, 20, INV, 0 }, { 1, 21, 21, WB, 0 }, \
		{ 1, 23, 22, IS, 1 }, { 1, 24, 24, IS, 1 }, { 1, 26, 25, PAST, 3 }, \
		RELEASE_BODY(data)

static const struct field fence_9[] = { RELEASE_9(1), { END } };
static const struct field clock_9[] = { RELEASE_9(3), { END } };
static const struct field fence_10[] = { RELEASE_10(1), { END } };
static const struct field clock_10[] = { RELEASE_10(3), { END } };
static const struct field fence_12_0[] = { RELEASE_12_0(1), { END } };
static const struct field clock_12_0[] = { RELEASE_12_0(3), { END } };
static const struct field fence_12_5[] = { RELEASE_12_5(1), { END } };
static const struct field clock_12_5[] = { RELEASE_12_5(3), { END } };

/* ACQUIRE_MEM: from address 0 on, all memory. */
#define ACQUIRE_ALL { 2, 31, 0, IS, ALL_ONES }, { 3, 23, 0, IS, 0xffffff }, { 6, 15, 0, ANY, 0 }

static const struct field acquire_9[] = {
	{ 1, 18, 18, WB, 0 },
	{ 1, 22, 22, IS, 1 },
	{ 1, 23, 23, INV, 0 },
	{ 1, 27, 27, IS, 1 },
	{ 1, 29, 29, IS, 1 },
	ACQUIRE_ALL,
	{ END },
};
static const struct field acquire_10[] = {
	ACQUIRE_ALL,	       { 7, 1, 0, IS, 1 },   { 7, 5, 4, IS, 3 },
	{ 7, 7, 7, IS, 1 },    { 7, 8, 8, IS, 1 },   { 7, 9, 9, IS, 1 },
	{ 7, 14, 14, INV, 0 }, { 7, 15, 15, WB, 0 }, { END },
};
static const struct field acquire_12_5[] = {
	ACQUIRE_ALL,	    { 7, 1, 0, IS, 1 },	   { 7, 5, 4, IS, 2 },	 { 7, 7, 7, IS, 1 },
	{ 7, 8, 8, IS, 1 }, { 7, 14, 14, INV, 0 }, { 7, 15, 15, WB, 0 }, { END },
};

static const struct field pred_exec[] = {
	{ 1, 13, 0, COUNT, 0 },
	{ 1, 31, 24, VALUE, 0 },
	{ END },
};
static const struct field indirect_buffer[] = {
	ADDRESS(1, SRC),
	{ 3, 19, 0, COUNT, 0 },
	{ 3, 23, 23, IS, 1 },
	{ END },
};

/* ---- SDMA: dword 0 has the operation in bits 7:0 and the sub-operation in bits 15:8 ---- */

#define SDMA_CODE(op, sub) ((sub) << 8 | (op))

static const struct field sdma_write[] = {
	ADDRESS(1, DST),
	{ 3, 19, 0, COUNT_1, 0 },
	{ END },
};
static const struct field sdma_copy_4_2[] = {
	{ 1, 21, 0, COUNT_1, 0 },
	ADDRESS(3, SRC),
	ADDRESS(5, DST),
	{ END },
};
static const struct field sdma_copy[] = {
	{ 1, 29, 0, COUNT_1, 0 },
	ADDRESS(3, SRC),
	ADDRESS(5, DST),
	{ END },
};
static const struct field sdma_copy_7_1[] = {
	{ 0, 28, 28, IS, 1 },
	{ 1, 29, 0, COUNT_1, 0 },
	{ 2, 19, 18, PAST, 3 },
	{ 2, 27, 26, IS, 3 },
	ADDRESS(3, SRC),
	ADDRESS(5, DST),
	{ END },
};
static const struct field sdma_fence_4[] = {
	ADDRESS(1, DST),
	{ 3, 31, 0, VALUE, 0 },
	{ END },
};
static const struct field sdma_fence_5[] = {
	{ 0, 18, 16, PAST, 3 },
	ADDRESS(1, DST),
	{ 3, 31, 0, VALUE, 0 },
	{ END },
};
static const struct field sdma_fence_7_0[] = {
	{ 0, 17, 16, PAST, 3 },
	{ 0, 20, 20, IS, 1 },
	ADDRESS(1, DST),
	{ 3, 31, 0, VALUE, 0 },
	{ END },
};
static const struct field sdma_fence_7_1[] = {
	{ 0, 17, 16, PAST, 3 }, { 0, 20, 20, IS, 1 },	{ 0, 25, 24, IS, 3 },
	ADDRESS(1, DST),	{ 3, 31, 0, VALUE, 0 }, { END },
};
static const struct field sdma_clock[] = {
	ADDRESS(1, DST),
	{ END },
};
static const struct field sdma_clock_7_1[] = {
	{ 0, 25, 24, PAST, 3 },
	ADDRESS(1, DST),
	{ END },
};
static const struct field sdma_wait[] = {
	{ 0, 30, 28, IS, 3 },
	{ 0, 31, 31, IS, 1 },
	ADDRESS(1, SRC),
	{ 3, 31, 0, VALUE, 0 },
	{ 4, 31, 0, IS, ALL_ONES },
	{ 5, 15, 0, ANY, 0 },
	{ 5, 27, 16, IS, 0xfff },
	{ END },
};
static const struct field sdma_gcr[] = {
	{ 2, 22, 22, ANY, 0 },
	{ 2, 23, 23, ANY, 0 },
	{ 2, 24, 24, ANY, 0 },
	{ 2, 25, 25, ANY, 0 },
	{ 2, 30, 30, INV, 0 },
	{ 2, 31, 31, WB, 0 },
	{ END },
};
static const struct field sdma_gcr_7_1[] = {
	{ 3, 5, 4, IS, 2 },    { 3, 7, 7, ANY, 0 },  { 3, 8, 8, ANY, 0 },
	{ 3, 14, 14, INV, 0 }, { 3, 15, 15, WB, 0 }, { END },
};
static const struct field nothing[] = { { END } };

static const struct packet packets[] = {
	{ "WRITE_DATA", PKT_PM4 & ~PKT_GFX12_5, PKT_STORE, 0x37, 4, write_data },
	{ "WRITE_DATA", PKT_GFX12_5, PKT_STORE, 0x37, 4, write_data_12_5 },
	{ "DMA_DATA", PKT_GFX9, PKT_COPY, 0x50, 7, dma_data_9 },
	{ "DMA_DATA", PKT_GFX10 | PKT_GFX12_0, PKT_COPY, 0x50, 7, dma_data_10 },
	{ "DMA_DATA", PKT_GFX12_5, PKT_COPY, 0x50, 7, dma_data_12_5 },
	{ "WAIT_REG_MEM", PKT_PM4, PKT_WAIT, 0x3c, 7, wait_reg_mem },
	{ "RELEASE_MEM", PKT_GFX9, PKT_FENCE, 0x49, 8, fence_9 },
	{ "RELEASE_MEM", PKT_GFX9, PKT_CLOCK, 0x49, 8, clock_9 },
	{ "RELEASE_MEM", PKT_GFX10, PKT_FENCE, 0x49, 8, fence_10 },
	{ "RELEASE_MEM", PKT_GFX10, PKT_CLOCK, 0x49, 8, clock_10 },
	{ "RELEASE_MEM", PKT_GFX12_0, PKT_FENCE, 0x49, 8, fence_12_0 },
	{ "RELEASE_MEM", PKT_GFX12_0, PKT_CLOCK, 0x49, 8, clock_12_0 },
	{ "RELEASE_MEM", PKT_GFX12_5, PKT_FENCE, 0x49, 8, fence_12_5 },
	{ "RELEASE_MEM", PKT_GFX12_5, PKT_CLOCK, 0x49, 8, clock_12_5 },
	{ "ACQUIRE_MEM", PKT_GFX9, PKT_CACHE, 0x58, 7, acquire_9 },
	{ "ACQUIRE_MEM", PKT_GFX10 | PKT_GFX12_0, PKT_CACHE, 0x58, 8, acquire_10 },
	{ "ACQUIRE_MEM", PKT_GFX12_5, PKT_CACHE, 0x58, 8, acquire_12_5 },
	{ "PRED_EXEC", PKT_GFX9 | PKT_GFX12_5, PKT_XCCS, 0x23, 2, pred_exec },
	{ "INDIRECT_BUFFER", PKT_PM4, PKT_IB, 0x3f, 4, indirect_buffer },

	{ "NOP", ~PKT_PM4, PKT_NOP, SDMA_CODE(0, 0), 1, nothing },
	{ "WRITE", ~PKT_PM4, PKT_STORE, SDMA_CODE(2, 0), 4, sdma_write },
	{ "COPY", PKT_SDMA4_2, PKT_COPY, SDMA_CODE(1, 0), 7, sdma_copy_4_2 },
	{ "COPY", PKT_SDMA4_4 | PKT_SDMA5 | PKT_SDMA7_0, PKT_COPY, SDMA_CODE(1, 0), 7, sdma_copy },
	{ "COPY", PKT_SDMA7_1, PKT_COPY, SDMA_CODE(1, 0), 7, sdma_copy_7_1 },
	{ "FENCE", PKT_SDMA4, PKT_FENCE, SDMA_CODE(5, 0), 4, sdma_fence_4 },
	{ "FENCE", PKT_SDMA5, PKT_FENCE, SDMA_CODE(5, 0), 4, sdma_fence_5 },
	{ "FENCE", PKT_SDMA7_0, PKT_FENCE, SDMA_CODE(5, 0), 4, sdma_fence_7_0 },
	{ "FENCE", PKT_SDMA7_1, PKT_FENCE, SDMA_CODE(5, 0), 4, sdma_fence_7_1 },
	{ "TIMESTAMP", ~(PKT_PM4 | PKT_SDMA7_1), PKT_CLOCK, SDMA_CODE(13, 2), 3, sdma_clock },
	{ "TIMESTAMP", PKT_SDMA7_1, PKT_CLOCK, SDMA_CODE(13, 2), 3, sdma_clock_7_1 },
	{ "POLL_REGMEM", ~PKT_PM4, PKT_WAIT, SDMA_CODE(8, 0), 6, sdma_wait },
	{ "USER_GCR", PKT_SDMA5 | PKT_SDMA7_0, PKT_CACHE, SDMA_CODE(17, 1), 5, sdma_gcr },
	{ "USER_GCR", PKT_SDMA7_1, PKT_CACHE, SDMA_CODE(17, 1), 6, sdma_gcr_7_1 },
};

static uint32_t bits(unsigned int high, unsigned int low)
{
	return (high == 31 ? 0 : ~0u << (high + 1)) ^ (~0u << low);
}

/* Returns whether the field has a value that it may have. */
static bool take(const struct field *field, uint32_t value, struct pkt_op *op)
{
	switch (field->meaning) {
	case IS:
		return value == field->number;
	case DST_LO:
		op->dst |= value;
		break;
	case DST_HI:
		op->dst |= (uint64_t)value << 32;
		break;
	case SRC_LO:
		op->src |= value;
		break;
	case SRC_HI:
		op->src |= (uint64_t)value << 32;
		break;
	case COUNT:
		op->count = value;
		break;
	case COUNT_1:
		op->count = value + 1;
		break;
	case VALUE:
		op->value = value;
		break;
	case WB:
		op->write_back = value;
		break;
	case INV:
		op->invalidate = value;
		break;
	case PAST:
		op->uncached = value;
		return !value || value == field->number;
	default:
		break;
	}
	return true;
}

/* Returns NULL if the packet's bits are as its fields say, otherwise a text about the mistake. */
static const char *read_fields(const struct packet *packet, const uint32_t *dw, struct pkt_op *op)
{
	/* The code is in dword 0. pkt_decode() has checked the rest of PM4's dword 0. */
	const uint32_t code = packet->formats & PKT_PM4 ? ~0u : bits(15, 0);
	static char why[96];

	for (unsigned int i = 0; i < packet->dwords; i++) {
		uint32_t named = i ? 0 : code;

		for (const struct field *field = packet->fields; field->meaning != END; field++) {
			uint32_t mask = bits(field->high, field->low);

			if (field->dword != i)
				continue;
			named |= mask;
			if (take(field, (dw[i] & mask) >> field->low, op))
				continue;
			snprintf(why, sizeof(why), "%s: dword %u 0x%08x: bits %u:%u", packet->name,
				 i, dw[i], field->high, field->low);
			return why;
		}
		if (dw[i] & ~named) {
			snprintf(why, sizeof(why), "%s: dword %u 0x%08x: no field has 0x%08x",
				 packet->name, i, dw[i], dw[i] & ~named);
			return why;
		}
	}
	return NULL;
}

static const char *decode_as(const struct packet *packet, const uint32_t *dw, unsigned int left,
			     unsigned int length, struct pkt_op *op)
{
	const char *why;

	memset(op, 0, sizeof(*op));
	op->kind = packet->kind;
	op->name = packet->name;
	op->dwords = packet->dwords;
	if (packet->dwords > left)
		return "the packet is cut off";
	why = read_fields(packet, dw, op);
	if (why)
		return why;
	if (op->kind == PKT_STORE) {
		op->data = dw + packet->dwords;
		/* PM4 counts the data in the header only. */
		if (packet->formats & PKT_PM4)
			op->count = length - packet->dwords;
		op->dwords += op->count;
	}
	if (op->dwords > left || (length && op->dwords != length))
		return "the packet has another length";
	return NULL;
}

const char *pkt_decode(enum pkt_format format, const uint32_t *dw, unsigned int left,
		       struct pkt_op *op)
{
	const char *why = "no such packet";
	uint32_t code = dw[0] & bits(15, 0);
	unsigned int length = 0;

	if (format & PKT_PM4) {
		if (dw[0] == 0xffff1000) { /* type 3, opcode 16, and a count of all ones */
			*op = (struct pkt_op){ .kind = PKT_NOP, .name = "NOP", .dwords = 1 };
			return NULL;
		}
		if (dw[0] >> 30 != 3 || dw[0] & bits(7, 0))
			return "no header of type 3";
		length = ((dw[0] & bits(29, 16)) >> 16) + 2;
		code >>= 8;
	}
	/*
	 * Two packets may have the same code, such as RELEASE_MEM for a fence and for the clock.
	 * So try each packet with this code, and take the one whose fields fit.
	 */
	for (unsigned int i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		if (!(packets[i].formats & format) || packets[i].code != code)
			continue;
		why = decode_as(&packets[i], dw, left, length, op);
		if (!why)
			break;
	}
	return why;
}
