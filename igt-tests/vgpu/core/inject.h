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
	VG_INJECT_FAULT_STORM,
	VG_INJECT_LOST_INTERRUPT,
	VG_INJECT_LOST_DOORBELL,
	VG_INJECT_BUS_ERROR,
	VG_NUM_INJECTIONS,
};

/* A fault that the user has asked for, and its arguments. */
struct vg_injection {
	bool armed;
	uint64_t mark;	       /* strike only while the guest's mark has this value; 0: always */
	uint64_t amount;       /* for example the steps by which a preemption takes longer */
	uint64_t after;	       /* let so many opportunities pass before the first strike */
	uint64_t count;	       /* strike at most so many times */
	uint64_t chance;       /* strike at an opportunity with this probability, in percent */
	uint64_t seen, struck; /* opportunities and strikes so far */
};

/* Call this at each opportunity: does the fault strike now? */
bool vg_inject(struct vgpu *vg, enum vg_inject_id id);
/* The same for a fault with an amount: returns the amount if the fault strikes, else 0. */
unsigned int vg_inject_amount(struct vgpu *vg, enum vg_inject_id id);

#endif
