/* SPDX-License-Identifier: MIT */
#include "core/gpu.h"

enum {
	/* The most steps of a queue in a row.  The number is small, so that queues interleave. */
	MAX_TURN = 8,
	/* The most steps in one vgpu_run(). */
	MAX_RUN = 32,
	/* The engines pause after one of this many calls of vgpu_run(). */
	RUNS_PER_PAUSE = 16,
	/* The most steps of vgpu_drain(), which has to end although a user's queue may loop. */
	MAX_DRAIN = 4096,
};

/*
 * SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
 * 2014.
 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t vg_random(struct vgpu *vg, uint32_t max)
{
	if (!max)
		return 0;
	return (next_random(&vg->sched.random) >> 32) * ((uint64_t)max + 1) >> 32;
}

void vg_sched_init(struct vgpu *vg)
{
	vg->sched.random = vg->config.seed;
	vg->sched.epoch = 1;
}

/* A reset does not restart the random numbers, so a reload of the driver gets another schedule. */
void vg_sched_reset(struct vgpu *vg)
{
	vg->sched.last = NULL;
	vg->sched.turn = 0;
	vg_sched_wake(vg);
}

void vg_sched_wake(struct vgpu *vg)
{
	vg->sched.epoch++;
}

/* Could the queue make progress?  It cannot if it had to wait and nothing has changed since. */
static bool ready(const struct vgpu *vg, const struct vg_queue *q)
{
	return q->looked_at != vg->sched.epoch && vg_queue_runnable(vg, q);
}

static bool eligible(const struct vgpu *vg, const struct vg_queue *q, bool again)
{
	return again ? vg_queue_runnable(vg, q) : ready(vg, q);
}

/*
 * Choose the queue that does the next step.  Any order is legal, because the hardware gives no
 * order between queues.  When all queues wait, choose one of them to try its packet again.
 */
static struct vg_queue *pick(struct vgpu *vg)
{
	struct vg_sched *s = &vg->sched;
	unsigned int count = 0, n;
	bool again = false;

	if (s->turn && ready(vg, s->last)) {
		s->turn--;
		return s->last;
	}
	for (struct vg_queue *q = s->queues; q; q = q->next)
		count += ready(vg, q);
	if (!count) {
		again = true;
		for (struct vg_queue *q = s->queues; q; q = q->next)
			count += vg_queue_runnable(vg, q);
	}
	if (!count)
		return NULL;
	n = vg_random(vg, count - 1);
	s->turn = vg_random(vg, MAX_TURN - 1);
	for (struct vg_queue *q = s->queues; q; q = q->next)
		if (eligible(vg, q, again) && !n--)
			return s->last = q;
	return NULL;
}

bool vgpu_step(struct vgpu *vg)
{
	struct vg_queue *q;

	if (vgpu_stopped(vg) || vg->bus_writes)
		return false;
	q = pick(vg);
	if (!q && !vg->sched.flushes)
		return false;
	vg->time++;
	vg->sched.current = q;
	if (q && vg_queue_step(vg, q))
		vg_sched_wake(vg);
	else if (q)
		q->looked_at = vg->sched.epoch;
	vg->sched.current = NULL;
	if (vg->sched.flushes)
		vg->chip->step_flushes(vg);
	return vgpu_busy(vg);
}

bool vgpu_busy(const struct vgpu *vg)
{
	if (vgpu_stopped(vg))
		return false;
	if (vg->sched.flushes)
		return true;
	for (const struct vg_queue *q = vg->sched.queues; q; q = q->next)
		if (vg_queue_runnable(vg, q))
			return true;
	return false;
}

bool vgpu_waiting(const struct vgpu *vg)
{
	if (vg->bus_writes)
		return true;
	if (vg->sched.flushes)
		return false;
	for (const struct vg_queue *q = vg->sched.queues; q; q = q->next)
		if (ready(vg, q))
			return false;
	return true;
}

/*
 * Do at most @steps steps.  Memory may have changed since the last call, so let every
 * waiting queue look again.
 */
static void run(struct vgpu *vg, unsigned int steps)
{
	vg_sched_wake(vg);
	while (steps-- && vgpu_step(vg) && !vgpu_waiting(vg))
		;
}

void vgpu_unmapping(struct vgpu *vg)
{
	unsigned int steps = vgpu_busy(vg) ? vg_inject_amount(vg, VG_INJECT_LATE_UNMAP) : 0;

	if (steps)
		run(vg, steps);
}

bool vgpu_run(struct vgpu *vg)
{
	if (!vgpu_busy(vg))
		return false;
	run(vg, vg_random(vg, MAX_RUN));
	return vgpu_waiting(vg) || (!vg_random(vg, RUNS_PER_PAUSE - 1) && !vg->config.no_pauses);
}

void vgpu_drain(struct vgpu *vg)
{
	if (!vgpu_busy(vg))
		return;
	vg_trace(vg, "drain");
	run(vg, MAX_DRAIN);
}
