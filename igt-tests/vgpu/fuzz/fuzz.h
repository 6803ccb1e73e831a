/* SPDX-License-Identifier: MIT */
/*
 * The common part of the libFuzzer targets for queues.  An input (libFuzzer calls it a unit)
 * is one dword of options and the dwords of the ring.  The target also writes these dwords to
 * a page of data that the packets can reach, so the fuzzer can make IBs, run lists and signals
 * there.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/fake_host.h"

/* The entry point that libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The options in the first dword of an input. */
#define FUZZ_KERNEL  VG_BITS(0, 0)   /* 1: run the dwords in the driver's queue; 0: in a user's */
#define FUZZ_PREEMPT VG_BITS(1, 1)   /* preempt the queue after FUZZ_STEPS */
#define FUZZ_SEED    VG_BITS(15, 8)  /* seed of the schedule */
#define FUZZ_STEPS   VG_BITS(31, 16) /* number of steps before the preemption */

enum {
	FUZZ_MAX_DWORDS = 250, /* fewer than the smallest ring of a target has */
	/* An endless loop of packets is legal, so end each input after this many steps. */
	FUZZ_MAX_STEPS = 512,
	FUZZ_STEPS_PER_LOG = 64,
	FUZZ_SLOW = 8, /* the most steps of a preemption or a flush */
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

/* Let the model do @steps steps.  It is no error if the model stops earlier. */
static inline void fuzz_step(struct fake_host *f, unsigned int steps)
{
	for (unsigned int i = 0; i < steps && vgpu_step(f->vg); i++)
		if (i % FUZZ_STEPS_PER_LOG == 0)
			fake_log_clear(f);
}

/* The number of steps after which the fuzz target preempts the queue; 0: it does not preempt. */
static inline unsigned int fuzz_preempt_after(const struct fuzz_unit *u)
{
	if (!VG_GET(FUZZ_PREEMPT, u->options))
		return 0;
	return 1 + VG_GET(FUZZ_STEPS, u->options) % FUZZ_MAX_STEPS;
}

#endif
