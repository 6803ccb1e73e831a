/* SPDX-License-Identifier: MIT */
/*
 * A decoder of the packets that tests put into queues, for all generations.  It shares nothing with
 * amd_pkt and with the simulated GPU: its tables say for every bit of each packet which value the
 * bit must have, or to which member of struct pkt_op it belongs.
 */
#ifndef PKT_DECODE_H
#define PKT_DECODE_H

#include <stdbool.h>
#include <stdint.h>

/* Each generation, as a bit. */
enum pkt_format {
	PKT_GFX9 = 1 << 0,
	PKT_GFX10 = 1 << 1, /* gfx10.3 and gfx11 */
	PKT_GFX12_0 = 1 << 2,
	PKT_GFX12_5 = 1 << 3,
	PKT_SDMA4_2 = 1 << 4,
	PKT_SDMA4_4 = 1 << 5,
	PKT_SDMA5 = 1 << 6, /* 5.2 and 6 */
	PKT_SDMA7_0 = 1 << 7,
	PKT_SDMA7_1 = 1 << 8,

	PKT_PM4 = PKT_GFX9 | PKT_GFX10 | PKT_GFX12_0 | PKT_GFX12_5,
	PKT_SDMA4 = PKT_SDMA4_2 | PKT_SDMA4_4,
};

enum pkt_kind {
	PKT_NOP,
	PKT_STORE, /* @count dwords at @data to @dst */
	PKT_COPY,  /* @count bytes from @src to @dst */
	PKT_FENCE, /* work on the caches, then @value to @dst */
	PKT_CLOCK, /* work on the caches, then 64 bits of the clock to @dst */
	PKT_WAIT,  /* until the dword at @src is @value */
	PKT_CACHE, /* work on the caches */
	PKT_XCCS,  /* only the XCCs of the mask @value execute the next @count dwords */
	PKT_IB,	   /* execute @count dwords at @src */
};

struct pkt_op {
	enum pkt_kind kind;
	const char *name;
	unsigned int dwords; /* of the packet */
	uint64_t dst, src;
	uint32_t count, value;
	const uint32_t *data;
	bool write_back, invalidate; /* the work on the cache in front of memory */
	bool uncached;		     /* the access goes past that cache */
};

/*
 * Decode the packet at @dw, of which @left dwords are there.  Returns NULL, or a text about the
 * first mistake in it.
 */
const char *pkt_decode(enum pkt_format format, const uint32_t *dw, unsigned int left,
		       struct pkt_op *op);

#endif
