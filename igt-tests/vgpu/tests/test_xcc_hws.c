/* SPDX-License-Identifier: MIT */
/* Tests the hardware scheduler of a GPU with two XCCs. */
#include "tests/fake_xcc.h"

enum {
	HIQ_RING_AT = 0x3000,
	HIQ_MQD_AT = 0x4000,
	HIQ_DWORDS = 512,
	HIQ_DOORBELL = 0x40,
	LIST_AT = 0x200000,
	VMIDS = 0xff00,
	SLOTS = 0xfc, /* ME1 pipe 0, queues 2 .. 7 */
	SAVE_WAVES = 3,
};

static void map_hiq(struct two *t, unsigned int xcc)
{
	uint64_t mqd_va = FAKE_GART_BASE + HIQ_MQD_AT + xcc * XCC_STRIDE;
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
	two_submit(t, &t->kiq[xcc]);
}

static void start_hws(struct two *t, unsigned int hiqs)
{
	two_start(t, 2);
	t->hiq = (struct fake_queue){
		.dwords = HIQ_DWORDS,
		.doorbell = HIQ_DOORBELL,
		.mem = fake_gart(t->f, FAKE_GART_BASE + HIQ_RING_AT),
	};
	for (unsigned int xcc = 0; xcc < hiqs; xcc++)
		map_hiq(t, xcc);
	build_resources(&t->hiq, VMIDS, SLOTS);
	two_submit(t, &t->hiq);
}

/* The MQD of the second XCC. */
static struct v9_mqd *second_mqd(struct user_queue *u)
{
	return (void *)((uint8_t *)u->mqd + XCC_STRIDE);
}

/* A process with a PM4 queue for the XCC @target. */
static void user_queue_ready(struct two *t, struct user_queue *u, unsigned int target)
{
	fake_enable_vmid(t->f, AQL_VMID);
	fake_map(t->f, AQL_VMID, AQL_DATA_VA, FAKE_RAM_BASE + AQL_DATA, FAKE_RW | VG_PTE_SYSTEM);
	user_queue_init(t->f, u, 0, AQL_VMID, AQL_RING_VA, AQL_DOORBELL);
	u->mqd->cp_mqd_stride_size = XCC_STRIDE;
	u->mqd->pm4_target_xcc_in_xcp = target;
	*second_mqd(u) = *u->mqd;
	second_mqd(u)->cp_mqd_base_addr_lo += XCC_STRIDE;
}

/* A run list with the process. */
static void run_process(struct two *t, struct user_queue *u)
{
	t->list = (struct fake_queue){
		.dwords = 4096,
		.mem = fake_gart(t->f, FAKE_GART_BASE + LIST_AT),
	};
	build_map_process(&t->list, XCC_PASID, vg_vmid_root(t->f->vg, VG_GFXHUB, AQL_VMID));
	build_map_queue(&t->list, u->ring.doorbell, u->mqd_va, u->wptr_va);
	build_run_list(&t->hiq, FAKE_GART_BASE + LIST_AT, t->list.wptr);
	two_submit(t, &t->hiq);
}

static void run_user_queue(struct two *t, struct user_queue *u, unsigned int target)
{
	user_queue_ready(t, u, target);
	run_process(t, u);
}

static uint64_t fence(struct two *t)
{
	return *(volatile uint64_t *)fake_gart(t->f, FAKE_GART_BASE + XCC_FENCE_AT);
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

/* Without a distance, two XCCs would load and save the same MQD. */
static void a_missing_mqd_stride_stops(void)
{
	struct user_queue u;
	struct two t;

	start_hws(&t, 2);
	user_queue_ready(&t, &u, 0);
	u.mqd->cp_mqd_stride_size = 0;
	run_process(&t, &u);
	fake_expect_stop(t.f, "MQD stride 0x00000000");
}

/* With the wrong address the second XCC would save the queue to the MQD of the first XCC. */
static void an_mqd_with_the_address_of_another_stops(void)
{
	struct user_queue u;
	struct two t;

	start_hws(&t, 2);
	user_queue_ready(&t, &u, 0);
	second_mqd(&u)->cp_mqd_base_addr_lo = u.mqd->cp_mqd_base_addr_lo;
	run_process(&t, &u);
	fake_expect_stop(t.f, "MQD of another XCC");
}

/* CRIU restores a queue with the addresses of the MQDs at the time of the checkpoint. */
static void restored_mqds_may_have_old_addresses(void)
{
	enum { MOVED = 0x100000 };
	struct user_queue u;
	struct two t;

	start_hws(&t, 2);
	user_queue_ready(&t, &u, 0);
	u.mqd->cp_mqd_base_addr_lo += MOVED;
	second_mqd(&u)->cp_mqd_base_addr_lo += MOVED;
	run_process(&t, &u);
	CHECK(mapped(&t, 0) == 1 && mapped(&t, 1) == 1);
	fake_free(t.f);
}

/* Each XCC has the HIQ.  The second one reads all packets, but only the first one executes them. */
static void the_second_hiq_follows(void)
{
	const struct vg_queue *leader, *follower;
	struct two t;

	start_hws(&t, 2);
	build_query_status(&t.hiq, FAKE_GART_BASE + XCC_FENCE_AT, 1);
	two_submit(&t, &t.hiq);
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
		build_write32(&u.ring, AQL_DATA_VA, XCC_VALUE);
		user_queue_kick(t.f, &u);
		fake_run(t.f, XCC_STEPS);
		CHECK(*(uint32_t *)(t.f->ram + AQL_DATA) == XCC_VALUE);
		CHECK(two_has(&t, target, AQL_DATA_VA) && !two_has(&t, 1 - target, AQL_DATA_VA));
		CHECK(fake_log_count(t.f, "op=WRITE_DATA") == 1);
		fake_free(t.f);
	}
}

/* Without the HWS the driver maps the queue on one XCC after the other, through registers. */
static void the_target_works_without_the_hws(void)
{
	struct user_queue u;
	struct two t;

	two_start(&t, 2);
	fake_enable_vmid(t.f, AQL_VMID);
	fake_map(t.f, AQL_VMID, AQL_DATA_VA, FAKE_RAM_BASE + AQL_DATA, FAKE_RW | VG_PTE_SYSTEM);
	user_queue_init(t.f, &u, 0, AQL_VMID, AQL_RING_VA, AQL_DOORBELL);
	u.ring.queue = 2;
	u.mqd->pm4_target_xcc_in_xcp = 1;
	for (u.ring.xcc = 0; u.ring.xcc < 2; u.ring.xcc++)
		fake_queue_activate(t.f, &u.ring);
	build_write32(&u.ring, AQL_DATA_VA, XCC_VALUE);
	user_queue_kick(t.f, &u);
	fake_run(t.f, XCC_STEPS);
	CHECK(*(uint32_t *)(t.f->ram + AQL_DATA) == XCC_VALUE);
	CHECK(two_has(&t, 1, AQL_DATA_VA) && !two_has(&t, 0, AQL_DATA_VA));
	for (u.ring.xcc = 0; u.ring.xcc < 2; u.ring.xcc++) {
		fake_queue_dequeue(t.f, &u.ring, SAVE_WAVES);
		fake_run(t.f, XCC_STEPS);
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
	build_query_status(&t.hiq, FAKE_GART_BASE + XCC_FENCE_AT, 1);
	fake_ring_doorbell(t.f, &t.hiq);
	while (!fence(&t)) {
		CHECK(vgpu_step(t.f->vg));
		CHECK(!fence(&t) || (!mapped(&t, 0) && !mapped(&t, 1)));
	}
	fake_free(t.f);
}

static void give_vmids(struct two *t, unsigned int xcc, uint32_t vmids)
{
	build_resources(&t->kiq[xcc], vmids, SLOTS);
	two_submit(t, &t->kiq[xcc]);
}

/* Each partition has a HWS of its own, with its own resources. */
static void partitions_have_their_own_scheduler(void)
{
	struct vg_gfx9 *chip;
	struct two t;

	two_start(&t, 1);
	give_vmids(&t, 0, 0x03f0);
	give_vmids(&t, 1, 0xfc00);
	chip = vg_gfx9(t.f->vg);
	CHECK(chip->cp[0].hws.vmid_mask == 0x03f0 && chip->cp[1].hws.vmid_mask == 0xfc00);
	fake_free(t.f);
}

static void partitions_do_not_share_vmids(void)
{
	struct two t;

	two_start(&t, 1);
	give_vmids(&t, 0, 0x03f0);
	give_vmids(&t, 1, 0xfe00);
	fake_expect_stop(t.f, "SET_RESOURCES with VMIDs of another partition");
}

/*
 * A change of the partitions takes the VMIDs from each HWS, so the HWS of XCC 0 may get those that
 * XCC 1 had before.
 */
static void a_new_partition_has_no_vmids(void)
{
	struct two t;

	two_start(&t, 1);
	give_vmids(&t, 1, 0xfc00);
	xcc_set_partitions(t.f, 2);
	xcc_set_partitions(t.f, 1);
	give_vmids(&t, 0, 0xfff0);
	CHECK(vg_gfx9(t.f->vg)->cp[0].hws.vmid_mask == 0xfff0);
	fake_free(t.f);
}

/* ---- changes of the partitions ---- */

static void write_xcp_ctl(struct two *t, unsigned int xcc, unsigned int number, unsigned int count)
{
	vgpu_mmio_write(t->f->vg, xcc_addr(xcc, VG_ADDR(CP_HYP_XCP_CTL)),
			VG_FIELD_PREP(CP_HYP_XCP_CTL, NUM_XCC_IN_XCP, count) |
				VG_FIELD_PREP(CP_HYP_XCP_CTL, VIRTUAL_XCC_ID, number));
}

/* The driver's own queues go on while the partitions change. */
static void partitions_change_beside_kernel_queues(void)
{
	struct two t;

	two_start(&t, 2);
	xcc_set_partitions(t.f, 1);
	build_write_reg(&t.kiq[1], VG_ADDR(SCRATCH_REG0), XCC_VALUE);
	two_submit(&t, &t.kiq[1]);
	CHECK(vgpu_mmio_read(t.f->vg, xcc_addr(1, VG_ADDR(SCRATCH_REG0))) == XCC_VALUE);
	fake_free(t.f);
}

/*
 * The partitions change as in a switch of the mode: KFD has unmapped the HIQs before the change,
 * and maps new ones after it.
 */
static void partitions_change_after_the_hiq(void)
{
	struct two t;

	start_hws(&t, 2);
	xcc_set_partitions(t.f, 2); /* writes the same values, so nothing changes */
	for (unsigned int xcc = 0; xcc < 2; xcc++)
		vg_hqd_reset(t.f->vg, vg_cp_hqd(t.f->vg, xcc, 2, 0, 0));
	xcc_set_partitions(t.f, 1);
	map_hiq(&t, 1);
	fake_free(t.f);
}

static void a_change_beside_a_hiq_stops(void)
{
	for (unsigned int xcc = 0; xcc < 2; xcc++) {
		struct two t;

		start_hws(&t, 2);
		write_xcp_ctl(&t, xcc, 0, 1);
		fake_expect_stop(t.f, "changed beside active queues");
	}
}

/* Without the HWS only the user's queue shows that the partition is in use. */
static void a_change_beside_a_user_queue_stops(void)
{
	struct user_queue u;
	struct two t;

	two_start(&t, 2);
	user_queue_ready(&t, &u, 0);
	u.ring.queue = 2;
	fake_queue_activate(t.f, &u.ring);
	write_xcp_ctl(&t, 1, 0, 1);
	fake_expect_stop(t.f, "changed beside active queues");
}

/*
 * The driver has written the new partition to the register of XCC 0, but not to the one of XCC 1.
 */
static void half_written(struct two *t)
{
	two_start(t, 1);
	write_xcp_ctl(t, 0, 0, 2);
}

static void half_a_partition_takes_no_hiq(void)
{
	for (unsigned int xcc = 0; xcc < 2; xcc++) {
		struct two t;

		half_written(&t);
		map_hiq(&t, xcc);
		fake_expect_stop(t.f, "disagree on their partition");
	}
}

/* The driver forgets the register on all XCCs.  They agree, but nobody has made a partition. */
static void no_partition_takes_no_hiq(void)
{
	struct two t;

	two_start(&t, 0);
	map_hiq(&t, 0);
	fake_expect_stop(t.f, "has no partition");
}

static void half_a_partition_takes_no_user_queue(void)
{
	struct user_queue u;
	struct two t;

	half_written(&t);
	user_queue_ready(&t, &u, 0);
	u.ring.queue = 2;
	fake_queue_activate(t.f, &u.ring);
	fake_expect_stop(t.f, "disagree on their partition");
}

int main(void)
{
	a_run_list_maps_queues_on_all_xccs();
	a_run_list_needs_a_hiq_on_each_xcc();
	a_missing_mqd_stride_stops();
	an_mqd_with_the_address_of_another_stops();
	restored_mqds_may_have_old_addresses();
	the_second_hiq_follows();
	the_target_executes_a_pm4_queue();
	the_target_works_without_the_hws();
	a_target_outside_of_the_partition_stops();
	the_fence_waits_for_all_xccs();
	partitions_have_their_own_scheduler();
	partitions_do_not_share_vmids();
	a_new_partition_has_no_vmids();
	partitions_change_beside_kernel_queues();
	partitions_change_after_the_hiq();
	a_change_beside_a_hiq_stops();
	a_change_beside_a_user_queue_stops();
	no_partition_takes_no_hiq();
	half_a_partition_takes_no_hiq();
	half_a_partition_takes_no_user_queue();
	return 0;
}
