/* SPDX-License-Identifier: MIT */
/*
 * Packet queues of all engines.  A queue fetches from its ring or IB, gives complete packets to its
 * engine, and can be preempted between packets.
 *
 * One step completes at most one packet or one slice of a packet, so that steps of other queues and
 * accesses of the guest can come between any two of them.
 */
#include <stdlib.h>
#include <string.h>

#include "core/gpu.h"

void vg_queue_init(struct vgpu *vg, struct vg_queue *q)
{
	struct vg_queue **tail = &vg->sched.queues;

	while (*tail)
		tail = &(*tail)->next;
	*tail = q;
}

void vg_queue_free(struct vg_queue *q)
{
	free(q->packet);
	q->packet = NULL;
	q->packet_cap = 0;
}

static void forget_packet(struct vg_queue *q)
{
	q->packet_len = 0;
	q->progress = 0;
	q->faulted = false;
	q->waiting = false;
	q->entering = false;
	q->skip = 0;
}

void vg_queue_start(struct vgpu *vg, struct vg_queue *q, uint64_t rptr, uint64_t wptr)
{
	if (!q->ring_size || (q->ring_size & (q->ring_size - 1))) {
		vg_stop(vg, "%s: ring of %u dwords", q->name, q->ring_size);
		return;
	}
	forget_packet(q);
	q->ib_depth = 0;
	q->halted = false;
	q->preempting = false;
	q->stuck = false;
	q->active = true;
	q->port.kernel = !q->vmid;
	q->rptr = rptr;
	vg_trace(vg, "map queue=%s vmid=%u ring=0x%llx dwords=%u rptr=%llu wptr=%llu", q->name,
		 q->vmid, (unsigned long long)q->ring, q->ring_size, (unsigned long long)rptr,
		 (unsigned long long)wptr);
	vg_queue_set_wptr(vg, q, wptr);
}

void vg_queue_kill(struct vgpu *vg, struct vg_queue *q)
{
	if (q->active)
		vg_trace(vg, "kill queue=%s rptr=%llu", q->name, (unsigned long long)q->rptr);
	forget_packet(q);
	q->ib_depth = 0;
	q->active = false;
	q->halted = false;
	q->preempting = false;
	q->stuck = false;
}

void vg_queue_halt(struct vgpu *vg, struct vg_queue *q)
{
	if (vgpu_stopped(vg))
		return;
	q->halted = true;
	vg_trace(vg, "halt queue=%s vmid=%u rptr=%llu", q->name, q->vmid,
		 (unsigned long long)q->rptr);
}

void vg_queue_preempt(struct vgpu *vg, struct vg_queue *q)
{
	if (!q->active || q->preempting)
		return;
	q->preempting = true;
	q->preempt_steps = vg_random(vg, vg->config.preempt_steps);
	if (q->vmid) {
		q->preempt_steps += vg_inject_amount(vg, VG_INJECT_SLOW_PREEMPT);
		q->stuck = vg_inject(vg, VG_INJECT_FAIL_PREEMPT);
	}
	vg_sched_wake(vg);
	vg_trace(vg, "preempt queue=%s vmid=%u steps=%u", q->name, q->vmid, q->preempt_steps);
}

/*
 * Write pointers in registers and doorbells may have only 32 bits or wrap around at
 * the ring size, so only the distance modulo the ring size is reliable.
 */
void vg_queue_set_wptr(struct vgpu *vg, struct vg_queue *q, uint64_t wptr)
{
	uint64_t pending = (wptr - q->rptr) & (q->ring_size - 1);

	q->rptr = wptr - pending;
	q->wptr = wptr;
	q->waiting = false;
	vg_sched_wake(vg);
}

unsigned int vg_queue_vmid(const struct vg_queue *q)
{
	return q->ib_depth ? q->ib[q->ib_depth - 1].vmid : q->vmid;
}

enum vg_result vg_queue_enter_ib(struct vgpu *vg, struct vg_queue *q, unsigned int vmid,
				 uint64_t va, uint32_t dwords, bool chain)
{
	if (!chain && q->ib_depth == VG_IB_DEPTH) {
		vg_stop(vg, "%s: IB at 0x%llx nested too deep", q->name, (unsigned long long)va);
		return VG_PAGE_FAULT;
	}
	q->next_ib = (struct vg_ib){ .va = va, .size = dwords, .vmid = vmid };
	q->entering = true;
	q->chaining = chain && q->ib_depth;
	return VG_DONE;
}

enum vg_result vg_queue_unknown(struct vgpu *vg, const struct vg_queue *q, const char *what,
				uint32_t value)
{
	vg_stop(vg, "%s: %s 0x%08x is not modelled", q->name, what, value);
	return VG_PAGE_FAULT;
}

bool vg_queue_has_work(const struct vg_queue *q)
{
	return q->ib_depth || q->packet_len || q->rptr != q->wptr;
}

/* The number of dwords in the ring or IB that are not part of the packet yet. */
static uint64_t available(const struct vg_queue *q)
{
	const struct vg_ib *ib = q->ib_depth ? &q->ib[q->ib_depth - 1] : NULL;

	return (ib ? ib->size - ib->pos : q->wptr - q->rptr) - q->packet_len;
}

/* Append the next @n dwords of the ring or IB to the packet. */
static int fetch(struct vgpu *vg, struct vg_queue *q, unsigned int n)
{
	const struct vg_ib *ib = q->ib_depth ? &q->ib[q->ib_depth - 1] : NULL;

	if (q->packet_len + n > q->packet_cap) {
		unsigned int cap = 2 * (q->packet_len + n);
		uint32_t *packet = realloc(q->packet, cap * sizeof(*packet));

		if (!packet) {
			vg_stop(vg, "%s: no memory for a packet", q->name);
			return -1;
		}
		q->packet = packet;
		q->packet_cap = cap;
	}
	while (n) {
		uint64_t pos = q->packet_len + (ib ? ib->pos : q->rptr);
		unsigned int chunk = n;
		uint64_t va;
		int err;

		if (!ib) {
			pos &= q->ring_size - 1;
			if (chunk > q->ring_size - pos)
				chunk = q->ring_size - pos;
		}
		va = (ib ? ib->va : q->ring) + 4 * pos;
		err = vg_mem_read(vg, &q->port, vg_queue_vmid(q), va, q->packet + q->packet_len,
				  4ull * chunk);
		if (err)
			return err;
		q->packet_len += chunk;
		n -= chunk;
	}
	return 0;
}

/* Fetch until q->packet is complete.  Returns VG_WAIT when the rest is not in the ring yet. */
static enum vg_result fetch_packet(struct vgpu *vg, struct vg_queue *q)
{
	unsigned int need = q->packet_len ? q->packet_len : 1;

	for (;;) {
		if (q->packet_len < need) {
			unsigned int more = need - q->packet_len;

			if (more > available(q)) {
				if (!q->ib_depth)
					return VG_WAIT;
				vg_stop(vg, "%s: packet 0x%08x crosses the end of its IB", q->name,
					q->packet_len ? q->packet[0] : 0);
				return VG_PAGE_FAULT;
			}
			if (fetch(vg, q, more))
				return VG_PAGE_FAULT;
		}
		need = q->ops->length(vg, q, q->packet, q->packet_len);
		if (!need)
			return VG_PAGE_FAULT;
		if (need <= q->packet_len)
			return VG_DONE;
	}
}

/* The packet is complete: move the position behind it, or into the IB that the packet names. */
static enum vg_result consume(struct vgpu *vg, struct vg_queue *q)
{
	unsigned int len = q->packet_len + q->skip;
	bool entering = q->entering;

	if (q->skip > available(q)) {
		vg_stop(vg, "%s: skips %u dwords, beyond the end", q->name, q->skip);
		return VG_PAGE_FAULT;
	}
	forget_packet(q);
	if (q->ib_depth)
		q->ib[q->ib_depth - 1].pos += len;
	else
		q->rptr += len;
	if (entering && q->chaining)
		q->ib[q->ib_depth - 1] = q->next_ib;
	else if (entering)
		q->ib[q->ib_depth++] = q->next_ib;
	while (q->ib_depth && q->ib[q->ib_depth - 1].pos == q->ib[q->ib_depth - 1].size)
		q->ib_depth--;
	if (q->ib_depth || !q->ops->rptr_moved(vg, q))
		return VG_DONE;
	return VG_PAGE_FAULT;
}

/*
 * Can the queue be preempted now?  Its position must be one that can be saved: in the ring or in
 * the first IB, and only if the chip agrees (ops->may_leave()).  At such a position a halted queue
 * can always be preempted.  Any other queue must be between two packets, or in a packet that waits
 * or has done nothing yet.
 */
static bool may_preempt(struct vgpu *vg, const struct vg_queue *q)
{
	bool nested = q->ib_depth > 1;

	if (q->ops->may_leave && !q->ops->may_leave(vg, q)) {
		if (q->halted)
			vg_stop(vg,
				"%s: preempted after a GPU page fault in an IB that it must finish",
				q->name);
		return false;
	}
	if (nested && q->halted)
		vg_stop(vg, "%s: preempted after a GPU page fault in a nested IB", q->name);
	if (nested && q->waiting)
		vg_stop(vg, "%s: preempted while waiting in a nested IB", q->name);
	if (nested)
		return false;
	return q->halted || !q->packet_len || q->waiting || !q->progress;
}

static void finish_preemption(struct vgpu *vg, struct vg_queue *q)
{
	q->active = false;
	q->preempting = false;
	q->stuck = false;
	vg_trace(vg, "unmap queue=%s vmid=%u rptr=%llu wptr=%llu halted=%d", q->name, q->vmid,
		 (unsigned long long)q->rptr, (unsigned long long)q->wptr, q->halted);
	q->ops->preempted(vg, q);
	forget_packet(q);
	q->ib_depth = 0;
	q->halted = false;
}

static bool can_execute(const struct vg_queue *q)
{
	return !q->halted && vg_queue_has_work(q);
}

/* Fetch the next packet, or the rest of it, and execute it; true when the queue made progress. */
static bool work(struct vgpu *vg, struct vg_queue *q)
{
	enum vg_result result = fetch_packet(vg, q);

	if (result == VG_DONE) {
		vg->sched.executing = q;
		result = q->ops->execute(vg, q, q->packet, q->packet_len);
		vg->sched.executing = NULL;
	}
	/* The packet may have unmapped the queue that it came from. */
	if (!q->active)
		return true;
	if (result == VG_DONE)
		result = consume(vg, q);
	q->waiting = result == VG_WAIT;
	if (result == VG_PAGE_FAULT)
		vg_queue_halt(vg, q);
	return result != VG_WAIT;
}

bool vg_queue_step(struct vgpu *vg, struct vg_queue *q)
{
	if (!q->preempting || q->stuck)
		return work(vg, q);
	if (!q->preempt_steps && may_preempt(vg, q)) {
		finish_preemption(vg, q);
		return true;
	}
	if (q->preempt_steps)
		q->preempt_steps--;
	if (can_execute(q))
		work(vg, q);
	return true; /* the preemption is one step nearer */
}

bool vg_queue_runnable(const struct vgpu *vg, const struct vg_queue *q)
{
	if (!q->active || !q->ops->enabled(vg, q))
		return false;
	return (q->preempting && !q->stuck) || can_execute(q);
}
