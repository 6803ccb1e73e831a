/* SPDX-License-Identifier: MIT */
/* Tests queues that are mapped through registers: activation, preemption, resuming, page faults. */
#include "gfx9/regs_gc.h"
#include "tests/build.h"
#include "tests/mqd.h"

enum { VMID = 8, DOORBELL = 0x1000, STEPS = 10000, SAVE_WAVES = 3, RESET = 2 };
#define RING_VA 0x100000000ull
#define DATA_VA 0x200000000ull
#define IB_VA	0x300000000ull

static uint32_t *data(struct fake_host *f)
{
	return (uint32_t *)(f->ram + 0x400000);
}

static struct fake_host *ready(struct user_queue *u)
{
	struct fake_host *f = fake_new();

	fake_enable_vmid(f, VMID);
	fake_map(f, VMID, DATA_VA, FAKE_RAM_BASE + 0x400000, FAKE_RW | VG_PTE_SYSTEM);
	user_queue_init(f, u, 0, VMID, RING_VA, DOORBELL);
	u->ring.queue = 2;
	fake_queue_activate(f, &u->ring);
	return f;
}

static void kick_and_run(struct fake_host *f, struct user_queue *u)
{
	user_queue_kick(f, u);
	fake_run(f, STEPS);
}

/* Map the queue again as the driver does: write the registers from the MQD. */
static void map_again(struct fake_host *f, struct user_queue *u)
{
	const uint32_t *mqd = &u->mqd->cp_mqd_base_addr_lo;

	fake_queue_select(f, &u->ring);
	for (unsigned int i = 0; i < VG_HQD_REGS; i++)
		vgpu_mmio_write(f->vg, 4 * (VG_ADDR(CP_MQD_BASE_ADDR) + i), mqd[i]);
	vgpu_mmio_write(f->vg, 4 * VG_ADDR(CP_HQD_ACTIVE), 1);
}

static void runs_and_reports_its_rptr(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);

	build_write32(&u.ring, DATA_VA, 1);
	kick_and_run(f, &u);
	CHECK(data(f)[0] == 1);
	CHECK(*u.rptr == u.ring.wptr);
	CHECK(fake_queue_reg(f, &u.ring, VG_ADDR(CP_HQD_PQ_RPTR)) == u.ring.wptr);
	fake_free(f);
}

static void dequeue_needs_a_step(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);

	fake_queue_dequeue(f, &u.ring, SAVE_WAVES);
	CHECK(fake_queue_active(f, &u.ring));
	CHECK(vgpu_busy(f->vg));
	vgpu_step(f->vg);
	CHECK(!fake_queue_active(f, &u.ring));
	CHECK(!vgpu_busy(f->vg));
	CHECK(fake_logged(f, "preempt queue=cp1.0.2"));
	CHECK(fake_logged(f, "unmap queue=cp1.0.2"));
	fake_free(f);
}

/* The driver drains, resets or saves a queue.  The model stops at every other request. */
static void each_request_is_known_or_stops(void)
{
	for (uint32_t type = 1; type < 4; type++) {
		struct user_queue u;
		struct fake_host *f = ready(&u);

		fake_queue_dequeue(f, &u.ring, type);
		CHECK(fake_queue_active(f, &u.ring) == (type != RESET));
		fake_run(f, STEPS);
		CHECK(!fake_queue_active(f, &u.ring));
		CHECK(fake_logged(f, type == RESET ? "kill queue=cp1.0.2" : "unmap queue=cp1.0.2"));
		fake_free(f);
	}
	for (uint32_t type = 4; type < 8; type++) {
		struct user_queue u;
		struct fake_host *f = ready(&u);

		fake_queue_dequeue(f, &u.ring, type);
		fake_expect_stop(f, "dequeue request");
	}
}

static void a_dequeued_queue_hears_no_doorbell(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);

	fake_queue_dequeue(f, &u.ring, SAVE_WAVES);
	fake_run(f, STEPS);
	build_write32(&u.ring, DATA_VA, 1);
	kick_and_run(f, &u);
	CHECK(data(f)[0] == 0);
	CHECK(fake_logged(f, "taken=0"));
	fake_free(f);
}

/*
 * A doorbell write while the queue is unmapped is lost.  The packet runs all the same, because the
 * next mapping reads the write pointer from memory.
 */
static void mapping_again_goes_on_and_replays_nothing(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);

	build_write32(&u.ring, DATA_VA, 1);
	kick_and_run(f, &u);
	fake_queue_dequeue(f, &u.ring, SAVE_WAVES);
	fake_run(f, STEPS);
	data(f)[0] = 0;
	build_write32(&u.ring, DATA_VA + 4, 2);
	user_queue_kick(f, &u);
	map_again(f, &u);
	fake_run(f, STEPS);
	CHECK(data(f)[0] == 0);
	CHECK(data(f)[1] == 2);
	CHECK(*u.rptr == u.ring.wptr);
	fake_free(f);
}

static void a_copy_under_way_is_finished_first(void)
{
	enum { BYTES = 4096 * 4 };
	struct user_queue u;
	struct fake_host *f = ready(&u);
	unsigned int steps;

	for (unsigned int i = 0; i < 8; i++)
		fake_map(f, VMID, DATA_VA + i * VG_PAGE_SIZE,
			 FAKE_RAM_BASE + 0x400000 + i * VG_PAGE_SIZE, FAKE_RW | VG_PTE_SYSTEM);
	data(f)[0] = 0x1234;
	data(f)[BYTES / 4 - 1] = 0x5678;
	build_dma(&u.ring, DATA_VA + BYTES, DATA_VA, BYTES);
	build_write32(&u.ring, DATA_VA, 9);
	user_queue_kick(f, &u);
	vgpu_step(f->vg);
	fake_queue_dequeue(f, &u.ring, SAVE_WAVES);
	for (steps = 0; fake_queue_active(f, &u.ring); steps++) {
		CHECK(steps < 10);
		vgpu_step(f->vg);
	}
	CHECK(steps == 4); /* three slices of the copy, then the preemption */
	CHECK(data(f)[2 * BYTES / 4 - 1] == 0x5678);
	CHECK(data(f)[0] == 0x1234); /* the next packet has not run */
	fake_free(f);
}

static void a_waiting_queue_can_be_taken_off(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);

	build_wait_mem(&u.ring, DATA_VA, PM4_WAIT_EQUAL, 1);
	build_write32(&u.ring, DATA_VA + 4, 2);
	kick_and_run(f, &u);
	fake_queue_dequeue(f, &u.ring, SAVE_WAVES);
	fake_run(f, STEPS);
	CHECK(!fake_queue_active(f, &u.ring));
	data(f)[0] = 1;
	fake_run(f, STEPS);
	CHECK(data(f)[1] == 0);
	map_again(f, &u);
	fake_run(f, STEPS);
	CHECK(data(f)[1] == 2);
	fake_free(f);
}

/* Map a page for an IB, which the build functions can fill like a queue. */
static struct fake_queue make_ib(struct fake_host *f)
{
	fake_map(f, VMID, IB_VA, FAKE_RAM_BASE + 0x500000, FAKE_RW | VG_PTE_SYSTEM);
	return (struct fake_queue){ .dwords = 1024, .mem = (uint32_t *)(f->ram + 0x500000) };
}

static void an_interrupted_ib_goes_on(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);
	struct fake_queue ib = make_ib(f);

	for (unsigned int i = 0; i < 4; i++)
		build_write32(&ib, DATA_VA + 4 * i, i + 1);
	build_ib(&u.ring, IB_VA, ib.wptr, 0);
	user_queue_kick(f, &u);
	for (unsigned int i = 0; i < 3; i++) /* the packet with the IB, and two packets of the IB */
		vgpu_step(f->vg);
	CHECK(data(f)[1] == 2 && data(f)[2] == 0);
	fake_queue_dequeue(f, &u.ring, SAVE_WAVES);
	vgpu_step(f->vg);
	CHECK(!fake_queue_active(f, &u.ring));
	data(f)[0] = data(f)[1] = 0;
	map_again(f, &u);
	fake_run(f, STEPS);
	CHECK(data(f)[0] == 0 && data(f)[1] == 0); /* these packets have not run again */
	CHECK(data(f)[2] == 3 && data(f)[3] == 4);
	fake_free(f);
}

/* When the driver maps the queue again, it runs the packet that faulted and the rest of the IB. */
static void an_ib_goes_on_after_a_fault(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);
	struct fake_queue ib = make_ib(f);

	build_write32(&ib, DATA_VA, 1);
	build_write32(&ib, DATA_VA + VG_PAGE_SIZE, 2);
	build_write32(&ib, DATA_VA + 4, 3);
	build_ib(&u.ring, IB_VA, ib.wptr, 0);
	kick_and_run(f, &u);
	CHECK(fake_log_count(f, "halt queue=cp1.0.2") == 1);
	CHECK(data(f)[0] == 1 && data(f)[1] == 0);
	fake_queue_dequeue(f, &u.ring, SAVE_WAVES);
	fake_run(f, STEPS);
	CHECK(!fake_queue_active(f, &u.ring));
	data(f)[0] = 0;
	fake_map(f, VMID, DATA_VA + VG_PAGE_SIZE, FAKE_RAM_BASE + 0x401000,
		 FAKE_RW | VG_PTE_SYSTEM);
	map_again(f, &u);
	fake_run(f, STEPS);
	CHECK(data(f)[0] == 0 && data(f)[1] == 3);
	CHECK(data(f)[VG_PAGE_SIZE / 4] == 2);
	fake_free(f);
}

/* The registers have no place for a position in a nested IB, so the model stops. */
static void a_fault_in_a_nested_ib_stops_the_preemption(void)
{
	enum { INNER = 0x200 }; /* in dwords */
	struct user_queue u;
	struct fake_host *f = ready(&u);
	struct fake_queue outer = make_ib(f), inner = outer;

	inner.mem += INNER;
	build_write32(&inner, DATA_VA + VG_PAGE_SIZE, 1);
	build_write32(&inner, DATA_VA, 2);
	build_ib(&outer, IB_VA + 4 * INNER, inner.wptr, 0);
	build_write32(&outer, DATA_VA + 4, 3);
	build_ib(&u.ring, IB_VA, outer.wptr, 0);
	kick_and_run(f, &u);
	CHECK(fake_log_count(f, "halt queue=cp1.0.2") == 1);
	fake_queue_dequeue(f, &u.ring, SAVE_WAVES);
	fake_run(f, STEPS);
	fake_expect_stop(f, "preempted after a GPU page fault in a nested IB");
}

static void a_kernel_queue_finishes_a_users_ib(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);
	struct fake_queue ib = make_ib(f), kiq;

	fake_kiq(f, &kiq);
	for (unsigned int i = 0; i < 4; i++)
		build_write32(&ib, DATA_VA + 4 * i, i + 1);
	build_ib(&kiq, IB_VA, ib.wptr, VMID);
	fake_ring_doorbell(f, &kiq);
	for (unsigned int i = 0; i < 3; i++) /* the packet with the IB, and two packets of the IB */
		vgpu_step(f->vg);
	CHECK(data(f)[1] == 2 && data(f)[2] == 0);
	fake_queue_dequeue(f, &kiq, SAVE_WAVES);
	fake_run(f, STEPS);
	CHECK(!fake_queue_active(f, &kiq));
	CHECK(data(f)[2] == 3 && data(f)[3] == 4);
	fake_free(f);
}

static void a_fault_halts_the_queue_until_it_is_removed(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);

	build_write32(&u.ring, DATA_VA + VG_PAGE_SIZE, 1);
	build_write32(&u.ring, DATA_VA, 2);
	kick_and_run(f, &u);
	CHECK(fake_log_count(f, "fault hub=gfxhub vmid=8") == 1);
	CHECK(fake_log_count(f, "halt queue=cp1.0.2") == 1);
	CHECK(!vgpu_busy(f->vg));
	CHECK(data(f)[0] == 0);
	user_queue_kick(f, &u);
	fake_run(f, STEPS);
	/* The queue has not tried again. */
	CHECK(fake_log_count(f, "fault hub=gfxhub vmid=8") == 1);
	CHECK(fake_queue_active(f, &u.ring));
	fake_queue_dequeue(f, &u.ring, SAVE_WAVES);
	fake_run(f, STEPS);
	CHECK(!fake_queue_active(f, &u.ring));
	fake_free(f);
}

static void other_queues_go_on_beside_a_halted_one(void)
{
	struct user_queue u, v;
	struct fake_host *f = ready(&u);

	user_queue_init(f, &v, 1, VMID, RING_VA + 0x100000, DOORBELL + 2);
	v.ring.queue = 3;
	fake_queue_activate(f, &v.ring);
	build_write32(&u.ring, DATA_VA + VG_PAGE_SIZE, 1);
	build_wait_mem(&v.ring, DATA_VA, PM4_WAIT_EQUAL, 1);
	build_write32(&v.ring, DATA_VA + 4, 2);
	user_queue_kick(f, &u);
	user_queue_kick(f, &v);
	fake_run(f, STEPS);
	data(f)[0] = 1;
	for (unsigned int i = 0; i < 4; i++)
		vgpu_step(f->vg);
	CHECK(data(f)[1] == 2);
	fake_free(f);
}

static void reset_drops_the_rest_at_once(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);

	build_write32(&u.ring, DATA_VA, 1);
	user_queue_kick(f, &u);
	fake_queue_dequeue(f, &u.ring, RESET);
	CHECK(!fake_queue_active(f, &u.ring));
	fake_run(f, STEPS);
	CHECK(data(f)[0] == 0);
	fake_free(f);
}

static void a_halted_micro_engine_runs_nothing(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);
	uint32_t cntl = 4 * VG_ADDR(CP_MEC_CNTL);

	vgpu_mmio_write(f->vg, cntl, VG_FIELD_PREP(CP_MEC_CNTL, MEC_ME1_HALT, 1));
	build_write32(&u.ring, DATA_VA, 1);
	kick_and_run(f, &u);
	CHECK(!vgpu_busy(f->vg) && data(f)[0] == 0);
	vgpu_mmio_write(f->vg, cntl, 0);
	fake_run(f, STEPS);
	CHECK(data(f)[0] == 1);
	fake_free(f);
}

/* The queue u.ring is on pipe 0 of ME 1.  The reset of another pipe does not affect it. */
static void the_reset_of_a_pipe_takes_its_queues_off(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);
	uint32_t cntl = 4 * VG_ADDR(CP_MEC_CNTL);

	vgpu_mmio_write(f->vg, cntl,
			VG_FIELD_PREP(CP_MEC_CNTL, MEC_ME1_PIPE1_RESET, 1) |
				VG_FIELD_PREP(CP_MEC_CNTL, MEC_ME2_PIPE0_RESET, 1));
	CHECK(fake_queue_active(f, &u.ring));
	vgpu_mmio_write(f->vg, cntl, VG_FIELD_PREP(CP_MEC_CNTL, MEC_ME1_PIPE0_RESET, 1));
	CHECK(!fake_queue_active(f, &u.ring));
	vgpu_mmio_write(f->vg, cntl, 0);
	build_write32(&u.ring, DATA_VA, 1);
	kick_and_run(f, &u);
	CHECK(data(f)[0] == 0);
	fake_free(f);
}

static void ring_pages_are_read_through_the_tlb(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);

	build_write32(&u.ring, DATA_VA, 1);
	kick_and_run(f, &u);
	/* Map another page at the ring's address, without a flush: the TLB has the old page. */
	*fake_pte(f, VMID, RING_VA) = (FAKE_RAM_BASE + 0x480000) | FAKE_RW | VG_PTE_SYSTEM;
	build_write32(&u.ring, DATA_VA + 4, 2); /* this packet goes to the old page of the ring */
	kick_and_run(f, &u);
	CHECK(data(f)[1] == 2);
	fake_free(f);
}

static void registers_of_an_active_queue_do_not_change(void)
{
	struct user_queue u;
	struct fake_host *f = ready(&u);

	fake_queue_select(f, &u.ring);
	vgpu_mmio_write(f->vg, 4 * VG_ADDR(CP_HQD_PQ_BASE), 0x1234);
	fake_expect_stop(f, "while the queue is active");
}

static void no_selection_no_queue(void)
{
	struct fake_host *f = fake_new();

	vgpu_mmio_write(f->vg, 4 * VG_ADDR(GRBM_GFX_CNTL), 0);
	vgpu_mmio_read(f->vg, 4 * VG_ADDR(CP_HQD_ACTIVE));
	fake_expect_stop(f, "no queue selected");
}

int main(void)
{
	runs_and_reports_its_rptr();
	dequeue_needs_a_step();
	each_request_is_known_or_stops();
	a_dequeued_queue_hears_no_doorbell();
	mapping_again_goes_on_and_replays_nothing();
	a_copy_under_way_is_finished_first();
	a_waiting_queue_can_be_taken_off();
	an_interrupted_ib_goes_on();
	an_ib_goes_on_after_a_fault();
	a_fault_in_a_nested_ib_stops_the_preemption();
	a_kernel_queue_finishes_a_users_ib();
	a_fault_halts_the_queue_until_it_is_removed();
	other_queues_go_on_beside_a_halted_one();
	reset_drops_the_rest_at_once();
	a_halted_micro_engine_runs_nothing();
	the_reset_of_a_pipe_takes_its_queues_off();
	ring_pages_are_read_through_the_tlb();
	registers_of_an_active_queue_do_not_change();
	no_selection_no_queue();
	return 0;
}
