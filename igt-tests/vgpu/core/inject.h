/* SPDX-License-Identifier: MIT */
/*
 * Deliberate misbehaviour, by name: what hardware may do on a bad day, and
 * negative controls that take one safety step away.  One table (inject.c), one
 * line in the block that misbehaves.
 */
#ifndef VG_INJECT_H
#define VG_INJECT_H

#include <stdbool.h>
#include <stdint.h>

struct vgpu;

enum vg_inject_id {
	VG_INJECT_SLOW_PREEMPT,
	VG_INJECT_FAIL_PREEMPT,
	VG_INJECT_STALE_MQD,
	VG_INJECT_LATE_TLB_ACK,
	VG_INJECT_NO_TLB_FLUSH,
	VG_INJECT_FAULT_STORM,
	VG_INJECT_LOST_INTERRUPT,
	VG_INJECT_LOST_DOORBELL,
	VG_INJECT_BUS_ERROR,
	VG_NUM_INJECTIONS,
};

/* One that has been asked for, and its arguments. */
struct vg_injection {
	bool armed;
	uint64_t mark;		/* strikes only in this part of the run; 0: in all */
	uint64_t amount;	/* what it means is the fault's own */
	uint64_t after;		/* opportunities that pass first */
	uint64_t count;		/* strikes at most */
	uint64_t chance;	/* percent of the opportunities, by the seed */
	uint64_t seen, struck;
};

/* Called at each opportunity: does the fault strike here and now? */
bool vg_inject(struct vgpu *vg, enum vg_inject_id id);
/* The same for faults with an amount, such as steps of delay; 0 when not. */
unsigned int vg_inject_amount(struct vgpu *vg, enum vg_inject_id id);

#endif
