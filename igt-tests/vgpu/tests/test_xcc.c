/* SPDX-License-Identifier: MIT */
/*
 * Tests a GPU with two XCCs: registers, hubs and interrupts of each XCC, partitions, and AQL queues
 * that are on both XCCs.
 */
#include "tests/fake_xcc.h"
#include "vega10_enum.h"

/* ---- registers ---- */

static void each_xcc_has_its_own_registers(void)
{
	struct fake_host *f = fake_new_xccs(2);

	vgpu_mmio_write(f->vg, xcc_addr(0, VG_ADDR(SCRATCH_REG0)), 1);
	vgpu_mmio_write(f->vg, xcc_addr(1, VG_ADDR(SCRATCH_REG0)), 2);
	CHECK(vgpu_mmio_read(f->vg, xcc_addr(0, VG_ADDR(SCRATCH_REG0))) == 1);
	CHECK(vgpu_mmio_read(f->vg, xcc_addr(1, VG_ADDR(SCRATCH_REG0))) == 2);
	CHECK(fake_logged(f, "write reg=SCRATCH_REG0+0 value=0x00000001\n"));
	CHECK(fake_logged(f, "write reg=SCRATCH_REG0+0 value=0x00000002 instance=1"));
	fake_free(f);
}

static void one_xcc_has_no_second_registers(void)
{
	struct fake_host *f = fake_new();

	vgpu_mmio_write(f->vg, xcc_addr(1, VG_ADDR(SCRATCH_REG0)), 2);
	fake_expect_stop(f, "unknown register");
}

/*
 * The driver cuts register numbers in packets to 16 bits.  Such a number means the register of the
 * XCC that executes the packet.
 */
static void packets_access_registers_of_their_xcc(void)
{
	struct two t;

	two_start(&t, 2);
	build_write_reg(&t.kiq[1], VG_ADDR(SCRATCH_REG0), XCC_VALUE);
	two_submit(&t, &t.kiq[1]);
	CHECK(vgpu_mmio_read(t.f->vg, xcc_addr(1, VG_ADDR(SCRATCH_REG0))) == XCC_VALUE);
	CHECK(vgpu_mmio_read(t.f->vg, xcc_addr(0, VG_ADDR(SCRATCH_REG0))) == 0);
	fake_free(t.f);
}

static void partitions_name_their_xccs(void)
{
	struct fake_host *f = fake_new_xccs(2);
	struct vg_partition xcp;

	xcc_set_partitions(f, 2);
	xcp = vg_partition_of(f->vg, 1);
	CHECK(xcp.first == 0 && xcp.count == 2);
	xcc_set_partitions(f, 1);
	xcp = vg_partition_of(f->vg, 1);
	CHECK(xcp.first == 1 && xcp.count == 1);
	vgpu_mmio_write(f->vg, xcc_addr(1, VG_ADDR(CP_HYP_XCP_CTL)),
			VG_FIELD_PREP(CP_HYP_XCP_CTL, NUM_XCC_IN_XCP, 2));
	fake_expect_stop(f, "XCC 1 as number 0 of 2");
}

/* ---- hubs ---- */

/* Let both XCCs have a translation of the user's page. */
static void fill_both(struct two *t)
{
	uint32_t value;

	fake_enable_vmid(t->f, AQL_VMID);
	vg_vmid_set_pasid(t->f->vg, AQL_VMID, XCC_PASID);
	fake_map(t->f, AQL_VMID, AQL_DATA_VA, FAKE_RAM_BASE + AQL_DATA, FAKE_RW | VG_PTE_SYSTEM);
	for (unsigned int xcc = 0; xcc < 2; xcc++) {
		CHECK(!vg_mem_read32(t->f->vg, &vg_cp_port[xcc], AQL_VMID, AQL_DATA_VA, &value));
		CHECK(two_has(t, xcc, AQL_DATA_VA));
	}
}

static void a_request_flushes_one_hub(void)
{
	struct two t;

	two_start(&t, 2);
	fill_both(&t);
	fake_flush(t.f, VG_GFXHUB1, AQL_VMID);
	CHECK(two_has(&t, 0, AQL_DATA_VA) && !two_has(&t, 1, AQL_DATA_VA));
	CHECK(vgpu_mmio_read(t.f->vg, 4 * vg_gfxhub1_regs.eng_ack) == 1u << AQL_VMID);
	CHECK(vgpu_mmio_read(t.f->vg, 4 * vg_gfxhub_regs.eng_ack) == 0);
	fake_free(t.f);
}

static void a_flush_by_pasid_reaches_the_xcc_of_its_kiq(void)
{
	struct two t;

	two_start(&t, 2);
	fill_both(&t);
	build_invalidate(&t.kiq[0], XCC_PASID, true);
	two_submit(&t, &t.kiq[0]);
	CHECK(!two_has(&t, 0, AQL_DATA_VA) && two_has(&t, 1, AQL_DATA_VA));
	build_invalidate(&t.kiq[1], XCC_PASID, true);
	two_submit(&t, &t.kiq[1]);
	CHECK(!two_has(&t, 1, AQL_DATA_VA));
	fake_free(t.f);
}

/* The injected fault leaves out the flushes of one XCC. */
static void a_left_out_flush_concerns_one_xcc(void)
{
	struct two t;

	two_start(&t, 2);
	fill_both(&t);
	CHECK(!vgpu_inject(t.f->vg, "no-xcc-flush:xcc=1"));
	for (unsigned int xcc = 0; xcc < 2; xcc++) {
		build_invalidate(&t.kiq[xcc], XCC_PASID, true);
		two_submit(&t, &t.kiq[xcc]);
	}
	CHECK(!two_has(&t, 0, AQL_DATA_VA) && two_has(&t, 1, AQL_DATA_VA));
	CHECK(fake_logged(t.f, "inject fault=no-xcc-flush"));
	fake_free(t.f);
}

static void a_fault_names_its_xcc(void)
{
	struct two t;
	uint32_t value;

	two_start(&t, 2);
	fill_both(&t);
	fake_enable_ih(t.f, 4096);
	CHECK(vg_mem_read32(t.f->vg, &vg_cp_port[1], AQL_VMID, AQL_IB_VA, &value));
	CHECK(fake_iv(t.f, 0)[3] == (XCC_PASID | VG_NODE_XCC1 << 16));
	CHECK(vgpu_mmio_read(t.f->vg, 4 * vg_gfxhub1_regs.fault_status));
	CHECK(!vgpu_mmio_read(t.f->vg, 4 * vg_gfxhub_regs.fault_status));
	fake_free(t.f);
}

static void an_eop_interrupt_names_its_xcc(void)
{
	struct two t;

	two_start(&t, 2);
	fake_enable_ih(t.f, 4096);
	vgpu_mmio_write(t.f->vg, xcc_addr(1, VG_ADDR(CP_ME2_PIPE1_INT_CNTL)),
			VG_FIELD_PREP(CP_ME1_PIPE0_INT_CNTL, TIME_STAMP_INT_ENABLE, 1));
	for (unsigned int xcc = 0; xcc < 2; xcc++) {
		build_release(&t.kiq[xcc], FAKE_GART_BASE + XCC_FENCE_AT, 1, PM4_DATA_LOW32,
			      PM4_INT_AFTER_WRITE, 0);
		two_submit(&t, &t.kiq[xcc]);
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

	two_start(&p->t, 2);
	aql_attach(&p->on[0], p->t.f, 0);
	p->on[1] = p->on[0];
	mqd = (void *)((uint8_t *)p->on[0].u.mqd + XCC_STRIDE);
	*mqd = *p->on[0].u.mqd;
	mqd->cp_mqd_base_addr_lo += XCC_STRIDE;
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
	CHECK(aql_signal_at(&p.on[0], 0)->value == 0); /* one completion, not one of each XCC */
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
	CHECK(two_has(&p.t, 0, AQL_DATA_VA) && !two_has(&p.t, 1, AQL_DATA_VA));
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
	fake_run(p.t.f, XCC_STEPS);
	CHECK(aql_read_id(&p.on[0]) == 2);
	CHECK(fake_log_count(p.t.f, "aql-complete") == 2);
	fake_free(p.t.f);
}

/* Step until the queue has left the XCC. */
static void unmap_part(struct pair *p, unsigned int xcc)
{
	aql_unmap(&p->on[xcc]);
}

/* Let the CPU write to VRAM several times, and let the queue do some steps after each write. */
static void write_beside(struct pair *p)
{
	enum { WRITES = 4, STEPS_EACH = 50, VRAM_AT = 0x2000 };
	const uint32_t value = XCC_VALUE;

	for (unsigned int i = 0; i < WRITES; i++) {
		vgpu_vram_write(p->t.f->vg, VRAM_AT + sizeof(value) * i, &value, sizeof(value));
		for (unsigned int n = 0; n < STEPS_EACH; n++)
			vgpu_step(p->t.f->vg);
	}
}

/*
 * A packet that waits for the queue's other XCC has not begun, so it must not flush the HDP: that
 * would hide a flush that the driver has left out.
 */
static void a_waiting_packet_does_not_flush_the_hdp(void)
{
	enum { FIFO = 1 << 20 };
	const struct aql_barrier barrier = {
		.header = AQL_BARRIER_AND | VG_PREP(AQL_ACQUIRE, AQL_SCOPE_SYSTEM),
		.completion = AQL_SIGNAL_VA(0),
	};
	struct pair p;

	pair_ready(&p);
	fake_hdp_fifo(p.t.f, FIFO);
	aql_put(&p.on[0], &barrier);
	aql_ring(&p.on[0], 0);
	write_beside(&p);
	CHECK(fake_log_count(p.t.f, "by=acquire") == 0);
	map_part(&p, 1);
	fake_run(p.t.f, XCC_STEPS);
	CHECK(aql_read_id(&p.on[0]) == 1);
	CHECK(fake_log_count(p.t.f, "by=acquire") == 1);
	fake_free(p.t.f);
}

/*
 * Evict and restore the queue at any step, in any order of the XCCs.  Each XCC must execute each
 * packet once, and only one of them completes it.
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
		fake_run(p.t.f, XCC_STEPS);
		CHECK(aql_data(&p.on[0])[0] == 2 * PACKETS);
		CHECK(aql_signal_at(&p.on[0], 0)->value == 0);
		CHECK(aql_read_id(&p.on[0]) == PACKETS);
		fake_free(p.t.f);
	}
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
	a_waiting_packet_does_not_flush_the_hdp();
	evictions_lose_and_repeat_no_part();
	return 0;
}
