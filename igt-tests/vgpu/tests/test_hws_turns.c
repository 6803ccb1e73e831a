/* SPDX-License-Identifier: MIT */
/* Tests the turns that processes take if a run list needs more VMIDs or slots than there are. */
#include <stdio.h>

#include "tests/fake_sdma.h"
#include "tests/turns.h"

/* ---- turns ---- */

static unsigned int turns_of(struct turns *t, unsigned int n)
{
	char text[32];

	snprintf(text, sizeof(text), "map-process pasid=0x%x ", HWS_PASID + n);
	return fake_log_count(turns_host(t), text);
}

static void each_process_has_turns(uint64_t seed)
{
	struct turns t;

	turns_set_up(&t, TURNS_PROCESSES);
	turns_slow_down(&t, seed);
	turns_count(&t, TURNS_PACKETS);
	turns_submit(&t);
	turns_step_until_all_have(&t, TURNS_PACKETS);
	CHECK(fake_log_count(turns_host(&t), "op=WRITE_DATA") == TURNS_PROCESSES * TURNS_PACKETS);
	CHECK(!fake_logged(turns_host(&t), "fault"));
	for (unsigned int n = 0; n < TURNS_PROCESSES; n++)
		CHECK(turns_of(&t, n) > 1);
	fake_free(turns_host(&t));
}

/*
 * Each process has its own pages at the same addresses, so the HWS must flush a VMID for a new
 * owner.
 */
static void a_vmid_of_another_turn_is_flushed(void)
{
	struct turns t;

	turns_set_up(&t, 2);
	t.max_processes = 1;
	turns_count(&t, TURNS_PACKETS);
	turns_submit(&t);
	turns_step_over(&t, 1);
	fake_log_clear(turns_host(&t));
	turns_step_over(&t, 1);
	CHECK(turns_of(&t, 0) == 1);
	CHECK(fake_log_count(turns_host(&t), "why=new-owner") == turns_host(&t)->vg->num_hubs);
	turns_step_until_all_have(&t, TURNS_PACKETS);
	fake_free(turns_host(&t));
}

/* Changed page tables take effect only by a flush of the driver, even if the turn changes. */
static void a_turn_flushes_nothing_of_a_process_that_keeps_its_vmid(void)
{
	enum { OTHER = TURNS_IB_AT + VG_PAGE_SIZE };
	volatile uint32_t *other;
	struct turns t;

	turns_set_up(&t, 1);
	other = (uint32_t *)(turns_host(&t)->ram + OTHER);
	turns_count(&t, 1);
	turns_submit(&t);
	turns_step_until_all_have(&t, 1);
	user_map(turns_host(&t), HWS_FIRST_VMID, HWS_DATA_VA, OTHER, 1);
	turns_step_over(&t, 2);
	build_write32(&t.u[0].ring, HWS_DATA_VA, 2);
	user_queue_kick(turns_host(&t), &t.u[0]);
	turns_step_until_all_have(&t, 2);
	CHECK(*other == 0);

	build_invalidate(&t.h.hiq, HWS_PASID, false);
	fake_ring_doorbell(turns_host(&t), &t.h.hiq);
	turns_step_over(&t, 2);
	build_write32(&t.u[0].ring, HWS_DATA_VA, 3);
	user_queue_kick(turns_host(&t), &t.u[0]);
	for (unsigned int steps = 0; *other != 3; steps++) {
		CHECK(steps < TURNS_MOST_STEPS);
		turns_step(&t);
	}
	fake_free(turns_host(&t));
}

static void the_packet_limits_the_processes_of_a_turn(unsigned int limit, unsigned int most)
{
	unsigned int seen = 0;
	struct turns t;

	turns_set_up(&t, TURNS_PROCESSES);
	turns_count(&t, TURNS_PACKETS);
	t.max_processes = limit;
	turns_submit(&t);
	t.max_processes = most;
	while (!turns_all_have(&t, TURNS_PACKETS)) {
		turns_step(&t);
		if (seen < hws_mapped(&t.h))
			seen = hws_mapped(&t.h);
	}
	CHECK(seen == most);
	fake_free(turns_host(&t));
}

/*
 * Returns the ticks from the moment when the first turn is full to its end.  There are two idle
 * processes, and room for one.
 */
static uint64_t ticks_of_a_turn(unsigned int quantum)
{
	uint64_t full = 0;
	struct turns t;

	turns_set_up(&t, 2);
	t.max_processes = 1;
	t.quantum = quantum;
	turns_submit(&t);
	while (!fake_logged(turns_host(&t), "turn-over")) {
		if (!full && turns_state(&t)->turn.full)
			full = turns_host(&t)->vg->time;
		turns_step(&t);
	}
	full = turns_host(&t)->vg->time - full;
	fake_free(turns_host(&t));
	return full;
}

static void the_quantum_is_the_length_of_a_turn(void)
{
	uint64_t ticks = ticks_of_a_turn(TURNS_QUANTUM),
		 longer = ticks_of_a_turn(2 * TURNS_QUANTUM);

	/* Both numbers of ticks also contain the steps that a preemption takes. */
	CHECK(ticks > TURNS_QUANTUM);
	CHECK(longer > ticks + TURNS_QUANTUM);
}

/* One process with more queues than there are slots. */
static void queues_without_a_slot_get_their_turn(void)
{
	enum { QUEUES = 2 * TURNS_SLOTS + 1, RING_STEP = 0x10000 };
	struct user_queue u[QUEUES];
	unsigned int done = 0;
	struct turns t;

	turns_set_up(&t, 1);
	turns_slow_down(&t, 0);
	hws_begin_list(&t.h);
	build_map_process_for(&t.h.list, HWS_PASID, t.root[0], TURNS_QUANTUM);
	for (unsigned int i = 0; i < QUEUES; i++) {
		user_queue_init(turns_host(&t), &u[i], 1 + i, TURNS_TABLES_VMID,
				HWS_RING_VA + (1 + i) * RING_STEP, HWS_DOORBELL + 2 * i);
		build_write32(&u[i].ring, HWS_DATA_VA + 4 * (1 + i), 1);
		*u[i].wptr = u[i].ring.wptr;
		build_map_queue(&t.h.list, u[i].ring.doorbell, u[i].mqd_va, u[i].wptr_va);
	}
	turns_submit_chained(&t);
	for (unsigned int steps = 0; done < QUEUES; steps++) {
		CHECK(steps < TURNS_MOST_STEPS);
		turns_plain_step(&t);
		CHECK(hws_mapped(&t.h) <= TURNS_SLOTS);
		done = 0;
		for (unsigned int i = 0; i < QUEUES; i++)
			done += turns_data(&t, 0)[1 + i];
	}
	CHECK(fake_log_count(turns_host(&t), "op=WRITE_DATA") == QUEUES);
	fake_free(turns_host(&t));
}

static void sdma_queues_take_turns(void)
{
	enum { FENCES = 50 };
	struct turns t;

	turns_set_up(&t, HWS_NUM_VMIDS + 1);
	turns_slow_down(&t, 0);
	fake_sdma_start_engine(turns_host(&t));
	t.engine = PM4_ENGINE_SDMA0;
	for (unsigned int n = 0; n < t.processes; n++) {
		struct fake_sdma s = {
			.f = turns_host(&t),
			.ring = HWS_RING_VA,
			.rptr_addr = t.u[n].ring.rptr_report,
			.mem = t.u[n].ring.mem,
		};

		for (unsigned int i = 1; i <= FENCES; i++) {
			const struct vg_sdma_fence fence = sdma_fence(HWS_DATA_VA, i);

			fake_sdma_emit(&s, &fence, SDMA_DWORDS(fence));
		}
		fake_sdma_write_mqd(&s, t.u[n].mqd_va, true);
		*t.u[n].wptr = 4 * s.wptr;
	}
	turns_submit(&t);
	turns_step_until_all_have(&t, FENCES);
	CHECK(fake_log_count(turns_host(&t), "turn-over") > 1);
	CHECK(!fake_logged(turns_host(&t), "fault"));
	fake_free(turns_host(&t));
}

/* ---- state of a queue over turns ---- */

static void a_turn_ends_in_the_middle_of_an_ib(void)
{
	enum { IN_IB = 2 * TURNS_PACKETS };
	struct fake_queue ib;
	bool middle = false;
	struct turns t;

	turns_set_up(&t, HWS_NUM_VMIDS + 1);
	turns_slow_down(&t, 0);
	ib = (struct fake_queue){ .mem = (uint32_t *)(turns_host(&t)->ram + TURNS_IB_AT),
				  .dwords = VG_PAGE_SIZE / 4 };
	turns_count_in(&ib, IN_IB);
	build_ib(&t.u[0].ring, TURNS_IB_VA, ib.wptr, 0);
	*t.u[0].wptr = t.u[0].ring.wptr;
	turns_submit(&t);
	for (unsigned int steps = 0; turns_data(&t, 0)[0] != IN_IB; steps++) {
		CHECK(steps < TURNS_MOST_STEPS);
		turns_step(&t);
		middle |= t.seen[0] && !turns_is_mapped(&t, 0) && t.u[0].mqd->cp_hqd_ib_rptr &&
			  t.u[0].mqd->cp_hqd_ib_rptr < ib.wptr;
	}
	CHECK(middle);
	CHECK(fake_log_count(turns_host(&t), "op=WRITE_DATA") == IN_IB);
	fake_free(turns_host(&t));
}

static void a_packet_that_waits_goes_on_waiting(void)
{
	struct turns t;

	turns_set_up(&t, HWS_NUM_VMIDS + 1);
	build_wait_mem(&t.u[0].ring, HWS_DATA_VA + 4, PM4_WAIT_EQUAL, 5);
	build_write32(&t.u[0].ring, HWS_DATA_VA, 1);
	*t.u[0].wptr = t.u[0].ring.wptr;
	turns_submit(&t);
	turns_step_over(&t, 4);
	CHECK(turns_data(&t, 0)[0] == 0);
	turns_data(&t, 0)[1] = 5;
	for (unsigned int steps = 0; !turns_data(&t, 0)[0]; steps++) {
		CHECK(steps < TURNS_MOST_STEPS);
		turns_step(&t);
	}
	fake_free(turns_host(&t));
}

/*
 * Ring doorbells at any moment of any turn.  Returns how many doorbell writes no queue has claimed.
 */
static unsigned int rings_that_nobody_took(uint64_t seed)
{
	enum { ROUNDS = 5 * (HWS_NUM_VMIDS + 1) };
	unsigned int untaken;
	struct turns t;

	turns_set_up(&t, HWS_NUM_VMIDS + 1);
	turns_slow_down(&t, seed);
	turns_submit(&t);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int n = round % t.processes;
		uint32_t value = t.seen[n] + 1;

		for (unsigned int i =
			     vg_random(turns_host(&t)->vg, 2 * TURNS_QUANTUM * HWS_NUM_VMIDS);
		     i; i--)
			turns_step(&t);
		build_write32(&t.u[n].ring, HWS_DATA_VA, value);
		user_queue_kick(turns_host(&t), &t.u[n]);
		for (unsigned int steps = 0; turns_data(&t, n)[0] != value; steps++) {
			CHECK(steps < TURNS_MOST_STEPS);
			turns_step(&t);
		}
	}
	untaken = fake_log_count(turns_host(&t), "taken=0");
	CHECK(untaken < ROUNDS);
	fake_free(turns_host(&t));
	return untaken;
}

static void no_doorbell_is_lost(void)
{
	unsigned int untaken = 0;

	for (uint64_t seed = 0; seed < 8; seed++)
		untaken += rings_that_nobody_took(seed);
	CHECK(untaken);
}

/* Each interrupt has the PASID of the process that the queue belonged to, and none is lost. */
static void interrupts_name_their_process(void)
{
	const uint32_t enable = VG_FIELD_PREP(CP_ME1_PIPE0_INT_CNTL, TIME_STAMP_INT_ENABLE, 1);
	enum { PIPES = 2 };
	unsigned int seen[TURNS_PROCESSES] = { 0 };
	struct turns t;

	turns_set_up(&t, TURNS_PROCESSES);
	fake_enable_ih(turns_host(&t), VG_PAGE_SIZE);
	for (unsigned int pipe = 0; pipe < PIPES; pipe++)
		vgpu_mmio_write(turns_host(&t)->vg, 4 * (VG_ADDR(CP_ME1_PIPE0_INT_CNTL) + pipe),
				enable);
	for (unsigned int n = 0; n < TURNS_PROCESSES; n++) {
		build_release(&t.u[n].ring, HWS_DATA_VA, 1, PM4_DATA_LOW32, PM4_INT_AFTER_WRITE, n);
		*t.u[n].wptr = t.u[n].ring.wptr;
	}
	turns_submit(&t);
	turns_step_until_all_have(&t, 1);
	CHECK(turns_host(&t)->irqs == TURNS_PROCESSES);
	for (unsigned int i = 0; i < TURNS_PROCESSES; i++) {
		const uint32_t *iv = fake_iv(turns_host(&t), i);

		CHECK(iv[4] < TURNS_PROCESSES && !seen[iv[4]]++);
		CHECK((iv[3] & 0xffff) == HWS_PASID + iv[4]);
	}
	fake_free(turns_host(&t));
}

/* ---- the end of the turns ---- */

/*
 * Submit UNMAP_QUEUES after @at steps.  Returns whether the HWS was preempting queues at that time.
 */
static bool unmap_after(unsigned int at)
{
	bool preempting;
	struct turns t;

	turns_set_up(&t, HWS_NUM_VMIDS + 1);
	turns_slow_down(&t, 0);
	turns_count(&t, TURNS_PACKETS);
	turns_submit(&t);
	while (at--)
		turns_step(&t);
	preempting = turns_state(&t)->turn.full &&
		     turns_host(&t)->vg->time > turns_state(&t)->turn.ends;
	hws_unmap(&t.h, VG_UNMAP_NON_STATIC, 0, 5);
	for (unsigned int steps = 0; hws_fence(&t.h) != 5; steps++) {
		CHECK(steps < TURNS_MOST_STEPS);
		CHECK(vgpu_step(turns_host(&t)->vg) || hws_fence(&t.h) == 5);
		turns_look(&t);
	}
	CHECK(hws_mapped(&t.h) == 0);
	fake_run(turns_host(&t), HWS_STEPS);
	CHECK(!vgpu_busy(turns_host(&t)->vg) && hws_mapped(&t.h) == 0);

	turns_submit(&t);
	turns_step_until_all_have(&t, TURNS_PACKETS);
	fake_free(turns_host(&t));
	return preempting;
}

static void unmap_ends_the_turns(void)
{
	unsigned int preempting = 0, cases = 0;

	for (unsigned int at = 0; at < 600; at += 9, cases++)
		preempting += unmap_after(at);
	CHECK(preempting && preempting < cases);
}

/*
 * Before a reset of the GPU the driver resets all pipes, but does not unmap the queues of the list.
 * So the reset of the pipes must end the turns.
 */
static void a_reset_of_the_pipes_ends_the_turns(void)
{
	struct fake_host *f;
	struct turns t;

	turns_set_up(&t, HWS_NUM_VMIDS + 1);
	f = turns_host(&t);
	turns_submit(&t);
	turns_step_over(&t, 1);
	vgpu_mmio_write(f->vg, 4 * VG_ADDR(CP_MEC_CNTL), ~0u);
	vgpu_mmio_write(f->vg, 4 * VG_ADDR(CP_MEC_CNTL), 0);
	CHECK(!vgpu_busy(f->vg) && hws_mapped(&t.h) == 0);

	fake_queue_select(f, &t.h.hiq);
	vgpu_mmio_write(f->vg, 4 * VG_ADDR(CP_HQD_PQ_WPTR_LO), t.h.hiq.wptr);
	fake_queue_activate(f, &t.h.hiq);
	turns_count(&t, TURNS_PACKETS);
	turns_submit(&t);
	turns_step_until_all_have(&t, TURNS_PACKETS);
	fake_free(f);
}

static void step_for_a_while(struct turns *t)
{
	for (unsigned int steps = 0; steps < HWS_STEPS; steps++)
		CHECK(vgpu_step(turns_host(t)->vg));
}

/*
 * A queue that ignores its preemption (an injected fault) goes on in its VMID, which no other
 * process gets.  The driver notices it, because the fence behind UNMAP_QUEUES does not come, and
 * resets the pipes.
 */
static void a_queue_that_does_not_stop_keeps_the_turn(void)
{
	struct fake_host *f;
	struct turns t;

	turns_set_up(&t, HWS_NUM_VMIDS + 1);
	f = turns_host(&t);
	CHECK(!vgpu_inject(f->vg, "fail-preempt:count=1"));
	turns_submit(&t);
	step_for_a_while(&t);
	CHECK(fake_logged(f, "inject fault=fail-preempt strike=1"));
	CHECK(hws_mapped(&t.h) == 1 && turns_state(&t)->turn.full);
	CHECK(!fake_logged(f, "turn-over") && !turns_of(&t, HWS_NUM_VMIDS));

	hws_unmap(&t.h, VG_UNMAP_NON_STATIC, 0, 5);
	step_for_a_while(&t);
	CHECK(hws_mapped(&t.h) == 1 && hws_fence(&t.h) != 5);
	vgpu_mmio_write(f->vg, 4 * VG_ADDR(CP_MEC_CNTL), ~0u);
	vgpu_mmio_write(f->vg, 4 * VG_ADDR(CP_MEC_CNTL), 0);
	CHECK(!vgpu_busy(f->vg) && hws_mapped(&t.h) == 0);
	fake_free(f);
}

/* ---- lists that are not modelled ---- */

static void two_turns(struct turns *t)
{
	turns_set_up(t, HWS_NUM_VMIDS + 1);
	turns_submit(t);
	turns_step_over(t, 1);
}

static void unmap_of_some_queues_stops(unsigned int sel, uint32_t which)
{
	struct turns t;

	two_turns(&t);
	while (!turns_is_mapped(&t, 0))
		turns_step(&t);
	hws_unmap(&t.h, sel, which, 1);
	fake_run(turns_host(&t), HWS_STEPS);
	fake_expect_stop(turns_host(&t), "UNMAP_QUEUES");
}

static void a_list_that_leads_to_another_stops(void)
{
	struct turns t;

	turns_set_up(&t, 1);
	hws_begin_list(&t.h);
	build_map_process(&t.h.list, HWS_PASID, t.root[0]);
	build_run_list_with(&t.h.list, FAKE_GART_BASE + HWS_LIST_AT, TURNS_LIST_DWORDS,
			    RUN_LIST_CHAIN);
	build_run_list(&t.h.hiq, FAKE_GART_BASE + HWS_LIST_AT, t.h.list.wptr);
	fake_ring_doorbell(turns_host(&t), &t.h.hiq);
	fake_run(turns_host(&t), HWS_STEPS);
	fake_expect_stop(turns_host(&t), "RUN_LIST to another list");
}

static void a_list_without_a_process_stops(void)
{
	struct turns t;

	turns_set_up(&t, 0);
	hws_begin_list(&t.h);
	turns_submit_chained(&t);
	fake_run(turns_host(&t), HWS_STEPS);
	fake_expect_stop(turns_host(&t), "RUN_LIST of no process");
}

static void another_packet_in_a_list_stops(void)
{
	struct turns t;

	turns_set_up(&t, 0);
	hws_begin_list(&t.h);
	build_write32(&t.h.list, FAKE_GART_BASE, 1);
	build_run_list(&t.h.hiq, FAKE_GART_BASE + HWS_LIST_AT, t.h.list.wptr);
	fake_ring_doorbell(turns_host(&t), &t.h.hiq);
	fake_run(turns_host(&t), HWS_STEPS);
	fake_expect_stop(turns_host(&t), "packet in a run list");
}

int main(void)
{
	for (uint64_t seed = 0; seed < 8; seed++)
		each_process_has_turns(seed);
	a_vmid_of_another_turn_is_flushed();
	a_turn_flushes_nothing_of_a_process_that_keeps_its_vmid();
	the_packet_limits_the_processes_of_a_turn(3, 3);
	the_packet_limits_the_processes_of_a_turn(0, 1); /* hws_max_conc_proc=0: one at a time */
	the_quantum_is_the_length_of_a_turn();
	queues_without_a_slot_get_their_turn();
	sdma_queues_take_turns();
	a_turn_ends_in_the_middle_of_an_ib();
	a_packet_that_waits_goes_on_waiting();
	no_doorbell_is_lost();
	interrupts_name_their_process();
	unmap_ends_the_turns();
	a_reset_of_the_pipes_ends_the_turns();
	a_queue_that_does_not_stop_keeps_the_turn();
	unmap_of_some_queues_stops(VG_UNMAP_PASID, HWS_PASID);
	unmap_of_some_queues_stops(VG_UNMAP_DOORBELL, HWS_DOORBELL);
	a_list_that_leads_to_another_stops();
	a_list_without_a_process_stops();
	another_packet_in_a_list_stops();
	return 0;
}
