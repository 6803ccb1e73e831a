/* SPDX-License-Identifier: MIT */
/*
 * Compares packets of amd_pkt with the same packets, made of the kernel's macros.  The tests
 * include this file behind the headers of the kernel for one generation, because all generations
 * use the same names for their macros.
 */
#ifndef PKT_HEADERS_H
#define PKT_HEADERS_H

#include <stdio.h>

#include "lib/amdgpu/amd_kfd.h"
#include "lib/amdgpu/amd_pkt.h"
#include "test.h"

/* All bytes but the zeros differ, so the test sees a field that is in the wrong place. */
#define HEADERS_DST   0x00007a1b2c3d4e50ull
#define HEADERS_SRC   0x0000605142332418ull
#define HEADERS_VALUE 0x9ab8c7d6u
#define HEADERS_SIZE  0x000fedc4u
#define HEADERS_COUNT 3u

#define HEADERS_LO(address) ((uint32_t)(address))
#define HEADERS_HI(address) ((uint32_t)((address) >> 32))

/* Packets that a function of struct amd_pkt has stored, and those that the test expects. */
struct headers_pair {
	uint32_t got[AMD_PKT_MAX_DW], want[AMD_PKT_MAX_DW];
	unsigned int num_got, num_want;
};

static inline void headers_want(struct headers_pair *pair, uint32_t dword)
{
	t_assert(pair->num_want < AMD_PKT_MAX_DW);
	pair->want[pair->num_want++] = dword;
}

static inline void headers_compare(const char *packet, const struct headers_pair *pair)
{
	bool same = pair->num_got == pair->num_want;

	if (!same)
		fprintf(stderr, "%s: %u dwords, by the kernel's header %u\n", packet, pair->num_got,
			pair->num_want);
	for (unsigned int i = 0; same && i < pair->num_got; i++) {
		if (pair->got[i] == pair->want[i])
			continue;
		fprintf(stderr, "%s: dword %u is 0x%08x, by the kernel's header 0x%08x\n", packet,
			i, pair->got[i], pair->want[i]);
		same = false;
	}
	t_assert(same);
}

#endif
