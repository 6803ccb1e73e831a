/* SPDX-License-Identifier: MIT */
/*
 * The schedule of the engines: which queue does the next step, and how many steps a
 * preemption or a flush takes.  One generator of random numbers draws every choice,
 * so that the seed and the host's calls determine the whole run.
 */
#ifndef VG_SCHED_H
#define VG_SCHED_H

#include "core/queue.h"

struct vg_sched {
	struct vg_queue *queues;    /* all queues, in the order of registration */
	struct vg_queue *last;	    /* the queue that did the last step */
	struct vg_queue *current;   /* the queue that is doing a step now, or NULL */
	struct vg_queue *executing; /* the queue that is inside ops->execute(), or NULL */
	unsigned int turn;	    /* steps that @last does before another queue is chosen */
	unsigned int flushes;	    /* flushes under way: of the TLBs of all hubs, and of HDP */
	uint64_t epoch;		    /* goes up with each change that may end a queue's wait */
	uint64_t random;	    /* state of the generator, which begins with the seed */
};

void vg_sched_init(struct vgpu *vg);
void vg_sched_reset(struct vgpu *vg);
/* Draw a number from 0 to @max, which is below 2^32.  Draws nothing for 0. */
uint32_t vg_random(struct vgpu *vg, uint32_t max);
/* Let every waiting queue look again, because something has changed. */
void vg_sched_wake(struct vgpu *vg);

#endif
