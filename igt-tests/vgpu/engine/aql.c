/* SPDX-License-Identifier: MIT */
/*
 * HSA queues (AQL).  A packet has 64 bytes.  A producer may make a slot valid
 * before an earlier slot is valid.  When a packet is finished, the engine changes
 * the packet's signal.  Packets run one after the other, each to its end, so the
 * barrier bit has no effect.
 *
 * A packet's acquire fence with the scope "system" makes the CPU's writes to VRAM visible, so the
 * chip flushes its host data path.  Vendor packets have such a fence, too: ROCr sets it in
 * AqlQueue::ExecutePM4().  A release fence has no effect, because the model has no caches.
 *
 * A vendor packet may call an IB of PM4 packets.  The queue then takes the slot in two
 * parts, as the micro engine does: one part before the IB runs, the other part after it.
 * If a preemption comes during the IB, the saved read pointer is between the two parts,
 * so the queue does not take the first part again.  The chip saves the position in the IB
 * as it does for a PM4 queue.
 */
#include "core/bits.h"
#include "core/gpu.h"
#include "engine/aql.h"
#include "engine/pkt_aql.h"
#include "engine/pkt_pm4.h"
#include "engine/pm4.h"

static enum vg_result unknown(struct vgpu *vg, struct vg_queue *q, const char *what, uint32_t value)
{
	vg_stop(vg, "%s: AQL packet %llu: %s 0x%x is not modelled", q->name,
		(unsigned long long)(q->rptr / AQL_DWORDS), what, value);
	return VG_PAGE_FAULT;
}

/* ---- pointers ---- */

/*
 * The write index counts all slots that producers have reserved, so the queue
 * waits at a slot that is not valid yet.  Producers ring the doorbell in any
 * order, so ignore a number that is smaller than an earlier one.
 */
void vg_aql_set_wptr(struct vgpu *vg, struct vg_queue *q, uint64_t packets)
{
	uint64_t wptr = packets * AQL_DWORDS;

	if (wptr > q->wptr)
		q->wptr = wptr;
	q->waiting = false;
	vg_sched_wake(vg);
}

/* A doorbell write has the number of the last packet. */
void vg_aql_doorbell(struct vgpu *vg, struct vg_queue *q, uint64_t value, unsigned int size)
{
	if (size != sizeof(value))
		value = vg_u64(value, vg_hi(q->rptr / AQL_DWORDS));
	vg_aql_set_wptr(vg, q, value + 1);
}

/* ---- completion ---- */

/*
 * Does the runtime ask for times of packets?  A bit in the runtime's queue structure says so.  This
 * structure contains the read index, so its address follows from the address of the read index.
 */
static int profiling(struct vgpu *vg, struct vg_queue *q, bool *wanted)
{
	uint64_t read_id = vg->chip->pm4->rptr_report(q);
	uint64_t base = read_id - AQL_QUEUE_READ_ID;
	uint32_t offset, properties = 0;

	*wanted = false;
	if (vg_mem_read32(vg, &q->port, q->vmid, base + AQL_QUEUE_READ_ID_OFFSET, &offset))
		return -1;
	/*
	 * A program without the runtime may have a read index that lies in no such structure.  In a
	 * structure the field behind the read index has the offset of the read index, so read the
	 * properties only if it does.
	 */
	if (offset == AQL_QUEUE_READ_ID &&
	    vg_mem_read32(vg, &q->port, q->vmid, base + AQL_QUEUE_PROPERTIES, &properties))
		return -1;
	*wanted = VG_GET(AQL_QUEUE_PROFILING, properties);
	return 0;
}

static int record_time(struct vgpu *vg, struct vg_queue *q, uint64_t signal, size_t field)
{
	bool wanted;

	if (!signal)
		return 0;
	if (profiling(vg, q, &wanted))
		return -1;
	return wanted ? vg_mem_write64(vg, &q->port, q->vmid, signal + field, vg_gpu_clock(vg)) : 0;
}

static int record_start(struct vgpu *vg, struct vg_queue *q, uint64_t signal)
{
	return record_time(vg, q, signal, offsetof(struct aql_signal, start));
}

static int record_end(struct vgpu *vg, struct vg_queue *q, uint64_t signal)
{
	return record_time(vg, q, signal, offsetof(struct aql_signal, end));
}

static uint64_t minus_one(uint64_t old, const void *arg)
{
	return old - 1;
}

static int notify(struct vgpu *vg, struct vg_queue *q, const struct aql_signal *s)
{
	if (!s->mailbox)
		return 0;
	if (vg_mem_write64(vg, &q->port, q->vmid, s->mailbox, s->event_id))
		return -1;
	vg->chip->pm4->end_of_pipe(vg, q, q->vmid, s->event_id);
	return 0;
}

/*
 * If the queue is on several XCCs, the last XCC that calls this function completes the packet for
 * all of them.
 *
 * Give the slot back before the signal changes, because a producer that sees the
 * signal may fill the slot again at once.
 */
static enum vg_result complete(struct vgpu *vg, struct vg_queue *q, uint64_t signal)
{
	const uint16_t invalid = VG_PREP(AQL_TYPE, AQL_INVALID);
	uint64_t dword = q->rptr & (q->ring_size - 1) & ~(AQL_DWORDS - 1ull);
	struct aql_signal s = { 0 };

	switch (vg->chip->pm4->aql_part(vg, q, (q->rptr | (AQL_DWORDS - 1)) + 1)) {
	case VG_AQL_PART_WAITS:
		return VG_WAIT;
	case VG_AQL_PART:
		vg_trace(vg, "aql-part queue=%s packet=%llu", q->name,
			 (unsigned long long)(q->rptr / AQL_DWORDS));
		return VG_DONE;
	case VG_AQL_LAST_PART:
		break;
	}
	if (signal && (record_end(vg, q, signal) ||
		       vg_mem_read(vg, &q->port, q->vmid, signal, &s, sizeof(s))))
		return VG_PAGE_FAULT;
	if (s.kind < 0)
		return unknown(vg, q, "completion by doorbell, signal kind", s.kind);
	if (vg_mem_write(vg, &q->port, q->vmid, q->ring + 4 * dword, &invalid, sizeof(invalid)))
		return VG_PAGE_FAULT;
	if (signal &&
	    (vg_mem_atomic(vg, &q->port, q->vmid, signal + offsetof(struct aql_signal, value),
			   sizeof(s.value), minus_one, NULL, NULL) ||
	     notify(vg, q, &s)))
		return VG_PAGE_FAULT;
	vg_trace(vg, "aql-complete queue=%s packet=%llu signal=0x%llx event=%u", q->name,
		 (unsigned long long)(q->rptr / AQL_DWORDS), (unsigned long long)signal,
		 s.mailbox ? s.event_id : 0);
	return VG_DONE;
}

/* ---- packets ---- */

/* The acquire fence of the packet with @header. */
static void acquire(struct vgpu *vg, const struct vg_queue *q, uint32_t header)
{
	if (VG_GET(AQL_ACQUIRE, header) == AQL_SCOPE_SYSTEM)
		vg->chip->pm4->system_acquire(vg, q);
}

static int signal_value(struct vgpu *vg, struct vg_queue *q, uint64_t signal, int64_t *value)
{
	return vg_mem_read(vg, &q->port, q->vmid, signal + offsetof(struct aql_signal, value),
			   value, sizeof(*value));
}

/*
 * The packet acquires after it has waited for its signals, so that the acquire fence covers all
 * writes that were done before the signals changed.
 */
static enum vg_result finish_barrier(struct vgpu *vg, struct vg_queue *q, uint32_t header,
				     uint64_t completion)
{
	acquire(vg, q, header);
	if (record_start(vg, q, completion))
		return VG_PAGE_FAULT;
	return complete(vg, q, completion);
}

/*
 * A dependency without a signal counts as met in an AND barrier, and as not met in an OR barrier.
 */
static enum vg_result barrier(struct vgpu *vg, struct vg_queue *q, const struct aql_barrier *p,
			      bool any)
{
	bool met = !any;

	for (unsigned int i = 0; i < AQL_NUM_DEPENDENCIES; i++) {
		int64_t value;

		if (!p->dependency[i])
			continue;
		if (signal_value(vg, q, p->dependency[i], &value))
			return VG_PAGE_FAULT;
		met = any ? met || !value : met && !value;
	}
	return met ? finish_barrier(vg, q, p->header, p->completion) : VG_WAIT;
}

static bool holds(uint32_t condition, int64_t a, int64_t b)
{
	switch (condition) {
	case AQL_EQUAL:
		return a == b;
	case AQL_NOT_EQUAL:
		return a != b;
	case AQL_LESS:
		return a < b;
	}
	return a >= b;
}

static enum vg_result barrier_value(struct vgpu *vg, struct vg_queue *q,
				    const struct aql_barrier_value *p)
{
	int64_t value;

	if (p->condition > AQL_GREATER_EQUAL)
		return unknown(vg, q, "barrier condition", p->condition);
	if (p->signal) {
		if (signal_value(vg, q, p->signal, &value))
			return VG_PAGE_FAULT;
		if (!holds(p->condition, value & p->mask, p->value))
			return VG_WAIT;
	}
	return finish_barrier(vg, q, p->header, p->completion);
}

static enum vg_result enter_pm4(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const uint32_t *pm4 = packet + 1;
	uint64_t slot = q->ring + 4 * (q->rptr & (q->ring_size - 1));
	uint64_t completion;

	if (VG_GET(PM4_OPCODE, pm4[0]) != PM4_INDIRECT_BUFFER ||
	    vg_pm4_length(vg, q, pm4, 1) != AQL_PM4_DWORDS - 1)
		return unknown(vg, q, "PM4 packet", pm4[0]);
	if (vg_mem_read64(vg, &q->port, q->vmid, slot + offsetof(struct aql_pm4_ib, completion),
			  &completion) ||
	    record_start(vg, q, completion))
		return VG_PAGE_FAULT;
	acquire(vg, q, packet[0]);
	return vg_pm4_execute(vg, q, pm4, AQL_PM4_DWORDS - 1);
}

/* Finish a vendor packet after its IB; @rest: the dwords behind INDIRECT_BUFFER. */
static enum vg_result leave_pm4(struct vgpu *vg, struct vg_queue *q, const uint32_t *rest)
{
	if (rest[0] != AQL_PM4_REMAINING)
		return unknown(vg, q, "count of dwords behind the IB", rest[0]);
	return complete(vg, q, vg_u64(rest[AQL_PM4_REMAINING - 1], rest[AQL_PM4_REMAINING]));
}

static enum vg_result vendor(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	switch (VG_GET(AQL_VENDOR_FORMAT, packet[0])) {
	case AQL_PM4_IB:
		return enter_pm4(vg, q, packet);
	case AQL_BARRIER_VALUE:
		return barrier_value(vg, q, (const void *)packet);
	}
	return unknown(vg, q, "vendor packet, header", packet[0]);
}

/* ---- engine hooks ---- */

unsigned int vg_aql_length(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			   unsigned int n)
{
	unsigned int done = q->rptr % AQL_DWORDS;

	if (q->ib_depth)
		return vg_pm4_length(vg, q, packet, n);
	if (done)
		return AQL_DWORDS - done;
	if (VG_GET(AQL_TYPE, packet[0]) == AQL_INVALID)
		return 1;
	if (VG_GET(AQL_TYPE, packet[0]) == AQL_VENDOR &&
	    VG_GET(AQL_VENDOR_FORMAT, packet[0]) == AQL_PM4_IB)
		return AQL_PM4_DWORDS;
	return AQL_DWORDS;
}

enum vg_result vg_aql_execute(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			      unsigned int n)
{
	uint32_t type = VG_GET(AQL_TYPE, packet[0]);

	if (q->ib_depth)
		return vg_pm4_execute(vg, q, packet, n);
	if (q->rptr % AQL_DWORDS)
		return leave_pm4(vg, q, packet);
	if (type == AQL_INVALID || !vg->chip->pm4->aql_may_begin(vg, q)) {
		q->packet_len = 0; /* let the next step read the slot again */
		return VG_WAIT;
	}
	if (!q->waiting)
		vg_trace(vg, "aql queue=%s vmid=%u packet=%llu header=0x%x", q->name, q->vmid,
			 (unsigned long long)(q->rptr / AQL_DWORDS), packet[0]);
	switch (type) {
	case AQL_VENDOR:
		return vendor(vg, q, packet);
	case AQL_BARRIER_AND:
	case AQL_BARRIER_OR:
		return barrier(vg, q, (const void *)packet, type == AQL_BARRIER_OR);
	case AQL_KERNEL_DISPATCH:
		return unknown(vg, q, "kernel dispatch: there are no shaders; header", packet[0]);
	}
	return unknown(vg, q, "packet type", type);
}
