/* SPDX-License-Identifier: MIT */
/* A GPU with a HIQ, and processes with one queue each, for tests of the hardware scheduler. */
#ifndef TEST_HWS_H
#define TEST_HWS_H

#include "gfx9/regs_gc.h"
#include "tests/build.h"
#include "tests/mqd.h"

enum {
	HWS_FIRST_VMID = 8,
	HWS_NUM_VMIDS = 8,
	HWS_PASID = 0x8005, /* of process 0 */
	HWS_DOORBELL = 0x1000,
	HWS_STEPS = 10000,
	/* Offsets in RAM.  Each process has one page of data. */
	HWS_LIST_AT = 0x200000,
	HWS_DATA_AT = 0x400000,
};
#define HWS_VMIDS   (((1u << HWS_NUM_VMIDS) - 1) << HWS_FIRST_VMID)
#define HWS_QUEUES  0xfcull /* ME1 pipe 0, queues 2 .. 7 */
#define HWS_FENCE   (FAKE_GART_BASE + 0x300000)
#define HWS_RING_VA 0x100000000ull
#define HWS_DATA_VA 0x200000000ull

struct hws {
	struct fake_host *f;
	struct fake_queue hiq;
	struct fake_queue list; /* a test appends the packets of its run list to this */
};

static inline uint32_t *hws_data(struct hws *h)
{
	return (uint32_t *)(h->f->ram + HWS_DATA_AT);
}

static inline uint64_t hws_fence(struct hws *h)
{
	return *(volatile uint64_t *)fake_gart(h->f, HWS_FENCE);
}

static inline void hws_start(struct hws *h)
{
	h->f = fake_new();
	fake_kiq(h->f, &h->hiq);
	build_resources(&h->hiq, HWS_VMIDS, HWS_QUEUES);
	fake_ring_doorbell(h->f, &h->hiq);
	fake_run(h->f, HWS_STEPS);
}

static inline void hws_begin_list(struct hws *h)
{
	h->list = (struct fake_queue){
		.dwords = 4096,
		.mem = fake_gart(h->f, FAKE_GART_BASE + HWS_LIST_AT),
	};
}

static inline void hws_submit_list(struct hws *h)
{
	build_run_list(&h->hiq, FAKE_GART_BASE + HWS_LIST_AT, h->list.wptr);
	fake_ring_doorbell(h->f, &h->hiq);
	fake_run(h->f, HWS_STEPS);
}

/* The root of the page tables that fake_map() builds for @vmid. */
static inline uint64_t hws_root(struct hws *h, unsigned int vmid)
{
	uint32_t lo = 4 * (vg_gfxhub_regs.base_lo + 2 * vmid);

	return vg_u64(vgpu_mmio_read(h->f->vg, lo), vgpu_mmio_read(h->f->vg, lo + 4));
}

/*
 * Set up process @n with one queue, which hws_list_process() adds to the run list.  Its page tables
 * are those of the VMID that the HWS will choose.
 */
static inline void hws_add_process(struct hws *h, struct user_queue *u, unsigned int n)
{
	unsigned int vmid = HWS_FIRST_VMID + n;

	fake_enable_vmid(h->f, vmid);
	fake_map(h->f, vmid, HWS_DATA_VA, FAKE_RAM_BASE + HWS_DATA_AT + n * VG_PAGE_SIZE,
		 FAKE_RW | VG_PTE_SYSTEM);
	user_queue_init(h->f, u, n, vmid, HWS_RING_VA, HWS_DOORBELL + 2 * n);
}

static inline void hws_list_process(struct hws *h, struct user_queue *u, unsigned int n)
{
	build_map_process(&h->list, HWS_PASID + n, hws_root(h, HWS_FIRST_VMID + n));
	build_map_queue(&h->list, u->ring.doorbell, u->mqd_va, u->wptr_va);
}

static inline void hws_unmap(struct hws *h, unsigned int sel, uint32_t which, uint64_t value)
{
	build_unmap(&h->hiq, sel, which);
	build_query_status(&h->hiq, HWS_FENCE, value);
	fake_ring_doorbell(h->f, &h->hiq);
}

static inline unsigned int hws_mapped(struct hws *h)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < VG_NUM_HQDS; i++)
		n += vg_gfx9(h->f->vg)->cp[0].hqd[i].dynamic;
	return n;
}

#endif
