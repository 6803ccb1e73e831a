/* SPDX-License-Identifier: MIT */
/*
 * The engines' schedule: whose turn it is, and how long things take.  Every
 * choice is drawn from one generator, so that a seed and the host's calls
 * determine the run.
 */
#ifndef VG_SCHED_H
#define VG_SCHED_H

#include "core/model.h"

void vg_sched_init(struct vgpu *vg);
void vg_sched_reset(struct vgpu *vg);
/* 0 .. @max, @max below 2^32; nothing is drawn for 0. */
uint32_t vg_random(struct vgpu *vg, uint32_t max);
/* Something has changed that a waiting queue may have waited for. */
void vg_sched_wake(struct vgpu *vg);

/* Of core/queue.c: is there anything to do; one step, true when it made progress. */
bool vg_queue_runnable(const struct vgpu *vg, const struct vg_queue *q);
bool vg_queue_step(struct vgpu *vg, struct vg_queue *q);

#endif
