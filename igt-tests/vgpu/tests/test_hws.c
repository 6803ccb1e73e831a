/* SPDX-License-Identifier: MIT */
/* Tests the hardware scheduler (HWS): run lists, filters of UNMAP_QUEUES, fences, PASIDs. */
#include "gfx9/regs_gc.h"
#include "tests/build.h"
#include "tests/mqd.h"

enum { PASID = 0x8005, STEPS = 10000, RUN_LIST_AT = 0x200000, DOORBELL = 0x1000 };
#define VMIDS	0xff00u /* 8 .. 15 */
#define QUEUES	0xfcull /* ME1 pipe 0, queues 2 .. 7 */
#define FENCE	(FAKE_GART_BASE + 0x300000)
#define RING_VA 0x100000000ull
#define DATA_VA 0x200000000ull

struct hws {
	struct fake_host *f;
	struct fake_queue hiq;
	struct fake_queue list; /* a test appends the packets of its run list to this */
};

static uint32_t *data(struct hws *h)
{
	return (uint32_t *)(h->f->ram + 0x400000);
}

static uint64_t fence(struct hws *h)
{
	return *(volatile uint64_t *)fake_gart(h->f, FENCE);
}

static void start(struct hws *h)
{
	h->f = fake_new();
	fake_kiq(h->f, &h->hiq);
	build_resources(&h->hiq, VMIDS, QUEUES);
	fake_ring_doorbell(h->f, &h->hiq);
	fake_run(h->f, STEPS);
}

static void begin_list(struct hws *h)
{
	h->list = (struct fake_queue){
		.dwords = 4096,
		.mem = fake_gart(h->f, FAKE_GART_BASE + RUN_LIST_AT),
	};
}

static void submit_list(struct hws *h)
{
	build_run_list(&h->hiq, FAKE_GART_BASE + RUN_LIST_AT, h->list.wptr);
	fake_ring_doorbell(h->f, &h->hiq);
	fake_run(h->f, STEPS);
}

/* The root of the page tables that fake_map() builds for @vmid. */
static uint64_t root(struct hws *h, unsigned int vmid)
{
	uint32_t lo = 4 * (vg_gfxhub_regs.base_lo + 2 * vmid);

	return vg_u64(vgpu_mmio_read(h->f->vg, lo), vgpu_mmio_read(h->f->vg, lo + 4));
}

/*
 * Set up process @n with one queue, which list_process() adds to the run list.  Its page tables are
 * those of the VMID that the HWS will choose.
 */
static void add_process(struct hws *h, struct user_queue *u, unsigned int n)
{
	unsigned int vmid = 8 + n;

	fake_enable_vmid(h->f, vmid);
	fake_map(h->f, vmid, DATA_VA, FAKE_RAM_BASE + 0x400000 + n * 0x1000,
		 FAKE_RW | VG_PTE_SYSTEM);
	user_queue_init(h->f, u, n, vmid, RING_VA, DOORBELL + 2 * n);
}

static void list_process(struct hws *h, struct user_queue *u, unsigned int n)
{
	build_map_process(&h->list, PASID + n, root(h, 8 + n));
	build_map_queue(&h->list, u->ring.doorbell, u->mqd_va, u->wptr_va);
}

static void one_process(struct hws *h, struct user_queue *u)
{
	start(h);
	add_process(h, u, 0);
	begin_list(h);
	list_process(h, u, 0);
	submit_list(h);
}

static void unmap(struct hws *h, unsigned int sel, uint32_t which, uint64_t value)
{
	build_unmap(&h->hiq, sel, which);
	build_query_status(&h->hiq, FENCE, value);
	fake_ring_doorbell(h->f, &h->hiq);
}

static unsigned int mapped(struct hws *h)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < VG_NUM_HQDS; i++)
		n += vg_gfx9(h->f->vg)->cp.hqd[i].dynamic;
	return n;
}

static void a_run_list_starts_its_queues(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	CHECK(mapped(&h) == 1);
	CHECK(vg_vmid_pasid(h.f->vg, 8) == PASID);
	build_write32(&u.ring, DATA_VA, 7);
	user_queue_kick(h.f, &u);
	fake_run(h.f, STEPS);
	CHECK(data(&h)[0] == 7);
	fake_free(h.f);
}

static void both_hubs_get_the_root(void)
{
	struct hws h;
	struct user_queue u;
	uint64_t table = 0x7770001;
	uint32_t lo = 4 * (vg_mmhub_regs.base_lo + 2 * 8);

	one_process(&h, &u);
	unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, STEPS);
	begin_list(&h);
	build_map_process(&h.list, PASID, table);
	submit_list(&h);
	CHECK(root(&h, 8) == table);
	CHECK(vgpu_mmio_read(h.f->vg, lo) == table);
	fake_free(h.f);
}

static void work_waiting_in_memory_starts_without_a_doorbell(void)
{
	struct hws h;
	struct user_queue u;

	start(&h);
	add_process(&h, &u, 0);
	build_write32(&u.ring, DATA_VA, 7);
	*u.wptr = u.ring.wptr;
	begin_list(&h);
	list_process(&h, &u, 0);
	submit_list(&h);
	CHECK(data(&h)[0] == 7);
	fake_free(h.f);
}

static void the_fence_comes_after_the_queues_are_off(void)
{
	struct hws h;
	struct user_queue u;
	unsigned int steps = 0;

	one_process(&h, &u);
	for (unsigned int i = 0; i < 8; i++)
		fake_map(h.f, 8, DATA_VA + i * VG_PAGE_SIZE,
			 FAKE_RAM_BASE + 0x400000 + i * VG_PAGE_SIZE, FAKE_RW | VG_PTE_SYSTEM);
	build_dma(&u.ring, DATA_VA + 0x4000, DATA_VA, 0x4000);
	user_queue_kick(h.f, &u);
	vgpu_step(h.f->vg); /* the first slice */
	unmap(&h, VG_UNMAP_NON_STATIC, 0, 0x1234);
	while (mapped(&h)) {
		CHECK(fence(&h) == 0);
		CHECK(steps++ < 20);
		vgpu_step(h.f->vg);
	}
	CHECK(steps > 2); /* the copy was under way when UNMAP_QUEUES came */
	fake_run(h.f, STEPS);
	CHECK(fence(&h) == 0x1234);
	CHECK(!fake_log_count(h.f, "fault"));
	fake_free(h.f);
}

static void a_restored_queue_goes_on(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	build_write32(&u.ring, DATA_VA, 1);
	user_queue_kick(h.f, &u);
	fake_run(h.f, STEPS);
	unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, STEPS);
	data(&h)[0] = 0;
	build_write32(&u.ring, DATA_VA + 4, 2);
	user_queue_kick(h.f, &u);
	fake_run(h.f, STEPS);
	CHECK(data(&h)[1] == 0);
	begin_list(&h);
	list_process(&h, &u, 0);
	submit_list(&h);
	CHECK(data(&h)[0] == 0 && data(&h)[1] == 2);
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
	build_write32(&u.ring, DATA_VA, 1);
	user_queue_kick(h.f, &u);
	fake_run(h.f, STEPS);
	unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, STEPS);
	fake_map(h.f, 8, DATA_VA, FAKE_RAM_BASE + 0x480000, FAKE_RW | VG_PTE_SYSTEM);
	begin_list(&h);
	list_process(&h, &u, 0);
	submit_list(&h);
	build_write32(&u.ring, DATA_VA, 2);
	user_queue_kick(h.f, &u);
	fake_run(h.f, STEPS);
	CHECK(data(&h)[0] == 2); /* the store went to the old page */

	build_invalidate(&h.hiq, PASID, false);
	fake_ring_doorbell(h.f, &h.hiq);
	fake_run(h.f, STEPS);
	build_write32(&u.ring, DATA_VA, 3);
	user_queue_kick(h.f, &u);
	fake_run(h.f, STEPS);
	CHECK(data(&h)[0] == 2);
	CHECK(*(uint32_t *)(h.f->ram + 0x480000) == 3);
	fake_free(h.f);
}

static void a_vmid_that_changes_hands_is_flushed(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	build_write32(&u.ring, DATA_VA, 1);
	user_queue_kick(h.f, &u);
	fake_run(h.f, STEPS);
	unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, STEPS);
	fake_log_clear(h.f);
	begin_list(&h);
	build_map_process(&h.list, PASID + 9, root(&h, 8));
	submit_list(&h);
	CHECK(fake_log_count(h.f, "vmids=0x0100") == 2); /* both hubs */
	CHECK(vg_vmid_pasid(h.f->vg, 8) == PASID + 9);
	fake_free(h.f);
}

static void a_pasid_of_a_new_process_is_flushed(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, STEPS);
	fake_log_clear(h.f);
	begin_list(&h);
	build_map_process(&h.list, PASID, root(&h, 8) + VG_PAGE_SIZE);
	submit_list(&h);
	CHECK(fake_log_count(h.f, "why=new-owner") == 2);
	fake_free(h.f);
}

static void two_processes(struct hws *h, struct user_queue *u)
{
	start(h);
	begin_list(h);
	for (unsigned int n = 0; n < 2; n++) {
		add_process(h, &u[n], n);
		list_process(h, &u[n], n);
	}
	submit_list(h);
	CHECK(mapped(h) == 2);
}

static void unmap_by_pasid_takes_one_process(void)
{
	struct hws h;
	struct user_queue u[2];

	two_processes(&h, u);
	unmap(&h, VG_UNMAP_PASID, PASID + 1, 5);
	fake_run(h.f, STEPS);
	CHECK(mapped(&h) == 1);
	CHECK(fence(&h) == 5);
	for (unsigned int n = 0; n < 2; n++) {
		build_write32(&u[n].ring, DATA_VA, 1);
		user_queue_kick(h.f, &u[n]);
	}
	fake_run(h.f, STEPS);
	CHECK(data(&h)[0] == 1);
	CHECK(data(&h)[0x1000 / 4] == 0);
	fake_free(h.f);
}

/* The packet is in the HIQ behind the run list, so it must find the queues of that list. */
static void unmap_by_pasid_waits_for_the_list(void)
{
	struct hws h;
	struct user_queue u;

	start(&h);
	add_process(&h, &u, 0);
	begin_list(&h);
	list_process(&h, &u, 0);
	build_run_list(&h.hiq, FAKE_GART_BASE + RUN_LIST_AT, h.list.wptr);
	unmap(&h, VG_UNMAP_PASID, PASID, 5);
	fake_run(h.f, STEPS);
	CHECK(fake_logged(h.f, "map queue=cp1.0.2"));
	CHECK(mapped(&h) == 0 && fence(&h) == 5);
	fake_free(h.f);
}

/* Returns whether UNMAP_QUEUES came before the HWS had executed the list. */
static bool unmap_behind_a_list(uint64_t seed)
{
	struct hws h;
	struct user_queue u;
	bool dropped;

	start(&h);
	h.f->vg->config.seed = seed;
	vg_sched_init(h.f->vg);
	vg_sched_reset(h.f->vg); /* it was the HIQ's turn */
	add_process(&h, &u, 0);
	begin_list(&h);
	list_process(&h, &u, 0);
	build_run_list(&h.hiq, FAKE_GART_BASE + RUN_LIST_AT, h.list.wptr);
	unmap(&h, VG_UNMAP_NON_STATIC, 0, 5);
	fake_run(h.f, STEPS);
	CHECK(mapped(&h) == 0 && fence(&h) == 5);
	dropped = fake_logged(h.f, "kill queue=hws");
	submit_list(&h);
	CHECK(mapped(&h) == 1);
	fake_free(h.f);
	return dropped;
}

/* The HIQ goes on while the HWS executes the list. */
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
	unmap(&h, VG_UNMAP_DOORBELL, u[0].ring.doorbell, 5);
	fake_run(h.f, STEPS);
	CHECK(mapped(&h) == 1 && fence(&h) == 5);
	for (unsigned int n = 0; n < 2; n++) {
		build_write32(&u[n].ring, DATA_VA, 1);
		user_queue_kick(h.f, &u[n]);
	}
	fake_run(h.f, STEPS);
	CHECK(data(&h)[0] == 0 && data(&h)[0x1000 / 4] == 1);
	fake_free(h.f);
}

static void unmap_all_leaves_the_kernels_queues(void)
{
	struct hws h;
	struct user_queue u[2];

	two_processes(&h, u);
	unmap(&h, VG_UNMAP_ALL, 0, 5);
	fake_run(h.f, STEPS);
	CHECK(mapped(&h) == 0);
	CHECK(fake_queue_active(h.f, &h.hiq));
	CHECK(fence(&h) == 5);
	fake_free(h.f);
}

static void non_static_leaves_static_queues(void)
{
	struct hws h;
	struct user_queue u;
	struct pm4_map_queues body;

	start(&h);
	add_process(&h, &u, 0);
	begin_list(&h);
	build_map_process(&h.list, PASID, root(&h, 8));
	body = (struct pm4_map_queues){
		.control = VG_PREP(MAP_QUEUES_SEL, PM4_MAP_HWS_CHOICE) |
			   VG_PREP(MAP_QUEUES_TYPE, PM4_QUEUE_STATIC) | VG_PREP(MAP_QUEUES_NUM, 1),
		.doorbell = VG_PREP(PM4_DOORBELL, DOORBELL),
		.mqd_lo = vg_lo(u.mqd_va),
		.mqd_hi = vg_hi(u.mqd_va),
		.wptr_lo = vg_lo(u.wptr_va),
		.wptr_hi = vg_hi(u.wptr_va),
	};
	build_packet(&h.list, PM4_MAP_QUEUES, &body, PM4_DWORDS(body));
	submit_list(&h);
	unmap(&h, VG_UNMAP_NON_STATIC, 0, 5);
	fake_run(h.f, STEPS);
	CHECK(mapped(&h) == 1 && fence(&h) == 5);
	unmap(&h, VG_UNMAP_ALL, 0, 6);
	fake_run(h.f, STEPS);
	CHECK(mapped(&h) == 0 && fence(&h) == 6);
	fake_free(h.f);
}

static void a_halted_queue_does_not_block_unmapping(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	build_write32(&u.ring, DATA_VA + 0x100000, 1);
	user_queue_kick(h.f, &u);
	fake_run(h.f, STEPS);
	CHECK(fake_logged(h.f, "halt queue"));
	unmap(&h, VG_UNMAP_ALL, 0, 5);
	fake_run(h.f, STEPS);
	CHECK(mapped(&h) == 0 && fence(&h) == 5);
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
 * The HIQ maps a queue whose write pointer has no page.  The queue must halt.  With a write pointer
 * of 0 it would run through the ring, where the second packet is not submitted yet.
 */
static void a_write_pointer_without_a_page_halts_the_queue(void)
{
	enum { FILLER = 2u << 30 }; /* a packet of type 2, which does nothing */
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	for (unsigned int i = 0; i < USER_RING_DWORDS; i++)
		u.ring.mem[i] = FILLER;
	build_write32(&u.ring, DATA_VA, 1);
	user_queue_kick(h.f, &u);
	fake_run(h.f, STEPS);
	unmap(&h, VG_UNMAP_ALL, 0, 1);
	fake_run(h.f, STEPS);
	CHECK(data(&h)[0] == 1 && mapped(&h) == 0);

	build_write32(&u.ring, DATA_VA + 4, 2);
	set_pointers_valid(&h, &u, false);
	begin_list(&h);
	list_process(&h, &u, 0);
	submit_list(&h);
	CHECK(mapped(&h) == 1 && data(&h)[1] == 0);
	CHECK(fake_log_count(h.f, "fault hub=gfxhub vmid=8") == 1);
	CHECK(fake_log_count(h.f, "halt queue=cp1.0.2") == 1);
	unmap(&h, VG_UNMAP_ALL, 0, 2);
	fake_run(h.f, STEPS);
	CHECK(mapped(&h) == 0 && fence(&h) == 2);

	set_pointers_valid(&h, &u, true);
	*u.wptr = u.ring.wptr;
	data(&h)[0] = 0;
	begin_list(&h);
	list_process(&h, &u, 0);
	submit_list(&h);
	CHECK(data(&h)[0] == 0 && data(&h)[1] == 2);
	CHECK(*u.rptr == u.ring.wptr);
	fake_free(h.f);
}

static void more_queues_than_slots_stops(void)
{
	struct hws h;
	struct user_queue u;

	start(&h);
	add_process(&h, &u, 0);
	begin_list(&h);
	build_map_process(&h.list, PASID, root(&h, 8));
	for (unsigned int i = 0; i < 7; i++)
		build_map_queue(&h.list, DOORBELL + 2 * i, u.mqd_va, u.wptr_va);
	submit_list(&h);
	fake_expect_stop(h.f, "more queues than slots");
}

static void more_processes_than_vmids_stops(void)
{
	struct hws h;

	start(&h);
	begin_list(&h);
	for (unsigned int n = 0; n < 9; n++)
		build_map_process(&h.list, PASID + n, 1);
	submit_list(&h);
	fake_expect_stop(h.f, "more processes than VMIDs");
}

static void a_run_list_on_top_of_another_stops(void)
{
	struct hws h;
	struct user_queue u;

	one_process(&h, &u);
	begin_list(&h);
	list_process(&h, &u, 0);
	submit_list(&h);
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
