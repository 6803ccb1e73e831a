// SPDX-License-Identifier: MIT
/* Tests SDMA queues: mapping, doorbells, preemption and resuming. */
#include "tests/fake_sdma.h"

#include <string.h>

#include "gfx9/regs_sdma.h"
#include "tests/build.h"

#define MQD (FAKE_GART_BASE + 0x190000)

enum { MARK = 0x600dcafe, FENCE_DWORDS = 4, POLL_DWORDS = 6 };

static uint32_t *u32(struct fake_host *f, uint64_t va)
{
	return fake_data(f, va);
}

static void emit_fence(struct fake_sdma *s, uint64_t va, uint32_t value)
{
	const struct vg_sdma_fence fence = sdma_fence(va, value);

	fake_sdma_emit(s, &fence, SDMA_DWORDS(fence));
}

static void emit_poll(struct fake_sdma *s, uint64_t va, uint32_t value)
{
	const struct vg_sdma_poll_regmem poll = sdma_poll(va, VG_SDMA_POLL_EQ, value, ~0u);

	fake_sdma_emit(s, &poll, SDMA_DWORDS(poll));
}

static void run(struct fake_host *f)
{
	vgpu_step(f->vg);
	fake_run(f, 100000);
}

static struct fake_host *queue(struct fake_sdma *s, unsigned int index)
{
	struct fake_host *f = fake_sdma_host();

	fake_sdma_init(s, f, index, index < VG_SDMA_RLC0 ? 0 : SDMA_VMID);
	fake_sdma_enable(s);
	return f;
}

/* ---- write pointers and doorbells ---- */

static void every_queue_runs(void)
{
	struct fake_host *f = fake_sdma_host();

	for (unsigned int i = 0; i < VG_NUM_SDMA_QUEUES; i++) {
		struct fake_sdma s;

		fake_sdma_init(&s, f, i, i < VG_SDMA_RLC0 ? 0 : SDMA_VMID);
		CHECK(fake_sdma_idle(&s));
		fake_sdma_enable(&s);
		emit_fence(&s, SDMA_DATA + 4 * i, MARK + i);
		fake_sdma_ring(&s);
		CHECK(!fake_sdma_idle(&s));
		fake_run(f, 100);
		CHECK(fake_sdma_idle(&s));
		CHECK(*u32(f, SDMA_DATA + 4 * i) == MARK + i);
	}
	fake_free(f);
}

static void halted_engine_does_nothing(void)
{
	struct fake_host *f = fake_new();
	struct fake_sdma s;

	fake_sdma_init(&s, f, VG_SDMA_GFX, 0);
	fake_sdma_enable(&s);
	emit_fence(&s, SDMA_DATA, MARK);
	fake_sdma_ring(&s);
	CHECK(!vgpu_busy(f->vg));
	fake_sdma_set(&s, VG_ADDR(SDMA_F32_CNTL), 0);
	fake_run(f, 100);
	CHECK(*u32(f, SDMA_DATA) == MARK);
	fake_free(f);
}

static void doorbell_of_32_bits_moves_the_lower_half(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_GFX);

	emit_fence(&s, SDMA_DATA, MARK);
	vgpu_doorbell_write(f->vg, 4 * s.doorbell, 4 * s.wptr, 4);
	fake_run(f, 100);
	CHECK(*u32(f, SDMA_DATA) == MARK);
	fake_free(f);
}

static void wptr_register_is_as_good_as_a_doorbell(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_GFX);

	emit_fence(&s, SDMA_DATA, MARK);
	fake_sdma_set(&s, VG_ADDR(SDMA_GFX_RB_WPTR), 4 * s.wptr);
	fake_sdma_set(&s, VG_ADDR(SDMA_GFX_RB_WPTR_HI), 0);
	fake_run(f, 100);
	CHECK(*u32(f, SDMA_DATA) == MARK);
	fake_free(f);
}

static void disabled_doorbell_is_nobodys(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_GFX);

	fake_sdma_set(&s, VG_ADDR(SDMA_GFX_DOORBELL), 0);
	CHECK(!vg_sdma_doorbell(f->vg, s.doorbell, 16, 8));
	CHECK(fake_sdma_get(&s, VG_ADDR(SDMA_GFX_RB_WPTR)) == 0);
	fake_free(f);
}

static void ring_wraps_inside_packets(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_RLC0);

	/* The ring's size is not a multiple of six dwords, so some packets lie across its end. */
	for (uint32_t i = 0; i < 3 * SDMA_RING_DWORDS / POLL_DWORDS; i++) {
		*u32(f, SDMA_DATA) = i;
		emit_poll(&s, SDMA_DATA, i);
		fake_sdma_ring(&s);
		fake_run(f, 100);
		CHECK(fake_sdma_idle(&s));
	}
	CHECK(s.wptr > 2 * SDMA_RING_DWORDS);
	CHECK(fake_sdma_rptr(&s) == s.wptr);
	fake_free(f);
}

static void rptr_is_written_back_in_bytes(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_RLC0);
	uint64_t *rptr = fake_gart(f, s.rptr_addr);

	emit_fence(&s, SDMA_DATA, MARK);
	fake_sdma_ring(&s);
	fake_run(f, 100);
	CHECK(*rptr == 4 * FENCE_DWORDS);
	CHECK(fake_sdma_rptr(&s) == FENCE_DWORDS);
	fake_free(f);
}

static void wptr_that_is_no_dword_stops(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_GFX);

	vgpu_doorbell_write(f->vg, 4 * s.doorbell, 6, 8);
	fake_expect_stop(f, "not a whole dword");
}

static void what_is_not_modelled_stops(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_GFX);

	fake_sdma_set(&s, VG_ADDR(SDMA_GFX_RB_WPTR_POLL_CNTL),
		      SDMA_GFX_RB_WPTR_POLL_CNTL__F32_POLL_ENABLE_MASK);
	fake_expect_stop(f, "polling of wptr");
	f = queue(&s, VG_SDMA_RLC0);
	fake_sdma_set(&s, VG_ADDR(SDMA_GFX_RB_AQL_CNTL), SDMA_GFX_RB_AQL_CNTL__AQL_ENABLE_MASK);
	fake_expect_stop(f, "AQL");
	f = queue(&s, VG_SDMA_RLC0);
	fake_sdma_set(&s, VG_ADDR(SDMA_GFX_RB_CNTL),
		      fake_sdma_get(&s, VG_ADDR(SDMA_GFX_RB_CNTL)) ^ 1 << 1);
	fake_expect_stop(f, "while it runs");
}

/* ---- preemption through registers ---- */

static void disabled_kernel_queue_stops_at_once(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_GFX);

	emit_fence(&s, SDMA_DATA, MARK);
	fake_sdma_ring(&s);
	fake_sdma_disable(&s);
	CHECK(fake_sdma_idle(&s) && !vgpu_busy(f->vg));
	CHECK(*u32(f, SDMA_DATA) == 0);
	fake_free(f);
}

static void disabled_user_queue_is_idle_when_it_is_off(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_RLC0);

	fake_sdma_disable(&s);
	CHECK(!fake_sdma_idle(&s));
	run(f);
	CHECK(fake_sdma_idle(&s));
	fake_free(f);
}

static void long_packet_is_finished_before_the_queue_is_off(void)
{
	const struct vg_sdma_copy_linear copy =
		sdma_copy(SDMA_DATA + 0x80000, SDMA_DATA, 4 * VG_PAGE_SIZE);
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_RLC0);

	memset(u32(f, SDMA_DATA), 0x5a, 4 * VG_PAGE_SIZE);
	fake_sdma_emit(&s, &copy, SDMA_DWORDS(copy));
	emit_fence(&s, SDMA_DATA + 0xf0000, MARK);
	fake_sdma_ring(&s);
	vgpu_step(f->vg);
	fake_sdma_disable(&s);
	CHECK(!fake_sdma_idle(&s));
	run(f);
	CHECK(fake_sdma_idle(&s));
	CHECK(!memcmp(u32(f, SDMA_DATA), u32(f, SDMA_DATA + 0x80000), 4 * VG_PAGE_SIZE));
	CHECK(*u32(f, SDMA_DATA + 0xf0000) == 0);
	CHECK(fake_sdma_rptr(&s) == SDMA_DWORDS(copy));
	fake_free(f);
}

static void waiting_packet_starts_anew_after_a_stop(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_RLC0);

	emit_fence(&s, SDMA_DATA + 4, 1);
	emit_poll(&s, SDMA_DATA, 1);
	emit_fence(&s, SDMA_DATA + 4, 2);
	fake_sdma_ring(&s);
	fake_run(f, 100);
	fake_sdma_disable(&s);
	run(f);
	CHECK(fake_sdma_idle(&s));
	CHECK(fake_sdma_rptr(&s) == FENCE_DWORDS);

	*u32(f, SDMA_DATA) = 1;
	CHECK(!vgpu_busy(f->vg));
	fake_sdma_enable(&s);
	run(f);
	CHECK(*u32(f, SDMA_DATA + 4) == 2);
	CHECK(fake_sdma_rptr(&s) == s.wptr);
	fake_free(f);
}

/*
 * When a queue is idle, kgd_gfx_v9_4_3_hqd_sdma_destroy() disables its doorbell and enables the
 * queue again.  The queue must not run after that.
 */
static void enabling_without_a_doorbell_runs_nothing(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_RLC0);

	emit_poll(&s, SDMA_DATA, 1);
	emit_fence(&s, SDMA_DATA + 4, MARK);
	fake_sdma_ring(&s);
	fake_run(f, 100);
	fake_sdma_disable(&s);
	run(f);
	CHECK(fake_sdma_idle(&s));

	*u32(f, SDMA_DATA) = 1;
	fake_sdma_set(&s, VG_ADDR(SDMA_GFX_DOORBELL), 0);
	fake_sdma_set(&s, VG_ADDR(SDMA_GFX_RB_CNTL),
		      fake_sdma_get(&s, VG_ADDR(SDMA_GFX_RB_CNTL)) |
			      SDMA_GFX_RB_CNTL__RB_ENABLE_MASK);
	CHECK(!vgpu_busy(f->vg));
	CHECK(fake_sdma_rptr(&s) == 0);
	CHECK(*u32(f, SDMA_DATA + 4) == 0);
	fake_free(f);
}

/* Make an IB of a fence, a wait for a word, and another fence. */
static uint32_t waiting_ib(struct fake_host *f, uint64_t ib)
{
	const struct vg_sdma_fence first = sdma_fence(SDMA_DATA + 4, 1);
	const struct vg_sdma_poll_regmem poll = sdma_poll(SDMA_DATA, VG_SDMA_POLL_EQ, 1, ~0u);
	const struct vg_sdma_fence last = sdma_fence(SDMA_DATA + 8, MARK);
	uint8_t *p = fake_data(f, ib);

	memcpy(p, &first, sizeof(first));
	memcpy(p + sizeof(first), &poll, sizeof(poll));
	memcpy(p + sizeof(first) + sizeof(poll), &last, sizeof(last));
	return (sizeof(first) + sizeof(poll) + sizeof(last)) / 4;
}

static void emit_waiting_ib(struct fake_sdma *s)
{
	const uint64_t va = SDMA_DATA + 0x1000;
	const struct vg_sdma_indirect ib = sdma_indirect(va, waiting_ib(s->f, va), 0);

	fake_sdma_emit(s, &ib, SDMA_DWORDS(ib));
	emit_fence(s, SDMA_DATA + 12, MARK);
	fake_sdma_ring(s);
	fake_run(s->f, 100);
	CHECK(*u32(s->f, SDMA_DATA + 4) == 1 && *u32(s->f, SDMA_DATA + 8) == 0);
}

static void ib_is_finished_before_the_queue_is_off(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_RLC0);

	emit_waiting_ib(&s);
	fake_sdma_disable(&s);
	run(f);
	CHECK(!fake_sdma_idle(&s));

	*u32(f, SDMA_DATA) = 1;
	run(f);
	CHECK(fake_sdma_idle(&s));
	CHECK(*u32(f, SDMA_DATA + 8) == MARK);
	CHECK(*u32(f, SDMA_DATA + 12) == 0);
	CHECK(fake_sdma_rptr(&s) == 6);
	fake_free(f);
}

/* ---- HWS ---- */

static void hws_map(struct fake_sdma *s)
{
	vg_sdma_map(s->f->vg, 0, 0, s->vmid, s->doorbell, MQD, s->wptr_addr);
}

static unsigned int hws_unmap_all(struct fake_host *f)
{
	const struct vg_unmap all = { .sel = VG_UNMAP_ALL };

	return vg_sdma_unmap(f->vg, 0, &all);
}

static struct fake_host *hws_queue(struct fake_sdma *s, bool switch_inside_ib)
{
	struct fake_host *f = fake_sdma_host();

	fake_sdma_init(s, f, VG_SDMA_RLC0, SDMA_VMID);
	fake_sdma_write_mqd(s, MQD, switch_inside_ib);
	return f;
}

static void mapping_takes_wptr_from_memory(void)
{
	struct fake_sdma s;
	struct fake_host *f = hws_queue(&s, false);

	emit_fence(&s, SDMA_DATA, MARK);
	fake_sdma_ring(&s); /* the queue is not mapped yet, so the doorbell write is lost */
	CHECK(!vgpu_busy(f->vg));
	hws_map(&s);
	fake_run(f, 100);
	CHECK(*u32(f, SDMA_DATA) == MARK);

	emit_fence(&s, SDMA_DATA, MARK + 1);
	fake_sdma_ring(&s);
	fake_run(f, 100);
	CHECK(*u32(f, SDMA_DATA) == MARK + 1);
	fake_free(f);
}

static void unmapped_queue_continues_where_it_was(void)
{
	struct fake_sdma s;
	struct fake_host *f = hws_queue(&s, false);

	emit_fence(&s, SDMA_DATA, 1);
	fake_sdma_ring(&s);
	hws_map(&s);
	fake_run(f, 100);
	CHECK(hws_unmap_all(f) == 1);
	CHECK(!fake_sdma_idle(&s));
	run(f);
	CHECK(hws_unmap_all(f) == 0);
	CHECK(fake_sdma_mqd_rptr(&s, MQD) == FENCE_DWORDS);

	/*
	 * The following checks would fail if packets ran again, or if the queue still claimed its
	 * doorbell.
	 */
	*u32(f, SDMA_DATA) = 0;
	emit_fence(&s, SDMA_DATA + 4, 2);
	fake_sdma_ring(&s);
	CHECK(!vgpu_busy(f->vg));
	CHECK(!vg_sdma_doorbell(f->vg, s.doorbell, 4 * s.wptr, 8));
	hws_map(&s);
	fake_run(f, 100);
	CHECK(*u32(f, SDMA_DATA) == 0 && *u32(f, SDMA_DATA + 4) == 2);
	fake_free(f);
}

static void queue_that_may_switch_in_an_ib_continues_in_it(void)
{
	struct fake_sdma s;
	struct fake_host *f = hws_queue(&s, true);

	hws_map(&s);
	emit_waiting_ib(&s);
	CHECK(hws_unmap_all(f) == 1);
	run(f);
	CHECK(hws_unmap_all(f) == 0);

	*u32(f, SDMA_DATA) = 1;
	*u32(f, SDMA_DATA + 4) = 0;
	hws_map(&s);
	fake_run(f, 100);
	CHECK(*u32(f, SDMA_DATA + 4) == 0); /* the IB has not run again from its start */
	CHECK(*u32(f, SDMA_DATA + 8) == MARK);
	CHECK(*u32(f, SDMA_DATA + 12) == MARK);

	/*
	 * The queue continues the IB only once: after its next mapping there is no IB to continue.
	 */
	*u32(f, SDMA_DATA + 8) = 0;
	CHECK(hws_unmap_all(f) == 1);
	run(f);
	hws_map(&s);
	fake_run(f, 100);
	CHECK(*u32(f, SDMA_DATA + 8) == 0);
	fake_free(f);
}

static void queue_that_may_not_leaves_after_its_ib(void)
{
	struct fake_sdma s;
	struct fake_host *f = hws_queue(&s, false);

	hws_map(&s);
	emit_waiting_ib(&s);
	CHECK(hws_unmap_all(f) == 1);
	run(f);
	CHECK(hws_unmap_all(f) == 1);
	*u32(f, SDMA_DATA) = 1;
	run(f);
	CHECK(hws_unmap_all(f) == 0);
	CHECK(*u32(f, SDMA_DATA + 8) == MARK && *u32(f, SDMA_DATA + 12) == 0);
	fake_free(f);
}

/* Let the queue halt in an IB of three fences, because the page of the second one is missing. */
static void halt_in_an_ib(struct fake_sdma *s)
{
	const uint64_t ib_va = SDMA_DATA + 0x1000;
	const uint64_t va[] = { SDMA_DATA + 4, SDMA_DATA + SDMA_DATA_SIZE, SDMA_DATA + 8 };
	const struct vg_sdma_indirect ib = sdma_indirect(ib_va, VG_COUNT(va) * FENCE_DWORDS, 0);
	struct vg_sdma_fence *fence = fake_data(s->f, ib_va);

	for (unsigned int i = 0; i < VG_COUNT(va); i++)
		fence[i] = sdma_fence(va[i], MARK);
	fake_sdma_emit(s, &ib, SDMA_DWORDS(ib));
	emit_fence(s, SDMA_DATA + 12, MARK);
	fake_sdma_ring(s);
	fake_run(s->f, 100);
	CHECK(fake_log_count(s->f, "halt queue=sdma0.rlc0") == 1);
	CHECK(*u32(s->f, SDMA_DATA + 4) == MARK && *u32(s->f, SDMA_DATA + 8) == 0);
}

static void queue_that_may_switch_in_an_ib_continues_in_it_after_a_fault(void)
{
	struct fake_sdma s;
	struct fake_host *f = hws_queue(&s, true);

	hws_map(&s);
	halt_in_an_ib(&s);
	CHECK(hws_unmap_all(f) == 1);
	run(f);
	CHECK(hws_unmap_all(f) == 0);

	*u32(f, SDMA_DATA + 4) = 0;
	fake_map(f, SDMA_VMID, SDMA_DATA + SDMA_DATA_SIZE,
		 FAKE_RAM_BASE + (SDMA_DATA + 0x2000 - FAKE_GART_BASE), FAKE_RW | VG_PTE_SYSTEM);
	hws_map(&s);
	fake_run(f, 100);
	CHECK(*u32(f, SDMA_DATA + 4) == 0); /* the IB has not run again from its start */
	CHECK(*u32(f, SDMA_DATA + 0x2000) == MARK);
	CHECK(*u32(f, SDMA_DATA + 8) == MARK && *u32(f, SDMA_DATA + 12) == MARK);
	fake_free(f);
}

static void queue_that_may_not_stops_the_model_after_a_fault(void)
{
	struct fake_sdma s;
	struct fake_host *f = hws_queue(&s, false);

	hws_map(&s);
	halt_in_an_ib(&s);
	CHECK(hws_unmap_all(f) == 1);
	vgpu_step(f->vg);
	fake_expect_stop(f, "after a GPU page fault in an IB that it must finish");
	f = queue(&s, VG_SDMA_RLC0); /* mapped through registers, as without HWS */
	halt_in_an_ib(&s);
	fake_sdma_disable(&s);
	vgpu_step(f->vg);
	fake_expect_stop(f, "after a GPU page fault in an IB that it must finish");
}

static void halted_queue_can_be_unmapped(void)
{
	struct fake_sdma s;
	struct fake_host *f = hws_queue(&s, false);

	hws_map(&s);
	emit_fence(&s, SDMA_DATA + SDMA_DATA_SIZE, MARK); /* this address is not mapped */
	fake_sdma_ring(&s);
	fake_run(f, 100);
	CHECK(fake_logged(f, "halt queue=sdma0.rlc0"));
	CHECK(hws_unmap_all(f) == 1);
	run(f);
	CHECK(hws_unmap_all(f) == 0);
	CHECK(fake_sdma_mqd_rptr(&s, MQD) == 0);
	fake_free(f);
}

/* Let the HIQ map the queue, with the packets of a run list. */
static void hiq_map(struct fake_sdma *s)
{
	const struct pm4_map_queues body = {
		.control = VG_PREP(MAP_QUEUES_SEL, PM4_MAP_HWS_CHOICE) |
			   VG_PREP(MAP_QUEUES_ENGINE, PM4_ENGINE_SDMA0) |
			   VG_PREP(MAP_QUEUES_NUM, 1),
		.doorbell = VG_PREP(PM4_DOORBELL, s->doorbell),
		.mqd_lo = vg_lo(MQD),
		.mqd_hi = vg_hi(MQD),
		.wptr_lo = vg_lo(s->wptr_addr),
		.wptr_hi = vg_hi(s->wptr_addr),
	};
	struct fake_queue hiq;

	fake_kiq(s->f, &hiq);
	build_resources(&hiq, 1u << SDMA_VMID, 0);
	build_map_process(&hiq, SDMA_PASID, vg_vmid_root(s->f->vg, VG_GFXHUB, SDMA_VMID));
	build_packet(&hiq, PM4_MAP_QUEUES, &body, PM4_DWORDS(body));
	fake_ring_doorbell(s->f, &hiq);
	fake_run(s->f, 100);
}

/*
 * A queue whose write pointer has no page must halt.  If it took 0 for the write pointer, it would
 * run from its read pointer through the rest of the ring, which has a packet that the user has not
 * submitted yet.
 */
static void queue_whose_wptr_has_no_page_halts(void)
{
	struct fake_sdma s;
	struct fake_host *f = hws_queue(&s, true);
	uint64_t *pte = fake_pte(f, SDMA_VMID, s.wptr_addr), valid = *pte;

	emit_fence(&s, SDMA_DATA, 1);
	fake_sdma_ring(&s);
	hws_map(&s);
	fake_run(f, 100);
	CHECK(hws_unmap_all(f) == 1);
	run(f);
	CHECK(hws_unmap_all(f) == 0 && *u32(f, SDMA_DATA) == 1);

	emit_fence(&s, SDMA_DATA + 4, 2);
	*pte = 0;
	fake_flush(f, VG_MMHUB, SDMA_VMID);
	hiq_map(&s);
	CHECK(*u32(f, SDMA_DATA + 4) == 0);
	CHECK(fake_log_count(f, "fault hub=mmhub vmid=5") == 1);
	CHECK(fake_log_count(f, "halt queue=sdma0.rlc0") == 1);
	CHECK(hws_unmap_all(f) == 1);
	run(f);
	CHECK(hws_unmap_all(f) == 0 && fake_sdma_mqd_rptr(&s, MQD) == FENCE_DWORDS);

	*pte = valid;
	*u32(f, SDMA_DATA) = 0;
	fake_sdma_ring(&s);
	hws_map(&s);
	fake_run(f, 100);
	CHECK(*u32(f, SDMA_DATA) == 0 && *u32(f, SDMA_DATA + 4) == 2);
	fake_free(f);
}

static void unmap_picks_by_doorbell_or_pasid(void)
{
	struct fake_sdma s;
	struct fake_host *f = hws_queue(&s, false);
	struct vg_unmap which = {
		.sel = VG_UNMAP_DOORBELL,
		.doorbell = { s.doorbell + 1, s.doorbell },
		.num_doorbells = 1,
	};

	hws_map(&s);
	CHECK(vg_sdma_unmap(f->vg, 0, &which) == 0);
	which.num_doorbells = 2;
	CHECK(vg_sdma_unmap(f->vg, 0, &which) == 1);
	run(f);
	CHECK(vg_sdma_unmap(f->vg, 0, &which) == 0);

	hws_map(&s);
	which = (struct vg_unmap){ .sel = VG_UNMAP_PASID, .pasid = SDMA_PASID + 1 };
	CHECK(vg_sdma_unmap(f->vg, 0, &which) == 0);
	which.pasid = SDMA_PASID;
	CHECK(vg_sdma_unmap(f->vg, 0, &which) == 1);
	run(f);
	CHECK(vg_sdma_unmap(f->vg, 0, &which) == 0);
	fake_free(f);
}

static void unmap_leaves_the_drivers_queues(void)
{
	struct fake_sdma s;
	struct fake_host *f = queue(&s, VG_SDMA_RLC0);

	CHECK(hws_unmap_all(f) == 0);
	emit_fence(&s, SDMA_DATA, MARK);
	fake_sdma_ring(&s);
	fake_run(f, 100);
	CHECK(*u32(f, SDMA_DATA) == MARK);
	fake_free(f);
}

static void more_queues_than_the_engine_has_stop(void)
{
	struct fake_sdma s;
	struct fake_host *f = hws_queue(&s, false);

	for (unsigned int i = VG_SDMA_RLC0; i < VG_NUM_SDMA_QUEUES; i++) {
		hws_map(&s);
		CHECK(!vgpu_stopped(f->vg));
	}
	hws_map(&s);
	fake_expect_stop(f, "more SDMA queues");
}

static void reset_forgets_all_queues(void)
{
	struct fake_sdma s;
	struct fake_host *f = hws_queue(&s, false);

	hws_map(&s);
	emit_poll(&s, SDMA_DATA, 1);
	fake_sdma_ring(&s);
	fake_run(f, 100);
	vgpu_reset(f->vg);
	CHECK(!vgpu_busy(f->vg));
	CHECK(hws_unmap_all(f) == 0);
	CHECK(fake_sdma_idle(&s));
	fake_free(f);
}

int main(void)
{
	every_queue_runs();
	halted_engine_does_nothing();
	doorbell_of_32_bits_moves_the_lower_half();
	wptr_register_is_as_good_as_a_doorbell();
	disabled_doorbell_is_nobodys();
	ring_wraps_inside_packets();
	rptr_is_written_back_in_bytes();
	wptr_that_is_no_dword_stops();
	what_is_not_modelled_stops();
	disabled_kernel_queue_stops_at_once();
	disabled_user_queue_is_idle_when_it_is_off();
	long_packet_is_finished_before_the_queue_is_off();
	waiting_packet_starts_anew_after_a_stop();
	enabling_without_a_doorbell_runs_nothing();
	ib_is_finished_before_the_queue_is_off();
	mapping_takes_wptr_from_memory();
	unmapped_queue_continues_where_it_was();
	queue_that_may_switch_in_an_ib_continues_in_it();
	queue_that_may_not_leaves_after_its_ib();
	queue_that_may_switch_in_an_ib_continues_in_it_after_a_fault();
	queue_that_may_not_stops_the_model_after_a_fault();
	halted_queue_can_be_unmapped();
	queue_whose_wptr_has_no_page_halts();
	unmap_picks_by_doorbell_or_pasid();
	unmap_leaves_the_drivers_queues();
	more_queues_than_the_engine_has_stop();
	reset_forgets_all_queues();
	return 0;
}
