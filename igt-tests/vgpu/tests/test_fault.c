/* SPDX-License-Identifier: MIT */
/* Tests that each injected fault strikes and has its effect. */
#include <errno.h>

#include "core/tlb.h"
#include "oracle/protocol.h"
#include "tests/engine.h"
#include "vega10_enum.h"

static void start(struct engine *e, const char *fault)
{
	engine_init(e, 1, 0, 0);
	CHECK(!vgpu_inject(e->f->vg, fault));
}

static void finish(struct engine *e, const char *strikes)
{
	CHECK(fake_logged(e->f, strikes));
	fake_free(e->f);
}

static unsigned int steps_until_off(struct engine *e)
{
	unsigned int steps;

	for (steps = 0; engine_is_active(e); steps++) {
		CHECK(steps < ENGINE_STEPS);
		vgpu_step(e->f->vg);
	}
	return steps;
}

/* ---- names and arguments of faults ---- */

static void names_are_listed_and_known(void)
{
	struct engine e;
	const char *name, *what;
	size_t n;

	engine_init(&e, 1, 0, 0);
	for (n = 0; (name = vgpu_inject_name(n, &what)); n++) {
		CHECK(*name && *what);
		CHECK(!vgpu_inject(e.f->vg, name));
		CHECK(e.f->vg->injection[n].armed);
	}
	CHECK(n == VG_NUM_INJECTIONS);
	fake_free(e.f);
}

static void bad_texts_are_refused(void)
{
	static const struct {
		const char *text;
		int ret;
	} cases[] = {
		{ "", -ENOENT },
		{ "no-such", -ENOENT },
		{ "slow", -ENOENT },
		{ "slow-preempt-more", -ENOENT },
		{ "slow-preempt:steps", -EINVAL },
		{ "slow-preempt:steps=", -EINVAL },
		{ "slow-preempt:steps=x", -EINVAL },
		{ "slow-preempt:steps=-1", -EINVAL },
		{ "slow-preempt:steps=1x", -EINVAL },
		{ "slow-preempt:steps=1000000000000", -EINVAL },
		{ "slow-preempt:times=1", -EINVAL },
		{ "lost-doorbell:steps=1", -EINVAL },
		{ "lost-doorbell:chance=101", -EINVAL },
		{ "lost-doorbell:count=1;after=1", -EINVAL },
		{ "lost-doorbell:mark=0x100000000", -EINVAL },
		{ "lost-doorbell:count=1,after=0x2,chance=50", 0 },
	};
	struct engine e;

	engine_init(&e, 1, 0, 0);
	for (size_t i = 0; i < VG_COUNT(cases); i++)
		CHECK(vgpu_inject(e.f->vg, cases[i].text) == cases[i].ret);
	CHECK(e.f->vg->injection[VG_INJECT_LOST_DOORBELL].after == 2);
	CHECK(!e.f->vg->injection[VG_INJECT_SLOW_PREEMPT].armed);
	fake_free(e.f);
}

static void after_and_count_choose_the_strikes(void)
{
	struct engine e;

	start(&e, "lost-doorbell:after=2,count=3");
	for (unsigned int i = 0; i < 10; i++)
		CHECK(vg_inject(e.f->vg, VG_INJECT_LOST_DOORBELL) == (i >= 2 && i < 5));
	finish(&e, "inject fault=lost-doorbell strike=3");
}

/* A fault with "mark=7" does not count opportunities while the guest's mark has another value. */
static void a_mark_chooses_the_part(void)
{
	struct engine e;

	start(&e, "lost-doorbell:after=1,mark=7");
	for (uint32_t mark = 6; mark < 9; mark++) {
		if (mark > 6)
			vgpu_mmio_write(e.f->vg, 4 * VG_ORACLE_MARK, mark);
		for (unsigned int i = 0; i < 3; i++)
			CHECK(vg_inject(e.f->vg, VG_INJECT_LOST_DOORBELL) == (mark == 7 && i >= 1));
	}
	finish(&e, "inject fault=lost-doorbell strike=2");
}

/*
 * Return a bit for each of 64 opportunities: 1 where a fault with a chance of 25 percent strikes.
 */
static uint64_t strikes_of_seed(uint64_t seed)
{
	uint64_t strikes = 0;
	struct engine e;

	engine_init(&e, seed, 0, 0);
	CHECK(!vgpu_inject(e.f->vg, "lost-doorbell:chance=25"));
	for (unsigned int i = 0; i < 64; i++)
		strikes |= (uint64_t)vg_inject(e.f->vg, VG_INJECT_LOST_DOORBELL) << i;
	fake_free(e.f);
	return strikes;
}

static void chance_is_drawn_by_the_seed(void)
{
	unsigned int strikes = 0;

	for (uint64_t seed = 1; seed <= 16; seed++)
		strikes += __builtin_popcountll(strikes_of_seed(seed));
	CHECK(strikes > 150 && strikes < 362); /* of 1024 */
	CHECK(strikes_of_seed(1) == strikes_of_seed(1));
	CHECK(strikes_of_seed(1) != strikes_of_seed(2));
}

/* ---- the faults ---- */

static void slow_preempt(void)
{
	struct engine e;

	start(&e, "slow-preempt:steps=300,count=1");
	engine_count(&e, 50);
	fake_queue_dequeue(e.f, &e.u.ring, DEQUEUE_SAVE);
	CHECK(steps_until_off(&e) == 301);
	CHECK(engine_data(&e)[0] == 50); /* the queue has worked in the meantime */
	finish(&e, "inject fault=slow-preempt strike=1");
}

static void fail_preempt(void)
{
	struct engine e;

	start(&e, "fail-preempt");
	fake_queue_dequeue(e.f, &e.u.ring, DEQUEUE_SAVE);
	engine_count(&e, 50);
	CHECK(fake_run(e.f, ENGINE_STEPS) >= 50);
	CHECK(engine_is_active(&e) && engine_data(&e)[0] == 50);
	CHECK(!vgpu_busy(e.f->vg));
	fake_queue_dequeue(e.f, &e.u.ring, DEQUEUE_RESET);
	CHECK(!engine_is_active(&e));
	finish(&e, "inject fault=fail-preempt strike=1");
}

/* While a queue ignores its preemption, the fence behind UNMAP_QUEUES does not come. */
static void fail_preempt_by_packet(void)
{
	struct engine e;

	start(&e, "fail-preempt");
	build_unmap(&e.kiq, VG_UNMAP_DOORBELL, ENGINE_DOORBELL);
	build_query_status(&e.kiq, ENGINE_FENCE, 1);
	fake_ring_doorbell(e.f, &e.kiq);
	fake_run(e.f, ENGINE_STEPS);
	vgpu_drain(e.f->vg);
	CHECK(vgpu_busy(e.f->vg) && vgpu_waiting(e.f->vg));
	CHECK(engine_is_active(&e) && !engine_fence(&e));
	finish(&e, "inject fault=fail-preempt strike=1");
}

static void stale_mqd(void)
{
	struct engine e;

	start(&e, "stale-mqd");
	engine_count(&e, 5);
	fake_run(e.f, ENGINE_STEPS);
	fake_queue_dequeue(e.f, &e.u.ring, DEQUEUE_SAVE);
	steps_until_off(&e);
	CHECK(e.u.mqd->cp_hqd_pq_rptr == 0);
	finish(&e, "inject fault=stale-mqd strike=1");
}

/* Let the TLB cache the first page of data, then change the page's PTE without a flush. */
static void cached_page_moves(struct engine *e)
{
	build_write32(&e->u.ring, ENGINE_DATA_VA, 1);
	user_queue_kick(e->f, &e->u);
	fake_run(e->f, ENGINE_STEPS);
	engine_move_page(e);
}

static void write_and_run(struct engine *e, uint32_t value)
{
	build_write32(&e->u.ring, ENGINE_DATA_VA, value);
	user_queue_kick(e->f, &e->u);
	fake_run(e->f, ENGINE_STEPS);
}

static void late_tlb_ack(void)
{
	unsigned int steps;
	struct engine e;

	start(&e, "late-tlb-ack:steps=100");
	fake_flush(e.f, VG_GFXHUB, ENGINE_VMID);
	for (steps = 0; !engine_ack(&e); steps++)
		vgpu_step(e.f->vg);
	CHECK(steps == 100);
	build_invalidate(&e.kiq, ENGINE_PASID, false);
	build_query_status(&e.kiq, ENGINE_FENCE, 1);
	fake_ring_doorbell(e.f, &e.kiq);
	for (steps = 0; !engine_fence(&e); steps++)
		vgpu_step(e.f->vg);
	CHECK(steps == 102);
	finish(&e, "inject fault=late-tlb-ack strike=2");
}

static void no_tlb_flush(void)
{
	struct engine e;

	start(&e, "no-tlb-flush");
	cached_page_moves(&e);
	fake_flush(e.f, VG_GFXHUB, ENGINE_VMID);
	CHECK(engine_ack(&e) == 1u << ENGINE_VMID);
	write_and_run(&e, 2);
	CHECK(engine_data(&e)[0] == 2 && !engine_other(&e)[0]);
	build_invalidate(&e.kiq, ENGINE_PASID, false);
	fake_ring_doorbell(e.f, &e.kiq);
	fake_run(e.f, ENGINE_STEPS);
	write_and_run(&e, 3);
	CHECK(engine_data(&e)[0] == 3 && !engine_other(&e)[0]);
	finish(&e, "inject fault=no-tlb-flush strike=2");
}

static void no_tlb_flush_spares_the_kernel(void)
{
	struct engine e;

	start(&e, "no-tlb-flush");
	build_write32(&e.kiq, ENGINE_FENCE, 1);
	fake_ring_doorbell(e.f, &e.kiq);
	fake_run(e.f, ENGINE_STEPS);
	CHECK(vg_tlb_find(e.f->vg->tlb[VG_GFXHUB], 0, ENGINE_FENCE));
	fake_flush(e.f, VG_GFXHUB, 0);
	CHECK(!vg_tlb_find(e.f->vg->tlb[VG_GFXHUB], 0, ENGINE_FENCE));
	finish(&e, "inject fault=no-tlb-flush strike=1");
}

static void fault_storm(void)
{
	enum { IH_BYTES = 4096 };
	struct engine e;

	start(&e, "fault-storm:times=5,count=1");
	fake_enable_ih(e.f, IH_BYTES);
	build_write32(&e.u.ring, ENGINE_DATA_VA - VG_PAGE_SIZE, 1);
	user_queue_kick(e.f, &e.u);
	fake_run(e.f, ENGINE_STEPS);
	CHECK(fake_log_count(e.f, " fault hub=") == 1);
	CHECK(fake_log_count(e.f, " iv client=") == 6 && e.f->irqs == 6);
	finish(&e, "inject fault=fault-storm strike=1");
}

static void lost_interrupt(void)
{
	enum { IH_BYTES = 4096 };
	struct engine e;

	start(&e, "lost-interrupt:count=1");
	fake_enable_ih(e.f, IH_BYTES);
	for (unsigned int i = 0; i < 2; i++)
		vg_ih_raise(e.f->vg, &(struct vg_iv){ .client = 1 });
	CHECK(e.f->irqs == 1);
	CHECK(vg_gfx9(e.f->vg)->ih.wptr == 64); /* both vectors are in the ring */
	finish(&e, "inject fault=lost-interrupt strike=1");
}

static void lost_doorbell(void)
{
	struct engine e;

	start(&e, "lost-doorbell:count=1");
	write_and_run(&e, 1);
	CHECK(!engine_data(&e)[0]);
	write_and_run(&e, 2);
	CHECK(engine_data(&e)[0] == 2);
	finish(&e, "inject fault=lost-doorbell strike=1");
}

static void bus_error(void)
{
	struct engine e;

	start(&e, "bus-error");
	engine_data(&e)[0] = engine_data(&e)[1] = 0x1234;
	engine_data(&e)[VG_PAGE_SIZE / 4] = 0x5678;
	build_dma(&e.u.ring, ENGINE_DATA_VA + VG_PAGE_SIZE, ENGINE_DATA_VA, 4);
	build_dma(&e.u.ring, ENGINE_DATA_VA + VG_PAGE_SIZE + 4, ENGINE_DATA_VA + 4, 4);
	user_queue_kick(e.f, &e.u);
	fake_run(e.f, ENGINE_STEPS);
	CHECK(engine_data(&e)[VG_PAGE_SIZE / 4] == 0);
	CHECK(engine_data(&e)[VG_PAGE_SIZE / 4 + 1] == 0x1234);
	finish(&e, "inject fault=bus-error strike=1");
}

/* The queue works on while the IOMMU is slow.  While the GPU is idle, the fault does not strike. */
static void late_unmap(void)
{
	struct engine e;

	start(&e, "late-unmap:steps=20,count=1");
	vgpu_unmapping(e.f->vg);
	engine_count(&e, 50);
	for (unsigned int i = 0; i < 2; i++)
		vgpu_unmapping(e.f->vg);
	CHECK(engine_data(&e)[0] == 20);
	finish(&e, "inject fault=late-unmap strike=1");
}

/*
 * The fault takes the read and the write of an atomic operation, and leaves the next operation
 * alone.
 */
static void bus_error_of_an_atomic(void)
{
	const struct pm4_atomic_mem add = {
		.control = VG_PREP(ATOMIC_MEM_OP, TC_OP_ATOMIC_ADD_32),
		.addr_lo = vg_lo(ENGINE_DATA_VA),
		.addr_hi = vg_hi(ENGINE_DATA_VA),
		.src_lo = 1,
	};
	struct engine e;

	start(&e, "bus-error");
	engine_data(&e)[0] = 5;
	for (unsigned int i = 0; i < 2; i++) {
		build_packet(&e.u.ring, PM4_ATOMIC_MEM, &add, PM4_DWORDS(add));
		user_queue_kick(e.f, &e.u);
		fake_run(e.f, ENGINE_STEPS);
		CHECK(fake_log_count(e.f, "op=ATOMIC_MEM") == i + 1);
		CHECK(engine_data(&e)[0] == 5 + i);
	}
	CHECK(fake_log_count(e.f, "inject ") == 1);
	finish(&e, "inject fault=bus-error strike=1");
}

/*
 * The HIQ reads the write pointer of a queue that it maps.  That is no access of a user's packet,
 * so the fault spares it and strikes the user's first packet.
 */
static void bus_error_spares_the_packets_of_the_hiq(void)
{
	struct engine e;

	start(&e, "bus-error");
	fake_queue_dequeue(e.f, &e.u.ring, DEQUEUE_SAVE);
	steps_until_off(&e);
	build_write32(&e.u.ring, ENGINE_DATA_VA, 1);
	build_write32(&e.u.ring, ENGINE_DATA_VA + 4, 2);
	*e.u.wptr = e.u.ring.wptr;
	build_resources(&e.kiq, 1u << ENGINE_VMID, 1u << e.u.ring.queue);
	build_map_process(&e.kiq, ENGINE_PASID, vg_vmid_root(e.f->vg, VG_GFXHUB, ENGINE_VMID));
	build_map_queue(&e.kiq, ENGINE_DOORBELL, e.u.mqd_va, e.u.wptr_va);
	fake_ring_doorbell(e.f, &e.kiq);
	fake_run(e.f, ENGINE_STEPS);
	CHECK(fake_log_count(e.f, "vmid=8 op=WRITE_DATA") == 2);
	CHECK(engine_data(&e)[0] == 0 && engine_data(&e)[1] == 2);
	finish(&e, "inject fault=bus-error strike=1");
}

int main(void)
{
	names_are_listed_and_known();
	bad_texts_are_refused();
	after_and_count_choose_the_strikes();
	a_mark_chooses_the_part();
	chance_is_drawn_by_the_seed();
	slow_preempt();
	fail_preempt();
	fail_preempt_by_packet();
	stale_mqd();
	late_tlb_ack();
	no_tlb_flush();
	no_tlb_flush_spares_the_kernel();
	fault_storm();
	lost_interrupt();
	lost_doorbell();
	bus_error();
	bus_error_of_an_atomic();
	late_unmap();
	bus_error_spares_the_packets_of_the_hiq();
	return 0;
}
