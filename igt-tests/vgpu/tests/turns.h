/* SPDX-License-Identifier: MIT */
/*
 * Processes that take turns: run lists that end with a packet that leads back to their beginning,
 * and checks after each step, for tests of the hardware scheduler.
 */
#ifndef TEST_TURNS_H
#define TEST_TURNS_H

#include "tests/hws.h"

enum {
	TURNS_PROCESSES = 3 * HWS_NUM_VMIDS,
	/* ME1 pipe 0, queues 2 .. 7, and pipe 1 */
	TURNS_FIRST_SLOT = 2,
	TURNS_SLOTS = 14,
	TURNS_PACKETS = 100,
	TURNS_QUANTUM = 10, /* process_quantum of KFD, kfd_packet_manager_v9.c:109 */
	TURNS_MOST_STEPS = 200000,
	TURNS_TABLES_VMID = 1,	/* in this VMID turns_set_up() makes the page tables of a process */
	TURNS_IB_AT = 0x500000, /* offset in RAM of a page with an IB for each process */
	TURNS_LIST_DWORDS = 4,	/* a RUN_LIST packet */
};
#define TURNS_IB_VA 0x300000000ull

struct turns {
	struct hws h;
	unsigned int processes, max_processes, quantum;
	enum pm4_engine engine;
	struct user_queue u[TURNS_PROCESSES];
	uint64_t root[TURNS_PROCESSES];
	uint32_t seen[TURNS_PROCESSES]; /* the last value that a step has found in the data */
};

static inline volatile uint32_t *turns_data(struct turns *t, unsigned int n)
{
	return hws_data(&t->h) + n * VG_PAGE_SIZE / 4;
}

static inline struct fake_host *turns_host(struct turns *t)
{
	return t->h.f;
}

static inline const struct vg_hws *turns_state(struct turns *t)
{
	return &vg_gfx9(turns_host(t)->vg)->cp[0].hws;
}

static inline void turns_set_up(struct turns *t, unsigned int processes)
{
	struct fake_host *f;

	*t = (struct turns){ .processes = processes,
			     .max_processes = HWS_NUM_VMIDS,
			     .quantum = TURNS_QUANTUM };
	hws_start(&t->h);
	f = turns_host(t);
	build_resources(&t->h.hiq, HWS_VMIDS, ((1ull << TURNS_SLOTS) - 1) << TURNS_FIRST_SLOT);
	fake_ring_doorbell(f, &t->h.hiq);
	fake_run(f, HWS_STEPS);
	for (unsigned int i = 0; i < HWS_NUM_VMIDS; i++)
		fake_enable_vmid(f, HWS_FIRST_VMID + i);
	for (unsigned int n = 0; n < processes; n++) {
		fake_enable_vmid(f, TURNS_TABLES_VMID);
		user_map(f, TURNS_TABLES_VMID, HWS_DATA_VA, HWS_DATA_AT + n * VG_PAGE_SIZE, 1);
		user_map(f, TURNS_TABLES_VMID, TURNS_IB_VA, TURNS_IB_AT + n * VG_PAGE_SIZE, 1);
		user_queue_init(f, &t->u[n], n, TURNS_TABLES_VMID, HWS_RING_VA,
				HWS_DOORBELL + 2 * n);
		t->root[n] = hws_root(&t->h, TURNS_TABLES_VMID);
	}
}

/* Let @seed choose the schedule.  Use the program vgpu's default for the steps of a preemption. */
static inline void turns_slow_down(struct turns *t, uint64_t seed)
{
	turns_host(t)->vg->config.seed = seed;
	turns_host(t)->vg->config.preempt_steps = VG_PREEMPT_STEPS;
	vg_sched_init(turns_host(t)->vg);
}

/* End the list with a packet that leads back to its beginning, and submit the list. */
static inline void turns_submit_chained(struct turns *t)
{
	struct fake_queue *list = &t->h.list;
	const uint64_t va = FAKE_GART_BASE + HWS_LIST_AT;
	uint32_t processes = VG_PREP(RUN_LIST_PROCESSES, t->max_processes);
	uint32_t dwords = list->wptr + TURNS_LIST_DWORDS;

	build_run_list_with(list, va, dwords, processes | RUN_LIST_CHAIN);
	CHECK(list->wptr == dwords);
	build_run_list_with(&t->h.hiq, va, dwords, processes);
	fake_ring_doorbell(turns_host(t), &t->h.hiq);
}

static inline void turns_submit(struct turns *t)
{
	hws_begin_list(&t->h);
	for (unsigned int n = 0; n < t->processes; n++) {
		build_map_process_for(&t->h.list, HWS_PASID + n, t->root[n], t->quantum);
		build_map_queue_of(&t->h.list, t->engine, t->u[n].ring.doorbell, t->u[n].mqd_va,
				   t->u[n].wptr_va);
	}
	turns_submit_chained(t);
}

/* Append packets to @q that store 1, 2, ... @packets in the first dword of the data. */
static inline void turns_count_in(struct fake_queue *q, unsigned int packets)
{
	for (unsigned int i = 1; i <= packets; i++)
		build_write32(q, HWS_DATA_VA, i);
}

/* Let all processes count; their queues are not mapped, so only memory has the write pointers. */
static inline void turns_count(struct turns *t, unsigned int packets)
{
	for (unsigned int n = 0; n < t->processes; n++) {
		turns_count_in(&t->u[n].ring, packets);
		*t->u[n].wptr = t->u[n].ring.wptr;
	}
}

/* Check that no packet is lost or runs twice, and that each queue is in the VMID of its process. */
static inline void turns_look(struct turns *t)
{
	for (unsigned int n = 0; n < t->processes; n++) {
		uint32_t now = turns_data(t, n)[0];

		CHECK(now == t->seen[n] || now == t->seen[n] + 1);
		t->seen[n] = now;
	}
	for (unsigned int i = 0; i < VG_NUM_HQDS; i++) {
		const struct vg_hqd *h = &vg_gfx9(turns_host(t)->vg)->cp[0].hqd[i];

		if (h->dynamic)
			CHECK(vg_vmid_pasid(turns_host(t)->vg, h->q.vmid) ==
			      (int)(HWS_PASID + (vg_hqd_doorbell(h) - HWS_DOORBELL) / 2));
	}
	CHECK(hws_mapped(&t->h) <= t->max_processes);
}

/* Do a step.  Check that the HWS maps no queue while the current turn waits for its end. */
static inline void turns_plain_step(struct turns *t)
{
	unsigned int before = hws_mapped(&t->h);
	bool full = turns_state(t)->turn.full;

	CHECK(vgpu_step(turns_host(t)->vg));
	if (full && turns_state(t)->turn.full)
		CHECK(hws_mapped(&t->h) <= before);
}

static inline void turns_step(struct turns *t)
{
	turns_plain_step(t);
	turns_look(t);
}

static inline bool turns_all_have(struct turns *t, uint32_t value)
{
	for (unsigned int n = 0; n < t->processes; n++)
		if (turns_data(t, n)[0] != value)
			return false;
	return true;
}

static inline void turns_step_until_all_have(struct turns *t, uint32_t value)
{
	for (unsigned int steps = 0; !turns_all_have(t, value); steps++) {
		CHECK(steps < TURNS_MOST_STEPS);
		turns_step(t);
	}
}

static inline void turns_step_over(struct turns *t, unsigned int turns)
{
	const unsigned int end = fake_log_count(turns_host(t), "turn-over") + turns;

	for (unsigned int steps = 0; fake_log_count(turns_host(t), "turn-over") < end; steps++) {
		CHECK(steps < TURNS_MOST_STEPS);
		turns_step(t);
	}
}

static inline bool turns_is_mapped(struct turns *t, unsigned int n)
{
	for (unsigned int i = 0; i < VG_NUM_HQDS; i++) {
		const struct vg_hqd *h = &vg_gfx9(turns_host(t)->vg)->cp[0].hqd[i];

		if (h->dynamic && vg_hqd_doorbell(h) == t->u[n].ring.doorbell)
			return true;
	}
	return false;
}

#endif
