/* SPDX-License-Identifier: MIT */
/* A GPU with two XCCs, in one partition or two, and a KIQ on each XCC. */
#ifndef FAKE_XCC_H
#define FAKE_XCC_H

#include "tests/fake_aql.h"

enum {
	XCC_STRIDE = 0x1000, /* between the MQDs of a queue */
	XCC_KIQ1_RING_AT = 0x8000,
	XCC_KIQ1_MQD_AT = 0x9000,
	XCC_KIQ1_DOORBELL = 0x20,
	XCC_FENCE_AT = 0x300000,
	XCC_STEPS = 20000,
	XCC_PASID = 0x8005,
	XCC_VALUE = 0x11111111,
};

struct two {
	struct fake_host *f;
	struct fake_queue kiq[2], hiq, list;
};

static inline uint32_t xcc_addr(unsigned int xcc, uint32_t reg)
{
	return 4 * (reg + xcc * VG_XCC_DISTANCE);
}

static inline void xcc_set_partitions(struct fake_host *f, unsigned int count)
{
	for (unsigned int xcc = 0; xcc < 2; xcc++)
		vgpu_mmio_write(f->vg, xcc_addr(xcc, VG_ADDR(CP_HYP_XCP_CTL)),
				VG_FIELD_PREP(CP_HYP_XCP_CTL, NUM_XCC_IN_XCP, count) |
					VG_FIELD_PREP(CP_HYP_XCP_CTL, VIRTUAL_XCC_ID, xcc % count));
}

/*
 * A GPU with a KIQ on each XCC, in partitions of @count XCCs.  If @count is 0, the driver has made
 * no partition.
 */
static inline void two_start(struct two *t, unsigned int count)
{
	t->f = fake_new_xccs(2);
	if (count)
		xcc_set_partitions(t->f, count);
	fake_kiq(t->f, &t->kiq[0]);
	t->kiq[1] = t->kiq[0];
	t->kiq[1].xcc = 1;
	t->kiq[1].doorbell = XCC_KIQ1_DOORBELL;
	t->kiq[1].ring = FAKE_GART_BASE + XCC_KIQ1_RING_AT;
	t->kiq[1].mqd = FAKE_GART_BASE + XCC_KIQ1_MQD_AT;
	t->kiq[1].mem = fake_gart(t->f, t->kiq[1].ring);
	fake_queue_activate(t->f, &t->kiq[1]);
}

static inline void two_submit(struct two *t, struct fake_queue *q)
{
	fake_ring_doorbell(t->f, q);
	fake_run(t->f, XCC_STEPS);
}

/* Has the XCC a translation of the user's page in its TLB? */
static inline bool two_has(struct two *t, unsigned int xcc, uint64_t va)
{
	return vg_tlb_find(t->f->vg->tlb[vg_gfxhub(xcc)], AQL_VMID, va);
}

#endif
