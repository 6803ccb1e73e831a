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
	 * queue fetches so many dwords and calls length() again.  0 after
	 * vg_stop().
	 */
	unsigned int (*length)(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			       unsigned int n);
	enum vg_result (*execute)(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
				  unsigned int n);
	/* q->rptr has moved: store it in the register and in memory; 0 or -EFAULT. */
	int (*rptr_moved)(struct vgpu *vg, struct vg_queue *q);
	/*
	 * Can the queue's position be saved, so that a preemption may complete now?  NULL: always.
	 */
	bool (*may_leave)(const struct vgpu *vg, const struct vg_queue *q);
	/* A requested preemption is complete: save the state and clear ACTIVE. */
	void (*preempted)(struct vgpu *vg, struct vg_queue *q);
	/* May the engine run?  False while a control register halts it. */
	bool (*enabled)(const struct vgpu *vg, const struct vg_queue *q);
};

enum { VG_IB_DEPTH = 4 };

struct vg_ib {
	uint64_t va;
	uint32_t size, pos; /* dwords */
	unsigned int vmid;
};

/*
 * A ring buffer that an engine works on.  Positions count dwords since the queue was
 * mapped; the index in the ring is position % ring_size.
 */
struct vg_queue {
	const struct vg_engine_ops *ops;
	struct vg_port port;
	char name[16];
	unsigned int index;    /* in the array of the block that owns the queue */
	struct vg_queue *next; /* next queue in vg->sched.queues, the list of all queues */

	bool active;		    /* mapped: the engine may fetch */
	bool halted;		    /* after a page fault, until it is unmapped */
	bool waiting;		    /* the last step made no progress */
	bool preempting;	    /* asked to stop; ops->preempted() comes later */
	bool stuck;		    /* ops->preempted() will never be called */
	unsigned int preempt_steps; /* steps until ops->preempted() */
	uint64_t looked_at;	    /* sched.epoch when it was last seen waiting */

	unsigned int vmid;
	uint64_t ring;	    /* address in @vmid */
	uint32_t ring_size; /* dwords, a power of two */
	uint64_t rptr, wptr;

	struct vg_ib ib[VG_IB_DEPTH];
	unsigned int ib_depth;
	struct vg_ib next_ib; /* the IB to enter when the packet is complete */
	bool entering, chaining;

	uint32_t *packet; /* the packet that is fetched but not complete */
	unsigned int packet_len, packet_cap;
	uint64_t progress; /* position inside that packet, for its handler */
};

/* Register @q with the scheduler, once.  The caller has set ops, port and name. */
void vg_queue_init(struct vgpu *vg, struct vg_queue *q);
void vg_queue_free(struct vg_queue *q);
/* Start over from @rptr (dwords).  The caller has set ring, ring_size and vmid. */
void vg_queue_start(struct vgpu *vg, struct vg_queue *q, uint64_t rptr, uint64_t wptr);
/* Take the queue off at once, without ops->preempted(). */
void vg_queue_kill(struct vgpu *vg, struct vg_queue *q);
/*
 * Ask @q to stop; a later step completes that and calls ops->preempted().  The
 * queue goes on fetching and executing until then, for as many steps as the
 * seed says.  A packet under way is finished first.  A packet that waits, or
 * that halted the queue, is given up and starts anew when the queue is mapped
 * again.
 */
void vg_queue_preempt(struct vgpu *vg, struct vg_queue *q);
/* Take a new write pointer, which came by a doorbell or a register. */
void vg_queue_set_wptr(struct vgpu *vg, struct vg_queue *q, uint64_t wptr);
/* The VMID that the current packet came from and whose addresses it uses. */
unsigned int vg_queue_vmid(const struct vg_queue *q);
/*
 * For packet handlers: continue with the IB, which replaces the current one if
 * @chain.  Returns VG_DONE, or stops when the stack is full.
 */
enum vg_result vg_queue_enter_ib(struct vgpu *vg, struct vg_queue *q, unsigned int vmid,
				 uint64_t va, uint32_t dwords, bool chain);
/* For packet handlers: stop at @what, whose value is not modelled. */
enum vg_result vg_queue_unknown(struct vgpu *vg, const struct vg_queue *q, const char *what,
				uint32_t value);
bool vg_queue_has_work(const struct vg_queue *q);

/* For the scheduler: is there anything to do? */
bool vg_queue_runnable(const struct vgpu *vg, const struct vg_queue *q);
/* Let the queue do one step; true when it made progress. */
bool vg_queue_step(struct vgpu *vg, struct vg_queue *q);

#endif
