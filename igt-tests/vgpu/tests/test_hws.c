/* SPDX-License-Identifier: MIT */
/* Tests the hardware scheduler (HWS): run lists, filters of UNMAP_QUEUES, fences, PASIDs. */
#include "tests/hws.h"

static void one_process(struct hws *h, struct user_queue *u)
{
	hws_start(h);
	hws_add_process(h, u, 0);
	hws_begin_list(h);
	hws_list_process(h, u, 0);
	hws_submit_list(h);
}

static void a_run_list_starts_its_queues(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	CHECK(hws_mapped(&h) == 1);
	CHECK(vg_vmid_pasid(h.f->vg, 8) == HWS_PASID);
	build_write32(&u.ring, HWS_DATA_VA, 7);
	user_queue_kick(h.f, &u);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_data(&h)[0] == 7);
	fake_free(h.f);
}

static void both_hubs_get_the_root(void)
{
	struct hws h;
	struct user_queue u;
	uint64_t table = 0x7770001;
	uint32_t lo = 4 * (vg_mmhub_regs.base_lo + 2 * 8);

	one_process(&h, &u);
	hws_unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, HWS_STEPS);
	hws_begin_list(&h);
	build_map_process(&h.list, HWS_PASID, table);
	hws_submit_list(&h);
	CHECK(hws_root(&h, 8) == table);
	CHECK(vgpu_mmio_read(h.f->vg, lo) == table);
	fake_free(h.f);
}

static void work_waiting_in_memory_starts_without_a_doorbell(void)
{
	struct hws h;
	struct user_queue u;

	hws_start(&h);
	hws_add_process(&h, &u, 0);
	build_write32(&u.ring, HWS_DATA_VA, 7);
	*u.wptr = u.ring.wptr;
	hws_begin_list(&h);
	hws_list_process(&h, &u, 0);
	hws_submit_list(&h);
	CHECK(hws_data(&h)[0] == 7);
	fake_free(h.f);
}

static void the_fence_comes_after_the_queues_are_off(void)
{
	struct hws h;
	struct user_queue u;
	unsigned int steps = 0;

	one_process(&h, &u);
	for (unsigned int i = 0; i < 8; i++)
		fake_map(h.f, 8, HWS_DATA_VA + i * VG_PAGE_SIZE,
			 FAKE_RAM_BASE + 0x400000 + i * VG_PAGE_SIZE, FAKE_RW | VG_PTE_SYSTEM);
	build_dma(&u.ring, HWS_DATA_VA + 0x4000, HWS_DATA_VA, 0x4000);
	user_queue_kick(h.f, &u);
	vgpu_step(h.f->vg); /* the first slice */
	hws_unmap(&h, VG_UNMAP_NON_STATIC, 0, 0x1234);
	while (hws_mapped(&h)) {
		CHECK(hws_fence(&h) == 0);
		CHECK(steps++ < 20);
		vgpu_step(h.f->vg);
	}
	CHECK(steps > 2); /* the copy was under way when UNMAP_QUEUES came */
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_fence(&h) == 0x1234);
	CHECK(!fake_log_count(h.f, "fault"));
	fake_free(h.f);
}

static void a_restored_queue_goes_on(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	build_write32(&u.ring, HWS_DATA_VA, 1);
	user_queue_kick(h.f, &u);
	fake_run(h.f, HWS_STEPS);
	hws_unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, HWS_STEPS);
	hws_data(&h)[0] = 0;
	build_write32(&u.ring, HWS_DATA_VA + 4, 2);
	user_queue_kick(h.f, &u);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_data(&h)[1] == 0);
	hws_begin_list(&h);
	hws_list_process(&h, &u, 0);
	hws_submit_list(&h);
	CHECK(hws_data(&h)[0] == 0 && hws_data(&h)[1] == 2);
	fake_free(h.f);
}

/*
 * A new run list must not flush the TLB for a process that keeps its VMID.  Changed page tables
 * take effect only when the driver asks for a flush.
 */
static void a_new_run_list_flushes_nothing_of_a_process(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	build_write32(&u.ring, HWS_DATA_VA, 1);
	user_queue_kick(h.f, &u);
	fake_run(h.f, HWS_STEPS);
	hws_unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, HWS_STEPS);
	fake_map(h.f, 8, HWS_DATA_VA, FAKE_RAM_BASE + 0x480000, FAKE_RW | VG_PTE_SYSTEM);
	hws_begin_list(&h);
	hws_list_process(&h, &u, 0);
	hws_submit_list(&h);
	build_write32(&u.ring, HWS_DATA_VA, 2);
	user_queue_kick(h.f, &u);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_data(&h)[0] == 2); /* the store went to the old page */

	build_invalidate(&h.hiq, HWS_PASID, false);
	fake_ring_doorbell(h.f, &h.hiq);
	fake_run(h.f, HWS_STEPS);
	build_write32(&u.ring, HWS_DATA_VA, 3);
	user_queue_kick(h.f, &u);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_data(&h)[0] == 2);
	CHECK(*(uint32_t *)(h.f->ram + 0x480000) == 3);
	fake_free(h.f);
}

static void a_vmid_that_changes_hands_is_flushed(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	build_write32(&u.ring, HWS_DATA_VA, 1);
	user_queue_kick(h.f, &u);
	fake_run(h.f, HWS_STEPS);
	hws_unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, HWS_STEPS);
	fake_log_clear(h.f);
	hws_begin_list(&h);
	build_map_process(&h.list, HWS_PASID + 9, hws_root(&h, 8));
	hws_submit_list(&h);
	CHECK(fake_log_count(h.f, "vmids=0x0100") == 2); /* both hubs */
	CHECK(vg_vmid_pasid(h.f->vg, 8) == HWS_PASID + 9);
	fake_free(h.f);
}

static void a_pasid_of_a_new_process_is_flushed(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	hws_unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, HWS_STEPS);
	fake_log_clear(h.f);
	hws_begin_list(&h);
	build_map_process(&h.list, HWS_PASID, hws_root(&h, 8) + VG_PAGE_SIZE);
	hws_submit_list(&h);
	CHECK(fake_log_count(h.f, "why=new-owner") == 2);
	fake_free(h.f);
}

static void two_processes(struct hws *h, struct user_queue *u)
{
	hws_start(h);
	hws_begin_list(h);
	for (unsigned int n = 0; n < 2; n++) {
		hws_add_process(h, &u[n], n);
		hws_list_process(h, &u[n], n);
	}
	hws_submit_list(h);
	CHECK(hws_mapped(h) == 2);
}

/*
 * If the process got another VMID, the HWS would flush that VMID.  This would hide that the driver
 * has not flushed after a change of page tables.
 */
static void a_process_keeps_its_vmid_without_those_before_it(void)
{
	struct hws h;
	struct user_queue u[2];

	two_processes(&h, u);
	hws_unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, HWS_STEPS);
	fake_log_clear(h.f);
	hws_begin_list(&h);
	hws_list_process(&h, &u[1], 1);
	hws_submit_list(&h);
	CHECK(hws_mapped(&h) == 1 && fake_logged(h.f, "vmid=9 root"));
	CHECK(!fake_logged(h.f, "why=new-owner"));
	fake_free(h.f);
}

static void unmap_by_pasid_takes_one_process(void)
{
	struct hws h;
	struct user_queue u[2];

	two_processes(&h, u);
	hws_unmap(&h, VG_UNMAP_PASID, HWS_PASID + 1, 5);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_mapped(&h) == 1);
	CHECK(hws_fence(&h) == 5);
	for (unsigned int n = 0; n < 2; n++) {
		build_write32(&u[n].ring, HWS_DATA_VA, 1);
		user_queue_kick(h.f, &u[n]);
	}
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_data(&h)[0] == 1);
	CHECK(hws_data(&h)[0x1000 / 4] == 0);
	fake_free(h.f);
}

/*
 * UNMAP_QUEUES is in the HIQ behind the run list, so it must unmap the queues that the list maps.
 */
static void unmap_by_pasid_waits_for_the_list(void)
{
	struct hws h;
	struct user_queue u;

	hws_start(&h);
	hws_add_process(&h, &u, 0);
	hws_begin_list(&h);
	hws_list_process(&h, &u, 0);
	build_run_list(&h.hiq, FAKE_GART_BASE + HWS_LIST_AT, h.list.wptr);
	hws_unmap(&h, VG_UNMAP_PASID, HWS_PASID, 5);
	fake_run(h.f, HWS_STEPS);
	CHECK(fake_logged(h.f, "map queue=cp1.0.2"));
	CHECK(hws_mapped(&h) == 0 && hws_fence(&h) == 5);
	fake_free(h.f);
}

/* Returns whether UNMAP_QUEUES came before the HWS had executed the list. */
static bool unmap_behind_a_list(uint64_t seed)
{
	struct hws h;
	struct user_queue u;
	bool dropped;

	hws_start(&h);
	h.f->vg->config.seed = seed;
	vg_sched_init(h.f->vg);
	vg_sched_reset(h.f->vg); /* let the seed choose the next queue */
	hws_add_process(&h, &u, 0);
	hws_begin_list(&h);
	hws_list_process(&h, &u, 0);
	build_run_list(&h.hiq, FAKE_GART_BASE + HWS_LIST_AT, h.list.wptr);
	hws_unmap(&h, VG_UNMAP_NON_STATIC, 0, 5);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_mapped(&h) == 0 && hws_fence(&h) == 5);
	dropped = fake_logged(h.f, "kill queue=hws");
	hws_submit_list(&h);
	CHECK(hws_mapped(&h) == 1);
	fake_free(h.f);
	return dropped;
}

/*
 * The HIQ goes on while the HWS executes the list, so UNMAP_QUEUES may come before the list ends.
 */
static void unmap_all_drops_the_rest_of_the_list(void)
{
	unsigned int dropped = 0, seeds = 32;

	for (uint64_t seed = 0; seed < seeds; seed++)
		dropped += unmap_behind_a_list(seed);
	CHECK(dropped && dropped < seeds);
}

static void unmap_by_doorbell_takes_one_queue(void)
{
	struct hws h;
	struct user_queue u[2];

	two_processes(&h, u);
	hws_unmap(&h, VG_UNMAP_DOORBELL, u[0].ring.doorbell, 5);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_mapped(&h) == 1 && hws_fence(&h) == 5);
	for (unsigned int n = 0; n < 2; n++) {
		build_write32(&u[n].ring, HWS_DATA_VA, 1);
		user_queue_kick(h.f, &u[n]);
	}
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_data(&h)[0] == 0 && hws_data(&h)[0x1000 / 4] == 1);
	fake_free(h.f);
}

static void unmap_all_leaves_the_kernels_queues(void)
{
	struct hws h;
	struct user_queue u[2];

	two_processes(&h, u);
	hws_unmap(&h, VG_UNMAP_ALL, 0, 5);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_mapped(&h) == 0);
	CHECK(fake_queue_active(h.f, &h.hiq));
	CHECK(hws_fence(&h) == 5);
	fake_free(h.f);
}

static void non_static_leaves_static_queues(void)
{
	struct hws h;
	struct user_queue u;
	struct pm4_map_queues body;

	hws_start(&h);
	hws_add_process(&h, &u, 0);
	hws_begin_list(&h);
	build_map_process(&h.list, HWS_PASID, hws_root(&h, 8));
	body = (struct pm4_map_queues){
		.control = VG_PREP(MAP_QUEUES_SEL, PM4_MAP_HWS_CHOICE) |
			   VG_PREP(MAP_QUEUES_TYPE, PM4_QUEUE_STATIC) | VG_PREP(MAP_QUEUES_NUM, 1),
		.doorbell = VG_PREP(PM4_DOORBELL, HWS_DOORBELL),
		.mqd_lo = vg_lo(u.mqd_va),
		.mqd_hi = vg_hi(u.mqd_va),
		.wptr_lo = vg_lo(u.wptr_va),
		.wptr_hi = vg_hi(u.wptr_va),
	};
	build_packet(&h.list, PM4_MAP_QUEUES, &body, PM4_DWORDS(body));
	hws_submit_list(&h);
	hws_unmap(&h, VG_UNMAP_NON_STATIC, 0, 5);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_mapped(&h) == 1 && hws_fence(&h) == 5);
	hws_unmap(&h, VG_UNMAP_ALL, 0, 6);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_mapped(&h) == 0 && hws_fence(&h) == 6);
	fake_free(h.f);
}

static void a_halted_queue_does_not_block_unmapping(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	build_write32(&u.ring, HWS_DATA_VA + 0x100000, 1);
	user_queue_kick(h.f, &u);
	fake_run(h.f, HWS_STEPS);
	CHECK(fake_logged(h.f, "halt queue"));
	hws_unmap(&h, VG_UNMAP_ALL, 0, 5);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_mapped(&h) == 0 && hws_fence(&h) == 5);
	fake_free(h.f);
}

/* Make the page of the queue's pointers valid or not. */
static void set_pointers_valid(struct hws *h, const struct user_queue *u, bool valid)
{
	uint64_t *pte = fake_pte(h->f, 8, u->wptr_va);

	*pte = valid ? *pte | VG_PTE_VALID : *pte & ~(uint64_t)VG_PTE_VALID;
	fake_flush(h->f, VG_GFXHUB, 8);
}

/*
 * The HIQ maps a queue whose write pointer has no page.  The queue must halt.  If it took 0 for the
 * write pointer, it would run from its read pointer through the rest of the ring, which has a
 * packet that the user has not submitted yet.
 */
static void a_write_pointer_without_a_page_halts_the_queue(void)
{
	enum { FILLER = 2u << 30 }; /* a packet of type 2, which does nothing */
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	for (unsigned int i = 0; i < USER_RING_DWORDS; i++)
		u.ring.mem[i] = FILLER;
	build_write32(&u.ring, HWS_DATA_VA, 1);
	user_queue_kick(h.f, &u);
	fake_run(h.f, HWS_STEPS);
	hws_unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_data(&h)[0] == 1 && hws_mapped(&h) == 0);

	build_write32(&u.ring, HWS_DATA_VA + 4, 2);
	set_pointers_valid(&h, &u, false);
	hws_begin_list(&h);
	hws_list_process(&h, &u, 0);
	hws_submit_list(&h);
	CHECK(hws_mapped(&h) == 1 && hws_data(&h)[1] == 0);
	CHECK(fake_log_count(h.f, "fault hub=gfxhub vmid=8") == 1);
	CHECK(fake_log_count(h.f, "halt queue=cp1.0.2") == 1);
	hws_unmap(&h, VG_UNMAP_ALL, 0, 2);
	fake_run(h.f, HWS_STEPS);
	CHECK(hws_mapped(&h) == 0 && hws_fence(&h) == 2);

	set_pointers_valid(&h, &u, true);
	*u.wptr = u.ring.wptr;
	hws_data(&h)[0] = 0;
	hws_begin_list(&h);
	hws_list_process(&h, &u, 0);
	hws_submit_list(&h);
	CHECK(hws_data(&h)[0] == 0 && hws_data(&h)[1] == 2);
	CHECK(*u.rptr == u.ring.wptr);
	fake_free(h.f);
}

static void more_queues_than_slots_stops(void)
{
	struct hws h;
	struct user_queue u;

	hws_start(&h);
	hws_add_process(&h, &u, 0);
	hws_begin_list(&h);
	build_map_process(&h.list, HWS_PASID, hws_root(&h, 8));
	for (unsigned int i = 0; i < 7; i++)
		build_map_queue(&h.list, HWS_DOORBELL + 2 * i, u.mqd_va, u.wptr_va);
	hws_submit_list(&h);
	fake_expect_stop(h.f, "more queues than slots");
}

static void more_processes_than_vmids_stops(void)
{
	struct hws h;

	hws_start(&h);
	hws_begin_list(&h);
	for (unsigned int n = 0; n < 9; n++)
		build_map_process(&h.list, HWS_PASID + n, 1);
	hws_submit_list(&h);
	fake_expect_stop(h.f, "more processes than VMIDs");
}

static void a_run_list_on_top_of_another_stops(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	hws_begin_list(&h);
	hws_list_process(&h, &u, 0);
	hws_submit_list(&h);
	fake_expect_stop(h.f, "on top of");
}

int main(void)
{
	a_run_list_starts_its_queues();
	both_hubs_get_the_root();
	work_waiting_in_memory_starts_without_a_doorbell();
	the_fence_comes_after_the_queues_are_off();
	a_restored_queue_goes_on();
	a_new_run_list_flushes_nothing_of_a_process();
	a_vmid_that_changes_hands_is_flushed();
	a_pasid_of_a_new_process_is_flushed();
	a_process_keeps_its_vmid_without_those_before_it();
	unmap_by_pasid_takes_one_process();
	unmap_by_pasid_waits_for_the_list();
	unmap_all_drops_the_rest_of_the_list();
	unmap_by_doorbell_takes_one_queue();
	unmap_all_leaves_the_kernels_queues();
	non_static_leaves_static_queues();
	a_halted_queue_does_not_block_unmapping();
	a_write_pointer_without_a_page_halts_the_queue();
	more_queues_than_slots_stops();
	more_processes_than_vmids_stops();
	a_run_list_on_top_of_another_stops();
	return 0;
}
