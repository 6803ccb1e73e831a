/* SPDX-License-Identifier: MIT */
/*
 * Injected faults: hardware that misbehaves as real hardware may, and negative
 * controls that take one safety step away.  A fault is an entry of the table in
 * inject.c, and a call of vg_inject() at the place that misbehaves.
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
	VG_INJECT_NO_XCC_FLUSH,
	VG_INJECT_FAULT_STORM,
	VG_INJECT_LOST_INTERRUPT,
	VG_INJECT_LOST_DOORBELL,
	VG_INJECT_BUS_ERROR,
	VG_INJECT_LATE_UNMAP,
	VG_INJECT_NO_HDP_HOST,
	VG_INJECT_NO_HDP_RING,
	VG_INJECT_NO_HDP_SDMA,
	VG_INJECT_NO_HDP_ACQUIRE,
	VG_INJECT_NO_HDP_READ,
	VG_NUM_INJECTIONS,
};

/*
 * The state of one injected fault.  The option --fault arms it and sets its arguments.  An
 * opportunity is a call of vg_inject() while the fault is armed and the page oracle's mark is
 * right (see @mark).  The fault strikes when the call returns true.
 */
struct vg_injection {
	bool armed;	       /* false: the fault never strikes */
	uint64_t mark;	       /* strike only while the oracle's mark has this value; 0: always */
	uint64_t amount;       /* for example the steps by which a preemption takes longer */
	uint64_t after;	       /* number of opportunities before the first strike */
	uint64_t count;	       /* the most strikes */
	uint64_t chance;       /* strike at an opportunity with this probability, in percent */
	uint64_t seen, struck; /* opportunities and strikes so far */
};

/* Call this wherever the fault could strike.  Does it strike now? */
bool vg_inject(struct vgpu *vg, enum vg_inject_id id);
/* Like vg_inject(), for a fault with an amount: returns the amount if the fault strikes, else 0. */
unsigned int vg_inject_amount(struct vgpu *vg, enum vg_inject_id id);

#endif
