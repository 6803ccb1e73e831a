/* SPDX-License-Identifier: MIT */
/*
 * The common part of the libFuzzer targets.  A unit is one dword of options and
 * the dwords of the ring.  The same dwords go to the page of data, so that an
 * IB, a run list or a signal there has the unit's content as well.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/fake_host.h"

/* The entry point that libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The options. */
#define FUZZ_KERNEL  VG_BITS(0, 0)   /* a queue of the driver, not of a user */
#define FUZZ_PREEMPT VG_BITS(1, 1)   /* take the queue off in the middle */
#define FUZZ_SEED    VG_BITS(15, 8)  /* of the engine's schedule */
#define FUZZ_STEPS   VG_BITS(31, 16) /* before it is taken off */

enum {
	FUZZ_MAX_DWORDS = 250, /* less than the smallest ring */
	/* An endless loop of packets is legal and has to end here. */
	FUZZ_MAX_STEPS = 512,
	FUZZ_STEPS_PER_LOG = 64,
	FUZZ_SLOW = 8, /* steps of a preemption or flush at most */
};

struct fuzz_unit {
	uint32_t options;
	uint32_t dword[FUZZ_MAX_DWORDS];
	unsigned int count;
};

static inline void fuzz_read(struct fuzz_unit *u, const uint8_t *bytes, size_t size)
{
	size_t dwords = size / sizeof(uint32_t);

	*u = (struct fuzz_unit){ 0 };
	if (!dwords)
		return;
	memcpy(&u->options, bytes, sizeof(u->options));
	u->count = dwords - 1 < FUZZ_MAX_DWORDS ? dwords - 1 : FUZZ_MAX_DWORDS;
	memcpy(u->dword, bytes + sizeof(u->options), u->count * sizeof(uint32_t));
}

/* A model that stops is a clean end of a unit. */
static inline void fuzz_step(struct fake_host *f, unsigned int steps)
{
	for (unsigned int i = 0; i < steps && vgpu_step(f->vg); i++)
		if (i % FUZZ_STEPS_PER_LOG == 0)
			fake_log_clear(f);
}

/* Steps until the queue is to be taken off; 0 when it is not. */
static inline unsigned int fuzz_preempt_after(const struct fuzz_unit *u)
{
	if (!VG_GET(FUZZ_PREEMPT, u->options))
		return 0;
	return 1 + VG_GET(FUZZ_STEPS, u->options) % FUZZ_MAX_STEPS;
}

#endif
