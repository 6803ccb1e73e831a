/* SPDX-License-Identifier: MIT */
/*
 * Packet queues.  A queue fetches packets from a ring or an IB and gives each packet
 * to its engine.  The chip's blocks own the queues, map them and preempt them.
 */
#ifndef VG_QUEUE_H
#define VG_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/mem.h"

enum vg_result {
	VG_DONE,       /* the packet is complete */
	VG_MORE,       /* a slice is done: call again with the same packet */
	VG_WAIT,       /* no progress is possible now: try again later */
	VG_PAGE_FAULT, /* vg_mem_*() failed or the model stopped: the queue halts */
};

struct vg_queue;

struct vg_engine_ops {
	/*
	 * The length in dwords of the packet that begins with the @n dwords at
	 * @packet, as far as these dwords say it.  If the result is above @n, the
	 * queue fetches the missing dwords and calls length() again.  0 if length()
	 * has stopped the model.
	 */
	unsigned int (*length)(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			       unsigned int n);
	enum vg_result (*execute)(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
				  unsigned int n);
	/* Publish q->rptr, which has moved, in the register and in memory; 0 or -EFAULT. */
	int (*rptr_moved)(struct vgpu *vg, struct vg_queue *q);
	/*
	 * Can the queue's position be saved, so that a preemption may complete now?  The caller
	 * asks this for the ring and for an IB that is not nested.  NULL: always.
	 */
	bool (*may_leave)(const struct vgpu *vg, const struct vg_queue *q);
	/* The preemption is complete: save the queue's state, so that it can be mapped again. */
	void (*preempted)(struct vgpu *vg, struct vg_queue *q);
	/* May the engine run?  False while a control register halts it. */
	bool (*enabled)(const struct vgpu *vg, const struct vg_queue *q);
};

enum { VG_IB_DEPTH = 4 }; /* the most IBs that are open, because an IB may call another */

struct vg_ib {
	uint64_t va;
	uint32_t size, pos; /* in dwords; @pos is the next one to fetch */
	unsigned int vmid;
};

/*
 * A ring buffer that an engine works on.  Positions in the ring count dwords and do not
 * wrap; the index in the ring is position % ring_size.
 */
struct vg_queue {
	const struct vg_engine_ops *ops;
	struct vg_port port;
	char name[16];
	unsigned int index;    /* for the block that owns the queue, if it numbers its queues */
	struct vg_queue *next; /* next queue in vg->sched.queues, the list of all queues */

	bool active;		    /* the queue is mapped, so the engine fetches its packets */
	bool halted;		    /* a page fault has halted the queue until it is unmapped */
	bool waiting;		    /* the last step made no progress */
	bool preempting;	    /* vg_queue_preempt() was called, ops->preempted() not yet */
	bool stuck;		    /* injected fault: ignore preemptions until vg_queue_kill() */
	unsigned int preempt_steps; /* steps that must pass before the preemption can complete */
	uint64_t looked_at;	    /* value of sched.epoch when the queue last had to wait */

	unsigned int vmid;
	uint64_t ring;	    /* GPU address in the address space of @vmid */
	uint32_t ring_size; /* dwords, a power of two */
	uint64_t rptr, wptr;

	struct vg_ib ib[VG_IB_DEPTH];
	unsigned int ib_depth;
	/*
	 * The current packet calls an IB: when the packet is complete, enter @next_ib, which
	 * replaces the current IB if @chaining is set.
	 */
	struct vg_ib next_ib;
	bool entering, chaining;

	uint32_t *packet; /* the dwords of the current packet that were fetched */
	unsigned int packet_len, packet_cap;
	uint64_t progress; /* how far the handler of this packet has come */
	bool faulted;	   /* the packet goes on after a page fault, which was reported */
	unsigned int skip; /* dwords behind the current packet that the queue shall skip */
};

/* Register @q with the scheduler, once.  The caller has set ops, port and name. */
void vg_queue_init(struct vgpu *vg, struct vg_queue *q);
void vg_queue_free(struct vg_queue *q);
/* Activate the queue at the position @rptr (dwords).  The caller has set ring, ring_size, vmid. */
void vg_queue_start(struct vgpu *vg, struct vg_queue *q, uint64_t rptr, uint64_t wptr);
/* Unmap the queue at once, without ops->preempted(), so that its state is lost. */
void vg_queue_kill(struct vgpu *vg, struct vg_queue *q);
/*
 * Ask @q to stop; a later step completes the preemption and calls ops->preempted().  The queue goes
 * on fetching and executing until then, for as many steps as the seed says.  It first finishes a
 * packet under way.  It gives up a packet that waits or that halted the queue, and starts the
 * packet anew when it is mapped again.  While the queue is in an IB whose position cannot be saved,
 * it goes on instead.  If it is halted in such an IB, or if its packet waits in a nested IB, the
 * model stops.
 */
void vg_queue_preempt(struct vgpu *vg, struct vg_queue *q);
/* Halt @q after a GPU page fault, until it is unmapped.  When the model has stopped, do nothing. */
void vg_queue_halt(struct vgpu *vg, struct vg_queue *q);
/* Take a new write pointer, which came by a doorbell or a register. */
void vg_queue_set_wptr(struct vgpu *vg, struct vg_queue *q, uint64_t wptr);
/* The VMID of the ring or IB that has the current packet, so also of the packet's addresses. */
unsigned int vg_queue_vmid(const struct vg_queue *q);
/*
 * For packet handlers: let the queue continue in the IB at @va.  If @chain is set, this IB
 * replaces the current one.  Returns VG_DONE; stops the model when too many IBs are open.
 */
enum vg_result vg_queue_enter_ib(struct vgpu *vg, struct vg_queue *q, unsigned int vmid,
				 uint64_t va, uint32_t dwords, bool chain);
/* For packet handlers: stop the model, because @value of the field @what is not modelled. */
enum vg_result vg_queue_unknown(struct vgpu *vg, const struct vg_queue *q, const char *what,
				uint32_t value);
bool vg_queue_has_work(const struct vg_queue *q);

/* For the scheduler: could a step of the queue do anything? */
bool vg_queue_runnable(const struct vgpu *vg, const struct vg_queue *q);
/* Let the queue do one step; true when it made progress. */
bool vg_queue_step(struct vgpu *vg, struct vg_queue *q);

#endif
