/* SPDX-License-Identifier: MIT */
/*
 * Tests the schedule.  It is reproducible, and the model says that a queue is off or a flush is
 * done only after the last access with the old state.
 */
#include <string.h>

#include "tests/engine.h"
#include "tests/fake_sdma.h"

enum { SEEDS = 20, PREEMPT_STEPS = 40, FLUSH_STEPS = 30, WRITES = 100 };

/* ---- the schedule is reproducible ---- */

/* Write a register and let the engines work afterwards, as the host does after each message. */
static void write_reg(struct engine *e, uint32_t reg, uint32_t value)
{
	vgpu_mmio_write(e->f->vg, 4 * reg, value);
	vgpu_run(e->f->vg);
}

static void poll_until(struct engine *e, bool (*done)(struct engine *))
{
	for (unsigned int i = 0; !done(e); i++) {
		CHECK(i < ENGINE_STEPS);
		vgpu_run(e->f->vg);
	}
}

static bool acknowledged(struct engine *e)
{
	return engine_ack(e) == 1u << ENGINE_VMID;
}

static bool is_off(struct engine *e)
{
	return !engine_is_active(e);
}

static bool is_idle(struct engine *e)
{
	return !vgpu_busy(e->f->vg);
}

static bool is_fenced(struct engine *e)
{
	return engine_fence(e);
}

/*
 * Make the calls that the driver makes when a notifier evicts a queue, while two queues work, and
 * record the trace.
 */
static void record(uint64_t seed, struct engine *e)
{
	struct user_queue other;

	engine_init(e, seed, PREEMPT_STEPS, FLUSH_STEPS);
	user_queue_init(e->f, &other, 1, ENGINE_VMID, ENGINE_RING_VA + 0x10000,
			ENGINE_DOORBELL + 2);
	other.ring.queue = 3;
	fake_queue_activate(e->f, &other.ring);
	engine_count(e, WRITES);
	vgpu_run(e->f->vg);
	build_dma(&other.ring, ENGINE_DATA_VA + 8 * VG_PAGE_SIZE, ENGINE_DATA_VA + 4 * VG_PAGE_SIZE,
		  4 * VG_PAGE_SIZE);
	build_write32(&other.ring, ENGINE_DATA_VA + VG_PAGE_SIZE, 1);
	user_queue_kick(e->f, &other);
	vgpu_run(e->f->vg);

	fake_queue_select(e->f, &e->u.ring);
	write_reg(e, VG_ADDR(CP_HQD_DEQUEUE_REQUEST), DEQUEUE_SAVE);
	poll_until(e, is_off);
	fake_flush(e->f, VG_GFXHUB, ENGINE_VMID);
	poll_until(e, acknowledged);
	build_invalidate(&e->kiq, ENGINE_PASID, true);
	build_query_status(&e->kiq, ENGINE_FENCE, 1);
	fake_ring_doorbell(e->f, &e->kiq);
	poll_until(e, is_fenced);
	poll_until(e, is_idle);
}

static void same_seed_same_trace(void)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct engine a, b;

		record(seed, &a);
		record(seed, &b);
		CHECK(a.f->log_len > 1000);
		CHECK(!strcmp(a.f->log, b.f->log));
		CHECK(a.f->vg->time == b.f->vg->time);
		fake_free(a.f);
		fake_free(b.f);
	}
}

static void other_seed_other_trace(void)
{
	unsigned int different = 0;
	struct engine first;

	record(0, &first);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct engine e;

		record(seed, &e);
		different += !!strcmp(first.f->log, e.f->log);
		/* Nobody preempts the other queue, so it has done its work with every seed. */
		CHECK(engine_data(&e)[VG_PAGE_SIZE / 4] == 1);
		fake_free(e.f);
	}
	CHECK(different == SEEDS);
	fake_free(first.f);
}

static void idle_steps(bool no_pauses, unsigned int *none, unsigned int *pauses, uint64_t *most)
{
	struct engine e;

	engine_init(&e, 1, 0, 0);
	e.f->vg->config.no_pauses = no_pauses;
	for (unsigned int i = 0; i < 10; i++) {
		engine_count(&e, WRITES);
		while (vgpu_busy(e.f->vg)) {
			uint64_t before = e.f->vg->time;
			uint64_t steps;

			*pauses += vgpu_run(e.f->vg) && vgpu_busy(e.f->vg);
			steps = e.f->vg->time - before;
			*none += !steps;
			*most = steps > *most ? steps : *most;
		}
		e.u.ring.wptr = *e.u.wptr;
	}
	fake_free(e.f);
}

static void idle_steps_are_bounded_and_sometimes_none(void)
{
	unsigned int none = 0, pauses = 0;
	uint64_t most = 0;

	idle_steps(false, &none, &pauses, &most);
	CHECK(none && pauses && most > 8 && most <= 32);
}

static void pauses_can_be_left_out(void)
{
	unsigned int none = 0, pauses = 0;
	uint64_t most = 0;

	idle_steps(true, &none, &pauses, &most);
	CHECK(none && !pauses && most > 8 && most <= 32);
}

/* An IB that chains to itself is an endless loop of packets, which only a preemption ends. */
static void endless_loop_keeps_neither_host_nor_engine(void)
{
	const struct pm4_indirect_buffer body = {
		.base_lo = vg_lo(ENGINE_DATA_VA),
		.base_hi = vg_hi(ENGINE_DATA_VA),
		.control = VG_PREP(IB_SIZE, 1 + PM4_DWORDS(body)) | VG_PREP(IB_CHAIN, 1) | IB_VALID,
	};
	struct engine e;
	uint64_t before;

	engine_init(&e, 1, PREEMPT_STEPS, 0);
	engine_data(&e)[0] = pm4_header(PM4_INDIRECT_BUFFER, PM4_DWORDS(body));
	memcpy((void *)(engine_data(&e) + 1), &body, sizeof(body));
	build_ib(&e.u.ring, ENGINE_DATA_VA, 1 + PM4_DWORDS(body), 0);
	user_queue_kick(e.f, &e.u);
	before = e.f->vg->time;
	vgpu_drain(e.f->vg);
	CHECK(vgpu_busy(e.f->vg) && e.f->vg->time - before > 1000);
	fake_queue_dequeue(e.f, &e.u.ring, DEQUEUE_SAVE);
	vgpu_drain(e.f->vg);
	CHECK(!vgpu_busy(e.f->vg) && !engine_is_active(&e));
	fake_free(e.f);
}

static void nobody_starves(void)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct user_queue other;
		struct engine e;

		engine_init(&e, seed, 0, 0);
		user_queue_init(e.f, &other, 1, ENGINE_VMID, ENGINE_RING_VA + 0x10000,
				ENGINE_DOORBELL + 2);
		other.ring.queue = 3;
		fake_queue_activate(e.f, &other.ring);
		for (unsigned int i = 1; i <= WRITES; i++)
			build_write32(&other.ring, ENGINE_DATA_VA + 8, i);
		user_queue_kick(e.f, &other);
		engine_count(&e, WRITES);
		for (unsigned int i = 0; i < WRITES; i++)
			vgpu_step(e.f->vg);
		CHECK(engine_data(&e)[0] > 10 && engine_data(&e)[2] > 10);
		fake_free(e.f);
	}
}

/* vgpu_waiting() is true only after a look at all queues, in whatever order the seed chooses. */
static void all_are_asked_before_the_gpu_waits(void)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct user_queue other;
		struct engine e;

		engine_init(&e, seed, 0, 0);
		user_queue_init(e.f, &other, 1, ENGINE_VMID, ENGINE_RING_VA + 0x10000,
				ENGINE_DOORBELL + 2);
		other.ring.queue = 3;
		fake_queue_activate(e.f, &other.ring);
		build_wait_mem(&e.u.ring, ENGINE_DATA_VA, PM4_WAIT_EQUAL, 1);
		user_queue_kick(e.f, &e.u);
		build_wait_mem(&other.ring, ENGINE_DATA_VA + 4, PM4_WAIT_EQUAL, 1);
		build_write32(&other.ring, ENGINE_DATA_VA + 8, 1);
		user_queue_kick(e.f, &other);
		fake_run(e.f, ENGINE_STEPS);
		CHECK(vgpu_busy(e.f->vg) && vgpu_waiting(e.f->vg));
		engine_data(&e)[1] = 1;
		vgpu_drain(e.f->vg);
		CHECK(engine_data(&e)[2] == 1);
		fake_free(e.f);
	}
}

/* ---- preemption ---- */

static void preempted_queue_works_on_until_it_is_off(void)
{
	unsigned int at_once = 0, most = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		unsigned int on_request, done;
		struct engine e;

		engine_init(&e, seed, PREEMPT_STEPS, 0);
		engine_count(&e, WRITES);
		while (engine_data(&e)[0] < 10)
			vgpu_step(e.f->vg);
		on_request = engine_data(&e)[0];
		fake_queue_dequeue(e.f, &e.u.ring, DEQUEUE_SAVE);
		while (engine_is_active(&e))
			vgpu_step(e.f->vg);
		done = engine_data(&e)[0];
		vgpu_drain(e.f->vg);
		CHECK(engine_data(&e)[0] == done);
		CHECK(done - on_request <= PREEMPT_STEPS);
		/*
		 * The saved read pointer is behind the last finished packet.  Each packet has five
		 * dwords.
		 */
		CHECK(e.u.mqd->cp_hqd_pq_rptr == 5 * done);
		at_once += done == on_request;
		most = done - on_request > most ? done - on_request : most;
		fake_free(e.f);
	}
	CHECK(at_once < SEEDS / 2 && most > PREEMPT_STEPS / 2);
}

static void idle_queue_takes_its_time_too(void)
{
	unsigned int most = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		unsigned int steps = 0;
		struct engine e;

		engine_init(&e, seed, PREEMPT_STEPS, 0);
		fake_queue_dequeue(e.f, &e.u.ring, DEQUEUE_SAVE);
		for (; engine_is_active(&e); steps++)
			vgpu_step(e.f->vg);
		CHECK(steps && steps <= PREEMPT_STEPS + 1);
		most = steps > most ? steps : most;
		fake_free(e.f);
	}
	CHECK(most > PREEMPT_STEPS / 2);
}

static void fence_behind_unmap_comes_after_the_last_access(void)
{
	unsigned int worked_on = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		unsigned int before, done;
		struct engine e;

		engine_init(&e, seed, PREEMPT_STEPS, 0);
		engine_count(&e, WRITES);
		while (!engine_data(&e)[0])
			vgpu_step(e.f->vg);
		before = engine_data(&e)[0];
		build_unmap(&e.kiq, VG_UNMAP_DOORBELL, ENGINE_DOORBELL);
		build_query_status(&e.kiq, ENGINE_FENCE, 1);
		fake_ring_doorbell(e.f, &e.kiq);
		while (!engine_fence(&e))
			vgpu_step(e.f->vg);
		CHECK(!engine_is_active(&e));
		done = engine_data(&e)[0];
		vgpu_drain(e.f->vg);
		CHECK(engine_data(&e)[0] == done && done < WRITES);
		worked_on += done > before;
		fake_free(e.f);
	}
	CHECK(worked_on > SEEDS / 2);
}

/*
 * Without SWITCH_INSIDE_IB the engine cannot save a position in an IB, so the queue must not leave
 * before the end of the IB.
 */
static void sdma_does_not_leave_inside_an_ib(void)
{
	enum { FENCES = 20, IB = 0x1000, INDIRECTS = 4, FENCE_DWORDS = 4 };
	unsigned int left_early = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct fake_host *f = fake_sdma_host();
		struct vg_sdma_indirect ib =
			sdma_indirect(SDMA_DATA + IB, FENCES * FENCE_DWORDS, 0);
		volatile uint32_t *value = fake_data(f, SDMA_DATA);
		struct fake_sdma s;

		f->vg->config = (struct vg_config){ .vram = f->vram,
						    .seed = seed,
						    .preempt_steps = PREEMPT_STEPS };
		vg_sched_init(f->vg);
		fake_sdma_init(&s, f, VG_SDMA_RLC0, SDMA_VMID);
		fake_sdma_enable(&s);
		for (unsigned int i = 0; i < FENCES; i++) {
			struct vg_sdma_fence fence = sdma_fence(SDMA_DATA, i + 1);

			memcpy(fake_data(f, SDMA_DATA + IB + sizeof(fence) * i), &fence,
			       sizeof(fence));
		}
		for (unsigned int i = 0; i < INDIRECTS; i++)
			fake_sdma_emit(&s, &ib, SDMA_DWORDS(ib));
		fake_sdma_ring(&s);
		for (unsigned int i = 0; i < seed; i++)
			vgpu_step(f->vg);
		fake_sdma_disable(&s);
		while (!fake_sdma_idle(&s))
			CHECK(vgpu_step(f->vg) || fake_sdma_idle(&s));
		CHECK(*value == FENCES);
		CHECK(fake_sdma_rptr(&s) % SDMA_DWORDS(ib) == 0);
		left_early += fake_sdma_rptr(&s) < INDIRECTS * SDMA_DWORDS(ib);
		fake_free(f);
	}
	CHECK(left_early);
}

/* ---- TLB ---- */

/* Let the TLB cache the first page of data, then change the page's PTE without a flush. */
static void cached_page_moves(struct engine *e)
{
	build_write32(&e->u.ring, ENGINE_DATA_VA, 1);
	user_queue_kick(e->f, &e->u);
	fake_run(e->f, ENGINE_STEPS);
	CHECK(engine_data(e)[0] == 1);
	engine_move_page(e);
}

static void old_page_may_be_used_until_the_acknowledgement(void)
{
	unsigned int used = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		unsigned int old;
		struct engine e;

		engine_init(&e, seed, 0, FLUSH_STEPS);
		cached_page_moves(&e);
		fake_flush(e.f, VG_GFXHUB, ENGINE_VMID);
		engine_count(&e, WRITES);
		while (!engine_ack(&e)) {
			CHECK(!engine_other(&e)[0]);
			CHECK(vgpu_busy(e.f->vg) && !vgpu_waiting(e.f->vg));
			vgpu_step(e.f->vg);
		}
		CHECK(engine_ack(&e) == 1u << ENGINE_VMID);
		old = engine_data(&e)[0];
		fake_run(e.f, ENGINE_STEPS);
		CHECK(engine_data(&e)[0] == old);
		CHECK(engine_other(&e)[0] == WRITES);
		used += old > 1;
		fake_free(e.f);
	}
	CHECK(used > SEEDS / 2);
}

static void fence_behind_invalidate_tlbs_comes_after_the_old_page(void)
{
	unsigned int used = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		unsigned int old;
		struct engine e;

		engine_init(&e, seed, 0, FLUSH_STEPS);
		cached_page_moves(&e);
		build_invalidate(&e.kiq, ENGINE_PASID, false);
		build_query_status(&e.kiq, ENGINE_FENCE, 1);
		fake_ring_doorbell(e.f, &e.kiq);
		engine_count(&e, WRITES);
		while (!engine_fence(&e))
			vgpu_step(e.f->vg);
		old = engine_data(&e)[0];
		fake_run(e.f, ENGINE_STEPS);
		CHECK(engine_data(&e)[0] == old);
		CHECK(engine_other(&e)[0] == WRITES);
		used += old > 1;
		fake_free(e.f);
	}
	CHECK(used > SEEDS / 2);
}

static void requests_of_one_engine_merge(void)
{
	struct engine e;

	engine_init(&e, 1, 0, 0);
	CHECK(!vgpu_inject(e.f->vg, "late-tlb-ack:steps=5"));
	fake_flush(e.f, VG_GFXHUB, 2);
	vgpu_step(e.f->vg);
	fake_flush(e.f, VG_GFXHUB, 3);
	fake_flush(e.f, VG_MMHUB, 4);
	CHECK(engine_ack(&e) == 0);
	for (unsigned int i = 0; i < 5; i++) {
		CHECK(engine_ack(&e) == 0);
		vgpu_step(e.f->vg);
	}
	CHECK(engine_ack(&e) == (1u << 2 | 1u << 3));
	CHECK(vgpu_mmio_read(e.f->vg, 4 * vg_mmhub_regs.eng_ack) == 1u << 4);
	CHECK(!vgpu_busy(e.f->vg));
	fake_free(e.f);
}

static void reset_forgets_requests(void)
{
	struct engine e;

	engine_init(&e, 1, 0, 0);
	CHECK(!vgpu_inject(e.f->vg, "late-tlb-ack:steps=5"));
	fake_flush(e.f, VG_GFXHUB, 2);
	CHECK(vgpu_busy(e.f->vg));
	vgpu_reset(e.f->vg);
	CHECK(!vgpu_busy(e.f->vg) && vgpu_waiting(e.f->vg));
	fake_free(e.f);
}

/* ---- trace ---- */

static void filter_lets_its_prefixes_through(void)
{
	struct engine e;

	engine_init(&e, 1, 0, 0);
	e.f->vg->config.trace_filter = "door,packet";
	fake_log_clear(e.f);
	engine_count(&e, 3);
	fake_queue_dequeue(e.f, &e.u.ring, DEQUEUE_SAVE);
	fake_run(e.f, ENGINE_STEPS);
	CHECK(fake_log_count(e.f, "\n") == fake_log_count(e.f, "t="));
	CHECK(fake_log_count(e.f, " doorbell ") == 1);
	CHECK(fake_log_count(e.f, "\n") ==
	      fake_log_count(e.f, " doorbell ") + fake_log_count(e.f, " packet "));
	fake_free(e.f);
}

int main(void)
{
	same_seed_same_trace();
	other_seed_other_trace();
	idle_steps_are_bounded_and_sometimes_none();
	pauses_can_be_left_out();
	endless_loop_keeps_neither_host_nor_engine();
	nobody_starves();
	all_are_asked_before_the_gpu_waits();
	preempted_queue_works_on_until_it_is_off();
	idle_queue_takes_its_time_too();
	fence_behind_unmap_comes_after_the_last_access();
	sdma_does_not_leave_inside_an_ib();
	old_page_may_be_used_until_the_acknowledgement();
	fence_behind_invalidate_tlbs_comes_after_the_old_page();
	requests_of_one_engine_merge();
	reset_forgets_requests();
	filter_lets_its_prefixes_through();
	return 0;
}
