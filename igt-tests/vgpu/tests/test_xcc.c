/* SPDX-License-Identifier: MIT */
/*
 * Tests a GPU with two XCCs: registers, hubs and interrupts of each XCC, partitions, and the queues
 * that are on both XCCs.
 */
#include "tests/fake_aql.h"
#include "vega10_enum.h"

enum {
	STRIDE = 0x1000, /* between the MQDs of a queue */
	HIQ_RING_AT = 0x3000,
	HIQ_MQD_AT = 0x4000,
	HIQ_DWORDS = 512,
	HIQ_DOORBELL = 0x40,
	KIQ1_RING_AT = 0x8000,
	KIQ1_MQD_AT = 0x9000,
	KIQ1_DOORBELL = 0x20,
	LIST_AT = 0x200000,
	FENCE_AT = 0x300000,
	STEPS = 20000,
	PASID = 0x8005,
	EVENT = 0x123,
	VMIDS = 0xff00,
	SLOTS = 0xfc, /* ME1 pipe 0, queues 2 .. 7 */
	SAVE_WAVES = 3,
	VALUE = 0x11111111,
};

struct two {
	struct fake_host *f;
	struct fake_queue kiq[2], hiq, list;
};

static uint32_t addr(unsigned int xcc, uint32_t reg)
{
	return 4 * (reg + xcc * VG_XCC_DISTANCE);
}

static void set_partitions(struct fake_host *f, unsigned int count)
{
	for (unsigned int xcc = 0; xcc < 2; xcc++)
		vgpu_mmio_write(f->vg, addr(xcc, VG_ADDR(CP_HYP_XCP_CTL)),
				VG_FIELD_PREP(CP_HYP_XCP_CTL, NUM_XCC_IN_XCP, count) |
					VG_FIELD_PREP(CP_HYP_XCP_CTL, VIRTUAL_XCC_ID, xcc % count));
}

/* A GPU with a KIQ on each XCC, in partitions of @count XCCs. */
static void start(struct two *t, unsigned int count)
{
	t->f = fake_new_xccs(2);
	set_partitions(t->f, count);
	fake_kiq(t->f, &t->kiq[0]);
	t->kiq[1] = t->kiq[0];
	t->kiq[1].xcc = 1;
	t->kiq[1].doorbell = KIQ1_DOORBELL;
	t->kiq[1].ring = FAKE_GART_BASE + KIQ1_RING_AT;
	t->kiq[1].mqd = FAKE_GART_BASE + KIQ1_MQD_AT;
	t->kiq[1].mem = fake_gart(t->f, t->kiq[1].ring);
	fake_queue_activate(t->f, &t->kiq[1]);
}

static void submit(struct two *t, struct fake_queue *q)
{
	fake_ring_doorbell(t->f, q);
	fake_run(t->f, STEPS);
}

/* ---- registers ---- */

static void each_xcc_has_its_own_registers(void)
{
	struct fake_host *f = fake_new_xccs(2);

	vgpu_mmio_write(f->vg, addr(0, VG_ADDR(SCRATCH_REG0)), 1);
	vgpu_mmio_write(f->vg, addr(1, VG_ADDR(SCRATCH_REG0)), 2);
	CHECK(vgpu_mmio_read(f->vg, addr(0, VG_ADDR(SCRATCH_REG0))) == 1);
	CHECK(vgpu_mmio_read(f->vg, addr(1, VG_ADDR(SCRATCH_REG0))) == 2);
	CHECK(fake_logged(f, "write reg=SCRATCH_REG0+0 value=0x00000001\n"));
	CHECK(fake_logged(f, "write reg=SCRATCH_REG0+0 value=0x00000002 instance=1"));
	fake_free(f);
}

static void one_xcc_has_no_second_registers(void)
{
	struct fake_host *f = fake_new();

	vgpu_mmio_write(f->vg, addr(1, VG_ADDR(SCRATCH_REG0)), 2);
	fake_expect_stop(f, "unknown register");
}

/* The driver cuts the numbers of registers in packets to 16 bits, so they are those of the XCC. */
static void packets_access_registers_of_their_xcc(void)
{
	struct two t;

	start(&t, 2);
	build_write_reg(&t.kiq[1], VG_ADDR(SCRATCH_REG0), VALUE);
	submit(&t, &t.kiq[1]);
	CHECK(vgpu_mmio_read(t.f->vg, addr(1, VG_ADDR(SCRATCH_REG0))) == VALUE);
	CHECK(vgpu_mmio_read(t.f->vg, addr(0, VG_ADDR(SCRATCH_REG0))) == 0);
	fake_free(t.f);
}

static void partitions_name_their_xccs(void)
{
	struct fake_host *f = fake_new_xccs(2);
	struct vg_partition xcp;

	set_partitions(f, 2);
	xcp = vg_partition_of(f->vg, 1);
	CHECK(xcp.first == 0 && xcp.count == 2);
	set_partitions(f, 1);
	xcp = vg_partition_of(f->vg, 1);
	CHECK(xcp.first == 1 && xcp.count == 1);
	vgpu_mmio_write(f->vg, addr(1, VG_ADDR(CP_HYP_XCP_CTL)),
			VG_FIELD_PREP(CP_HYP_XCP_CTL, NUM_XCC_IN_XCP, 2));
	fake_expect_stop(f, "XCC 1 as number 0 of 2");
}

/* ---- hubs ---- */

static bool has(struct two *t, unsigned int xcc, uint64_t va)
{
	return vg_tlb_find(t->f->vg->tlb[vg_gfxhub(xcc)], AQL_VMID, va);
}

/* Let both XCCs have a translation of the user's page. */
static void fill_both(struct two *t)
{
	uint32_t value;

	fake_enable_vmid(t->f, AQL_VMID);
	vg_vmid_set_pasid(t->f->vg, AQL_VMID, PASID);
	fake_map(t->f, AQL_VMID, AQL_DATA_VA, FAKE_RAM_BASE + AQL_DATA, FAKE_RW | VG_PTE_SYSTEM);
	for (unsigned int xcc = 0; xcc < 2; xcc++) {
		CHECK(!vg_mem_read32(t->f->vg, &vg_cp_port[xcc], AQL_VMID, AQL_DATA_VA, &value));
		CHECK(has(t, xcc, AQL_DATA_VA));
	}
}

static void a_request_flushes_one_hub(void)
{
	struct two t;

	start(&t, 2);
	fill_both(&t);
	fake_flush(t.f, VG_GFXHUB1, AQL_VMID);
	CHECK(has(&t, 0, AQL_DATA_VA) && !has(&t, 1, AQL_DATA_VA));
	CHECK(vgpu_mmio_read(t.f->vg, 4 * vg_gfxhub1_regs.eng_ack) == 1u << AQL_VMID);
	CHECK(vgpu_mmio_read(t.f->vg, 4 * vg_gfxhub_regs.eng_ack) == 0);
	fake_free(t.f);
}

static void a_flush_by_pasid_reaches_the_xcc_of_its_kiq(void)
{
	struct two t;

	start(&t, 2);
	fill_both(&t);
	build_invalidate(&t.kiq[0], PASID, true);
	submit(&t, &t.kiq[0]);
	CHECK(!has(&t, 0, AQL_DATA_VA) && has(&t, 1, AQL_DATA_VA));
	build_invalidate(&t.kiq[1], PASID, true);
	submit(&t, &t.kiq[1]);
	CHECK(!has(&t, 1, AQL_DATA_VA));
	fake_free(t.f);
}

/* The injected fault leaves out the flushes of one XCC. */
static void a_left_out_flush_concerns_one_xcc(void)
{
	struct two t;

	start(&t, 2);
	fill_both(&t);
	CHECK(!vgpu_inject(t.f->vg, "no-xcc-flush:xcc=1"));
	for (unsigned int xcc = 0; xcc < 2; xcc++) {
		build_invalidate(&t.kiq[xcc], PASID, true);
		submit(&t, &t.kiq[xcc]);
	}
	CHECK(!has(&t, 0, AQL_DATA_VA) && has(&t, 1, AQL_DATA_VA));
	CHECK(fake_logged(t.f, "inject fault=no-xcc-flush"));
	fake_free(t.f);
}

static void a_fault_names_its_xcc(void)
{
	struct two t;
	uint32_t value;

	start(&t, 2);
	fill_both(&t);
	fake_enable_ih(t.f, 4096);
	CHECK(vg_mem_read32(t.f->vg, &vg_cp_port[1], AQL_VMID, AQL_IB_VA, &value));
	CHECK(fake_iv(t.f, 0)[3] == (PASID | VG_NODE_XCC1 << 16));
	CHECK(vgpu_mmio_read(t.f->vg, 4 * vg_gfxhub1_regs.fault_status));
	CHECK(!vgpu_mmio_read(t.f->vg, 4 * vg_gfxhub_regs.fault_status));
	fake_free(t.f);
}

static void an_eop_interrupt_names_its_xcc(void)
{
	struct two t;

	start(&t, 2);
	fake_enable_ih(t.f, 4096);
	vgpu_mmio_write(t.f->vg, addr(1, VG_ADDR(CP_ME2_PIPE1_INT_CNTL)),
			VG_FIELD_PREP(CP_ME1_PIPE0_INT_CNTL, TIME_STAMP_INT_ENABLE, 1));
	for (unsigned int xcc = 0; xcc < 2; xcc++) {
		build_release(&t.kiq[xcc], FAKE_GART_BASE + FENCE_AT, 1, PM4_DATA_LOW32,
			      PM4_INT_AFTER_WRITE, 0);
		submit(&t, &t.kiq[xcc]);
	}
	CHECK(t.f->irqs == 1);
	CHECK(fake_iv(t.f, 0)[3] == VG_NODE_XCC1 << 16);
	fake_free(t.f);
}

/* ---- AQL queues ---- */

/* One queue: @on[i] is its part on XCC i. */
struct pair {
	struct two t;
	struct aql on[2];
};

static void map_part(struct pair *p, unsigned int xcc)
{
	aql_map(&p->on[xcc]);
}

static void pair_ready(struct pair *p)
{
	struct v9_mqd *mqd;

	start(&p->t, 2);
	aql_attach(&p->on[0], p->t.f, 0);
	p->on[1] = p->on[0];
	mqd = (void *)((uint8_t *)p->on[0].u.mqd + STRIDE);
	*mqd = *p->on[0].u.mqd;
	mqd->cp_mqd_base_addr_lo += STRIDE;
	p->on[1].u.mqd = mqd;
	p->on[1].u.ring.xcc = 1;
}

static struct aql_pm4_ib pm4_ib(uint32_t dwords, uint64_t completion)
{
	return (struct aql_pm4_ib){
		.header = VG_PREP(AQL_VENDOR_FORMAT, AQL_PM4_IB),
		.indirect_buffer = { pm4_header(PM4_INDIRECT_BUFFER, 3), vg_lo(AQL_IB_VA),
				     vg_hi(AQL_IB_VA), VG_PREP(IB_SIZE, dwords) | IB_VALID },
		.remaining = AQL_PM4_REMAINING,
		.completion = completion,
	};
}

/* Put a packet into the IB that adds one to the first dword of the data. */
static void add_one(struct fake_queue *ib)
{
	const struct pm4_atomic_mem body = {
		.control = VG_PREP(ATOMIC_MEM_OP, TC_OP_ATOMIC_ADD_RTN_32),
		.addr_lo = vg_lo(AQL_DATA_VA),
		.addr_hi = vg_hi(AQL_DATA_VA),
		.src_lo = 1,
	};

	build_packet(ib, PM4_ATOMIC_MEM, &body, PM4_DWORDS(body));
}

static struct fake_queue new_ib(struct pair *p)
{
	return (struct fake_queue){
		.dwords = 1024,
		.mem = (uint32_t *)(p->t.f->ram + AQL_IB),
	};
}

static void each_xcc_executes_an_ib(void)
{
	struct fake_queue ib;
	struct aql_pm4_ib packet;
	struct pair p;

	pair_ready(&p);
	map_part(&p, 1);
	ib = new_ib(&p);
	add_one(&ib);
	packet = pm4_ib(ib.wptr, AQL_SIGNAL_VA(0));
	aql_signal_at(&p.on[0], 0)->value = 1;
	aql_put(&p.on[0], &packet);
	aql_run(&p.on[0]);
	CHECK(aql_data(&p.on[0])[0] == 2);
	CHECK(aql_signal_at(&p.on[0], 0)->value == 0); /* it was completed once */
	CHECK(aql_read_id(&p.on[0]) == 1);
	CHECK(*aql_slot(&p.on[0], 0) << 24 == AQL_INVALID << 24);
	CHECK(fake_log_count(p.t.f, "aql-complete") == 1 && fake_log_count(p.t.f, "aql-part") == 1);
	fake_free(p.t.f);
}

static void pred_exec_chooses_the_xcc(void)
{
	struct fake_queue ib;
	struct aql_pm4_ib packet;
	struct pair p;
	uint32_t control = VG_PREP(PRED_EXEC_XCCS, 1) |
			   VG_PREP(PRED_EXEC_COUNT, PM4_DWORDS(struct pm4_atomic_mem) + 1);

	pair_ready(&p);
	map_part(&p, 1);
	ib = new_ib(&p);
	build_packet(&ib, PM4_PRED_EXEC, &control, 1);
	add_one(&ib);
	packet = pm4_ib(ib.wptr, 0);
	aql_put(&p.on[0], &packet);
	aql_run(&p.on[0]);
	CHECK(aql_data(&p.on[0])[0] == 1);
	CHECK(aql_read_id(&p.on[0]) == 1);
	CHECK(has(&p.t, 0, AQL_DATA_VA) && !has(&p.t, 1, AQL_DATA_VA));
	fake_free(p.t.f);
}

/* The dwords to skip must lie in the IB. */
static void pred_exec_beyond_its_ib_stops(void)
{
	struct fake_queue ib;
	struct aql_pm4_ib packet;
	struct pair p;
	uint32_t control = 3;

	pair_ready(&p);
	map_part(&p, 1);
	ib = new_ib(&p);
	build_packet(&ib, PM4_PRED_EXEC, &control, 1);
	packet = pm4_ib(ib.wptr, 0);
	aql_put(&p.on[0], &packet);
	aql_run(&p.on[0]);
	fake_expect_stop(p.t.f, "beyond the end");
}

static void a_packet_waits_for_the_queue_on_all_xccs(void)
{
	struct aql_barrier barrier = { .header = AQL_BARRIER_AND };
	struct pair p;

	pair_ready(&p);
	aql_put(&p.on[0], &barrier);
	aql_put(&p.on[0], &barrier);
	aql_run(&p.on[0]);
	CHECK(aql_read_id(&p.on[0]) == 0);
	map_part(&p, 1);
	fake_run(p.t.f, STEPS);
	CHECK(aql_read_id(&p.on[0]) == 2);
	CHECK(fake_log_count(p.t.f, "aql-complete") == 2);
	fake_free(p.t.f);
}

/* Step until the queue has left the XCC. */
static void unmap_part(struct pair *p, unsigned int xcc)
{
	aql_unmap(&p->on[xcc]);
}

/*
 * Evict and restore the queue at any step, in any order of the XCCs.  Each packet must be executed
 * once by each XCC, and completed once.
 */
static void evictions_lose_and_repeat_no_part(void)
{
	enum { PACKETS = 8, MAX_STEPS = 60 };

	for (unsigned int when = 0; when < MAX_STEPS; when++) {
		struct fake_queue ib;
		struct aql_pm4_ib packet;
		struct pair p;

		pair_ready(&p);
		p.t.f->vg->sched.random = when;
		map_part(&p, 1);
		ib = new_ib(&p);
		add_one(&ib);
		packet = pm4_ib(ib.wptr, AQL_SIGNAL_VA(0));
		aql_signal_at(&p.on[0], 0)->value = PACKETS;
		for (unsigned int i = 0; i < PACKETS; i++)
			aql_put(&p.on[0], &packet);
		aql_ring(&p.on[0], PACKETS - 1);
		for (unsigned int i = 0; i < when; i++)
			vgpu_step(p.t.f->vg);
		unmap_part(&p, when % 2);
		unmap_part(&p, 1 - when % 2);
		map_part(&p, when / 2 % 2);
		map_part(&p, 1 - when / 2 % 2);
		fake_run(p.t.f, STEPS);
		CHECK(aql_data(&p.on[0])[0] == 2 * PACKETS);
		CHECK(aql_signal_at(&p.on[0], 0)->value == 0);
		CHECK(aql_read_id(&p.on[0]) == PACKETS);
		fake_free(p.t.f);
	}
}

/* ---- the hardware scheduler ---- */

static void map_hiq(struct two *t, unsigned int xcc)
{
	uint64_t mqd_va = FAKE_GART_BASE + HIQ_MQD_AT + xcc * STRIDE;
	struct v9_mqd *mqd = fake_gart(t->f, mqd_va);
	const struct pm4_map_queues body = {
		.control = VG_PREP(MAP_QUEUES_SEL, PM4_MAP_TO_SLOT) |
			   VG_PREP(MAP_QUEUES_ENGINE, PM4_ENGINE_HIQ) | VG_PREP(MAP_QUEUES_ME, 1) |
			   VG_PREP(MAP_QUEUES_NUM, 1),
		.doorbell = VG_PREP(PM4_DOORBELL, HIQ_DOORBELL),
		.mqd_lo = vg_lo(mqd_va),
		.mqd_hi = vg_hi(mqd_va),
	};

	mqd->cp_mqd_base_addr_lo = vg_lo(mqd_va);
	mqd->cp_hqd_pq_base_lo = vg_lo((FAKE_GART_BASE + HIQ_RING_AT) >> 8);
	mqd->cp_hqd_pq_control = __builtin_ctz(HIQ_DWORDS) - 1;
	build_packet(&t->kiq[xcc], PM4_MAP_QUEUES, &body, PM4_DWORDS(body));
	submit(t, &t->kiq[xcc]);
}

static void start_hws(struct two *t, unsigned int hiqs)
{
	start(t, 2);
	t->hiq = (struct fake_queue){
		.dwords = HIQ_DWORDS,
		.doorbell = HIQ_DOORBELL,
		.mem = fake_gart(t->f, FAKE_GART_BASE + HIQ_RING_AT),
	};
	for (unsigned int xcc = 0; xcc < hiqs; xcc++)
		map_hiq(t, xcc);
	build_resources(&t->hiq, VMIDS, SLOTS);
	submit(t, &t->hiq);
}

/* A run list with one process, which has a PM4 queue for the XCC @target. */
static void run_user_queue(struct two *t, struct user_queue *u, unsigned int target)
{
	struct v9_mqd *second;

	fake_enable_vmid(t->f, AQL_VMID);
	fake_map(t->f, AQL_VMID, AQL_DATA_VA, FAKE_RAM_BASE + AQL_DATA, FAKE_RW | VG_PTE_SYSTEM);
	user_queue_init(t->f, u, 0, AQL_VMID, AQL_RING_VA, AQL_DOORBELL);
	u->mqd->cp_mqd_stride_size = STRIDE;
	u->mqd->pm4_target_xcc_in_xcp = target;
	second = (void *)((uint8_t *)u->mqd + STRIDE);
	*second = *u->mqd;
	second->cp_mqd_base_addr_lo += STRIDE;
	t->list = (struct fake_queue){
		.dwords = 4096,
		.mem = fake_gart(t->f, FAKE_GART_BASE + LIST_AT),
	};
	build_map_process(&t->list, PASID, vg_vmid_root(t->f->vg, VG_GFXHUB, AQL_VMID));
	build_map_queue(&t->list, u->ring.doorbell, u->mqd_va, u->wptr_va);
	build_run_list(&t->hiq, FAKE_GART_BASE + LIST_AT, t->list.wptr);
	submit(t, &t->hiq);
}

static uint64_t fence(struct two *t)
{
	return *(volatile uint64_t *)fake_gart(t->f, FAKE_GART_BASE + FENCE_AT);
}

static unsigned int mapped(struct two *t, unsigned int xcc)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < VG_NUM_HQDS; i++)
		n += vg_gfx9(t->f->vg)->cp[xcc].hqd[i].dynamic;
	return n;
}

static void a_run_list_maps_queues_on_all_xccs(void)
{
	struct user_queue u;
	struct two t;

	start_hws(&t, 2);
	run_user_queue(&t, &u, 0);
	CHECK(mapped(&t, 0) == 1 && mapped(&t, 1) == 1);
	CHECK(vg_vmid_root(t.f->vg, VG_GFXHUB1, AQL_VMID) ==
	      vg_vmid_root(t.f->vg, VG_GFXHUB, AQL_VMID));
	CHECK(fake_log_count(t.f, "why=new-owner") == 3);
	fake_free(t.f);
}

static void a_run_list_needs_a_hiq_on_each_xcc(void)
{
	struct user_queue u;
	struct two t;

	start_hws(&t, 1);
	run_user_queue(&t, &u, 0);
	fake_expect_stop(t.f, "an XCC has no HIQ");
}

/* The copy of the HIQ reads all packets, but only the first XCC executes them. */
static void the_second_hiq_follows(void)
{
	const struct vg_queue *leader, *follower;
	struct two t;

	start_hws(&t, 2);
	build_query_status(&t.hiq, FAKE_GART_BASE + FENCE_AT, 1);
	submit(&t, &t.hiq);
	leader = &vg_cp_hqd(t.f->vg, 0, 2, 0, 0)->q;
	follower = &vg_cp_hqd(t.f->vg, 1, 2, 0, 0)->q;
	CHECK(leader->rptr == t.hiq.wptr && follower->rptr == t.hiq.wptr);
	CHECK(fake_log_count(t.f, "op=QUERY_STATUS") == 1);
	CHECK(fence(&t) == 1);
	fake_free(t.f);
}

static void the_target_executes_a_pm4_queue(void)
{
	for (unsigned int target = 0; target < 2; target++) {
		struct user_queue u;
		struct two t;

		start_hws(&t, 2);
		run_user_queue(&t, &u, target);
		build_write32(&u.ring, AQL_DATA_VA, VALUE);
		user_queue_kick(t.f, &u);
		fake_run(t.f, STEPS);
		CHECK(*(uint32_t *)(t.f->ram + AQL_DATA) == VALUE);
		CHECK(has(&t, target, AQL_DATA_VA) && !has(&t, 1 - target, AQL_DATA_VA));
		CHECK(fake_log_count(t.f, "op=WRITE_DATA") == 1);
		fake_free(t.f);
	}
}

/* Without the HWS the driver maps the queue on one XCC after the other, through registers. */
static void the_target_works_without_the_hws(void)
{
	struct user_queue u;
	struct two t;

	start(&t, 2);
	fake_enable_vmid(t.f, AQL_VMID);
	fake_map(t.f, AQL_VMID, AQL_DATA_VA, FAKE_RAM_BASE + AQL_DATA, FAKE_RW | VG_PTE_SYSTEM);
	user_queue_init(t.f, &u, 0, AQL_VMID, AQL_RING_VA, AQL_DOORBELL);
	u.ring.queue = 2;
	u.mqd->pm4_target_xcc_in_xcp = 1;
	for (u.ring.xcc = 0; u.ring.xcc < 2; u.ring.xcc++)
		fake_queue_activate(t.f, &u.ring);
	build_write32(&u.ring, AQL_DATA_VA, VALUE);
	user_queue_kick(t.f, &u);
	fake_run(t.f, STEPS);
	CHECK(*(uint32_t *)(t.f->ram + AQL_DATA) == VALUE);
	CHECK(has(&t, 1, AQL_DATA_VA) && !has(&t, 0, AQL_DATA_VA));
	for (u.ring.xcc = 0; u.ring.xcc < 2; u.ring.xcc++) {
		fake_queue_dequeue(t.f, &u.ring, SAVE_WAVES);
		fake_run(t.f, STEPS);
		CHECK(!fake_queue_active(t.f, &u.ring));
	}
	fake_free(t.f);
}

static void a_target_outside_of_the_partition_stops(void)
{
	struct user_queue u;
	struct two t;

	start_hws(&t, 2);
	run_user_queue(&t, &u, 2);
	fake_expect_stop(t.f, "PM4 queue for XCC 2 of 2");
}

static void the_fence_waits_for_all_xccs(void)
{
	struct user_queue u;
	struct two t;

	start_hws(&t, 2);
	run_user_queue(&t, &u, 1);
	t.f->vg->config.preempt_steps = 100;
	build_unmap(&t.hiq, VG_UNMAP_ALL, 0);
	build_query_status(&t.hiq, FAKE_GART_BASE + FENCE_AT, 1);
	fake_ring_doorbell(t.f, &t.hiq);
	while (!fence(&t)) {
		CHECK(vgpu_step(t.f->vg));
		CHECK(!fence(&t) || (!mapped(&t, 0) && !mapped(&t, 1)));
	}
	fake_free(t.f);
}

/* Each partition has a HWS of its own, so one of them knows nothing of the other's queues. */
static void partitions_have_their_own_scheduler(void)
{
	struct vg_gfx9 *chip;
	struct two t;

	start(&t, 1);
	build_resources(&t.kiq[0], 0x03f0, SLOTS);
	build_resources(&t.kiq[1], 0xfc00, SLOTS);
	submit(&t, &t.kiq[0]);
	submit(&t, &t.kiq[1]);
	chip = vg_gfx9(t.f->vg);
	CHECK(chip->cp[0].hws.vmid_mask == 0x03f0 && chip->cp[1].hws.vmid_mask == 0xfc00);
	fake_free(t.f);
}

int main(void)
{
	each_xcc_has_its_own_registers();
	one_xcc_has_no_second_registers();
	packets_access_registers_of_their_xcc();
	partitions_name_their_xccs();
	a_request_flushes_one_hub();
	a_flush_by_pasid_reaches_the_xcc_of_its_kiq();
	a_left_out_flush_concerns_one_xcc();
	a_fault_names_its_xcc();
	an_eop_interrupt_names_its_xcc();
	each_xcc_executes_an_ib();
	pred_exec_chooses_the_xcc();
	pred_exec_beyond_its_ib_stops();
	a_packet_waits_for_the_queue_on_all_xccs();
	evictions_lose_and_repeat_no_part();
	a_run_list_maps_queues_on_all_xccs();
	a_run_list_needs_a_hiq_on_each_xcc();
	the_second_hiq_follows();
	the_target_executes_a_pm4_queue();
	the_target_works_without_the_hws();
	a_target_outside_of_the_partition_stops();
	the_fence_waits_for_all_xccs();
	partitions_have_their_own_scheduler();
	return 0;
}
