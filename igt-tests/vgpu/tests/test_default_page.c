/* SPDX-License-Identifier: MIT */
/*
 * Tests GPU page faults that go to the default page (vg_config.default_page): a user's queue goes
 * on, where the registers of the driver allow it, and each packet reports one fault.
 */
#include "tests/engine.h"
#include "tests/fake_sdma.h"

enum {
	IH_BYTES = 4096,
	AWAITED = 1, /* a value that a packet waits for and that the default page does not have */
};
#define HOLE (ENGINE_DATA_VA - 4 * VG_PAGE_SIZE) /* four pages that are not mapped */

static void set_bits(struct fake_host *f, uint32_t reg, uint32_t bits, bool on)
{
	uint32_t value = vgpu_mmio_read(f->vg, 4 * reg);

	vgpu_mmio_write(f->vg, 4 * reg, on ? value | bits : value & ~bits);
}

/* A kind of GPU page fault, and its bits in VM_CONTEXTn_CNTL and VM_L2_PROTECTION_FAULT_CNTL. */
struct kind {
	uint32_t context, hub;
};

#define KIND(name) \
	{ VM_CONTEXT1_CNTL__##name##_PROTECTION_FAULT_ENABLE_DEFAULT_MASK, \
	  VM_L2_PROTECTION_FAULT_CNTL__##name##_PROTECTION_FAULT_ENABLE_DEFAULT_MASK }

static const struct kind range = KIND(RANGE), invalid = KIND(VALID), read_only = KIND(WRITE),
			 all[] = { KIND(RANGE), KIND(PDE0), KIND(VALID), KIND(READ), KIND(WRITE) };

/*
 * Enable the default page as gfxhub_v1_2_xcc_setup_vmid_config() and
 * gfxhub_v1_2_xcc_set_fault_enable_default() do, and their counterparts of the memory hub.
 */
static void enable_default_page(struct fake_host *f, unsigned int vmid)
{
	for (enum vg_hub_id hub = 0; hub < f->vg->num_hubs; hub++) {
		for (size_t i = 0; i < VG_COUNT(all); i++) {
			set_bits(f, vg_hub_regs(hub)->context_cntl + vmid, all[i].context, true);
			set_bits(f, vg_hub_regs(hub)->fault_cntl, all[i].hub, true);
		}
	}
}

static void start(struct engine *e, bool option)
{
	engine_init(e, 1, 0, 0);
	e->f->vg->config.default_page = option;
	enable_default_page(e->f, ENGINE_VMID);
	fake_enable_ih(e->f, IH_BYTES);
}

static void run(struct engine *e)
{
	user_queue_kick(e->f, &e->u);
	fake_run(e->f, ENGINE_STEPS);
}

static unsigned int faults(const struct engine *e)
{
	return fake_log_count(e->f, " fault hub=");
}

static bool has_halted(const struct engine *e)
{
	return fake_logged(e->f, "halt queue=");
}

static void without_the_option_the_queue_halts(void)
{
	struct engine e;

	start(&e, false);
	build_write32(&e.u.ring, HOLE, 1);
	build_write32(&e.u.ring, ENGINE_DATA_VA, 2);
	run(&e);
	CHECK(has_halted(&e) && engine_data(&e)[0] == 0);
	fake_free(e.f);
}

static void a_store_is_lost_and_the_queue_goes_on(void)
{
	struct engine e;

	start(&e, true);
	build_write32(&e.u.ring, HOLE, 1);
	build_write32(&e.u.ring, ENGINE_DATA_VA, 2);
	run(&e);
	CHECK(!has_halted(&e) && engine_data(&e)[0] == 2);
	CHECK(*e.u.rptr == e.u.ring.wptr);
	CHECK(faults(&e) == 1 && e.f->irqs == 1);
	CHECK(fake_logged(e.f, "access=write why=invalid"));
	fake_free(e.f);
}

static void reads_give_zeros(void)
{
	struct engine e;

	start(&e, true);
	engine_data(&e)[0] = engine_data(&e)[1] = 0x1234;
	build_dma(&e.u.ring, ENGINE_DATA_VA, HOLE, 4);
	run(&e);
	CHECK(engine_data(&e)[0] == 0 && engine_data(&e)[1] == 0x1234);
	CHECK(faults(&e) == 1 && !has_halted(&e));
	fake_free(e.f);
}

static void a_missing_permission_is_the_same(void)
{
	struct engine e;

	start(&e, true);
	engine_data(&e)[0] = 0x1234;
	*fake_pte(e.f, ENGINE_VMID, ENGINE_DATA_VA) &= ~(uint64_t)VG_PTE_WRITEABLE;
	build_write32(&e.u.ring, ENGINE_DATA_VA, 1);
	build_write32(&e.u.ring, ENGINE_DATA_VA + VG_PAGE_SIZE, 2);
	run(&e);
	CHECK(engine_data(&e)[0] == 0x1234 && engine_data(&e)[VG_PAGE_SIZE / 4] == 2);
	CHECK(faults(&e) == 1 && !has_halted(&e));
	CHECK(fake_logged(e.f, "access=write why=permission"));
	fake_free(e.f);
}

/* ---- the registers ---- */

/* Does a store to @va halt the queue if the driver has cleared the @context and @hub bits? */
static bool halts(uint64_t va, uint32_t context, uint32_t hub)
{
	struct engine e;
	bool halted;

	start(&e, true);
	*fake_pte(e.f, ENGINE_VMID, ENGINE_DATA_VA) &= ~(uint64_t)VG_PTE_WRITEABLE;
	set_bits(e.f, vg_gfxhub_regs.context_cntl + ENGINE_VMID, context, false);
	set_bits(e.f, vg_gfxhub_regs.fault_cntl, hub, false);
	build_write32(&e.u.ring, va, 1);
	run(&e);
	CHECK(faults(&e) == 1);
	halted = has_halted(&e);
	fake_free(e.f);
	return halted;
}

static void both_registers_decide_for_each_kind(void)
{
	const struct {
		uint64_t va;
		const struct kind *own, *other;
	} cases[] = {
		{ HOLE, &invalid, &read_only },
		{ ENGINE_DATA_VA, &read_only, &invalid },
		{ HOLE, &invalid, &range },
	};

	for (size_t i = 0; i < VG_COUNT(cases); i++) {
		CHECK(!halts(cases[i].va, 0, 0));
		CHECK(halts(cases[i].va, cases[i].own->context, 0));
		CHECK(halts(cases[i].va, 0, cases[i].own->hub));
		CHECK(!halts(cases[i].va, cases[i].other->context, cases[i].other->hub));
	}
}

/* ---- reports ---- */

static void a_packet_reports_one_fault(void)
{
	struct engine e;

	start(&e, true);
	build_dma(&e.u.ring, ENGINE_DATA_VA, HOLE, 3 * VG_PAGE_SIZE);
	run(&e);
	CHECK(faults(&e) == 1 && e.f->irqs == 1);
	build_write32(&e.u.ring, HOLE, 1);
	build_write32(&e.u.ring, HOLE, 2);
	run(&e);
	CHECK(faults(&e) == 3 && e.f->irqs == 3);
	fake_free(e.f);
}

static void look_again(struct engine *e)
{
	vg_sched_wake(e->f->vg);
	fake_run(e->f, ENGINE_STEPS);
}

/*
 * A packet that reads a missing page again and again reports one fault.  When the driver maps the
 * page later, the packet sees it.
 */
static void a_packet_that_waits_reports_one_fault(void)
{
	struct engine e;

	start(&e, true);
	build_wait_mem(&e.u.ring, HOLE, PM4_WAIT_EQUAL, AWAITED);
	build_write32(&e.u.ring, ENGINE_DATA_VA, 2);
	run(&e);
	for (unsigned int i = 0; i < 5; i++)
		look_again(&e);
	CHECK(faults(&e) == 1 && e.f->irqs == 1);
	CHECK(!has_halted(&e) && engine_data(&e)[0] == 0);
	engine_other(&e)[0] = AWAITED;
	user_map(e.f, ENGINE_VMID, HOLE, ENGINE_OTHER, 1);
	look_again(&e);
	CHECK(engine_data(&e)[0] == 2 && faults(&e) == 1);
	fake_free(e.f);
}

/*
 * The driver evicts the queue.  When the driver maps it again, the packet starts anew and reports a
 * second fault.
 */
static void an_eviction_takes_the_queue(void)
{
	struct engine e;

	start(&e, true);
	build_wait_mem(&e.u.ring, HOLE, PM4_WAIT_EQUAL, AWAITED);
	run(&e);
	fake_queue_dequeue(e.f, &e.u.ring, DEQUEUE_SAVE);
	fake_run(e.f, ENGINE_STEPS);
	CHECK(!engine_is_active(&e));
	CHECK(fake_logged(e.f, "unmap queue=cp1.0.2 vmid=8 rptr=0") && !has_halted(&e));
	fake_queue_activate(e.f, &e.u.ring);
	run(&e);
	CHECK(engine_is_active(&e) && faults(&e) == 2);
	fake_free(e.f);
}

/* ---- accesses that still halt the queue ---- */

static void take_page(struct engine *e, uint64_t va)
{
	*fake_pte(e->f, ENGINE_VMID, va) = 0;
	fake_flush(e->f, VG_GFXHUB, ENGINE_VMID);
}

static void a_ring_without_a_page_halts_the_queue(void)
{
	struct engine e;

	start(&e, true);
	take_page(&e, ENGINE_RING_VA);
	build_write32(&e.u.ring, ENGINE_DATA_VA, 1);
	run(&e);
	CHECK(has_halted(&e) && faults(&e) == 1 && engine_data(&e)[0] == 0);
	fake_free(e.f);
}

/*
 * The HIQ reads the write pointer when it maps the queue.  It does so for a packet of the driver,
 * and the default page is only for a user's packets, so the access halts the queue.
 */
static void a_write_pointer_without_a_page_halts_the_queue(void)
{
	struct engine e;

	start(&e, true);
	fake_queue_dequeue(e.f, &e.u.ring, DEQUEUE_SAVE);
	fake_run(e.f, ENGINE_STEPS);
	build_write32(&e.u.ring, ENGINE_DATA_VA, 1);
	*e.u.wptr = e.u.ring.wptr;
	take_page(&e, e.u.wptr_va);
	build_resources(&e.kiq, 1u << ENGINE_VMID, 1u << e.u.ring.queue);
	build_map_process(&e.kiq, ENGINE_PASID, vg_vmid_root(e.f->vg, VG_GFXHUB, ENGINE_VMID));
	build_map_queue(&e.kiq, ENGINE_DOORBELL, e.u.mqd_va, e.u.wptr_va);
	fake_ring_doorbell(e.f, &e.kiq);
	fake_run(e.f, ENGINE_STEPS);
	CHECK(has_halted(&e) && faults(&e) == 1 && engine_data(&e)[0] == 0);
	fake_free(e.f);
}

/* ---- SDMA, whose addresses are translated in the other hub ---- */

static void an_sdma_queue_goes_on(void)
{
	struct fake_host *f = fake_sdma_host();
	const struct vg_sdma_fence lost = sdma_fence(SDMA_DATA + SDMA_DATA_SIZE, 1),
				   kept = sdma_fence(SDMA_DATA, 2);
	struct fake_sdma s;

	f->vg->config.default_page = true;
	enable_default_page(f, SDMA_VMID);
	fake_sdma_init(&s, f, VG_SDMA_RLC0, SDMA_VMID);
	fake_sdma_enable(&s);
	fake_sdma_emit(&s, &lost, SDMA_DWORDS(lost));
	fake_sdma_submit(&s, &kept, SDMA_DWORDS(kept));
	CHECK(*(uint32_t *)fake_data(f, SDMA_DATA) == 2);
	CHECK(fake_log_count(f, " fault hub=mmhub vmid=5") == 1);
	CHECK(!fake_logged(f, "halt queue="));
	fake_free(f);
}

int main(void)
{
	without_the_option_the_queue_halts();
	a_store_is_lost_and_the_queue_goes_on();
	reads_give_zeros();
	a_missing_permission_is_the_same();
	both_registers_decide_for_each_kind();
	a_packet_reports_one_fault();
	a_packet_that_waits_reports_one_fault();
	an_eviction_takes_the_queue();
	a_ring_without_a_page_halts_the_queue();
	a_write_pointer_without_a_page_halts_the_queue();
	an_sdma_queue_goes_on();
	return 0;
}
