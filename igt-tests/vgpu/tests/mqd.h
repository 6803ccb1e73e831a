/* SPDX-License-Identifier: MIT */
/*
 * A user queue: its MQD with those values of KFD's init_mqd() and update_mqd() that the
 * tests need, and its ring and pointers in a user's VMID.
 */
#ifndef TEST_MQD_H
#define TEST_MQD_H

#include "tests/fake_host.h"
#include "v9_structs.h"

enum { USER_RING_DWORDS = 1024 };

struct user_queue {
	struct fake_queue ring; /* fake_emit() appends packets to it */
	struct v9_mqd *mqd;
	uint64_t mqd_va; /* address of the MQD in VMID 0 */
	volatile uint32_t *rptr;
	volatile uint64_t *wptr;
	uint64_t wptr_va;
};

/* Make user queue number @n of @vmid, with its ring at @va and its pointers on the next page. */
static inline void user_queue_init(struct fake_host *f, struct user_queue *u, unsigned int n,
				   unsigned int vmid, uint64_t va, uint32_t doorbell)
{
	enum { MQDS = 0x600000, RINGS = 0x700000, STEP = 0x8000 };
	uint8_t *ring = f->ram + RINGS + n * STEP;
	uint8_t *pointers = ring + VG_PAGE_SIZE;

	*u = (struct user_queue){
		.ring = { .me = 1,
			  .vmid = vmid,
			  .ring = va,
			  .dwords = USER_RING_DWORDS,
			  .doorbell = doorbell,
			  .rptr_report = va + VG_PAGE_SIZE + 64,
			  .wptr_poll = va + VG_PAGE_SIZE,
			  .mqd = FAKE_GART_BASE + MQDS + n * STEP,
			  .mem = (uint32_t *)ring },
		.mqd = fake_gart(f, FAKE_GART_BASE + MQDS + n * STEP),
		.mqd_va = FAKE_GART_BASE + MQDS + n * STEP,
		.wptr = (uint64_t *)pointers,
		.rptr = (uint32_t *)(pointers + 64),
		.wptr_va = va + VG_PAGE_SIZE,
	};
	for (unsigned int page = 0; page < 2; page++)
		fake_map(f, vmid, va + page * VG_PAGE_SIZE,
			 FAKE_RAM_BASE + RINGS + n * STEP + page * VG_PAGE_SIZE,
			 FAKE_RW | VG_PTE_SYSTEM);
	u->mqd->cp_mqd_base_addr_lo = vg_lo(u->mqd_va);
	u->mqd->cp_mqd_base_addr_hi = vg_hi(u->mqd_va);
	u->mqd->cp_hqd_pq_base_lo = vg_lo(va >> 8);
	u->mqd->cp_hqd_pq_base_hi = vg_hi(va >> 8);
	u->mqd->cp_hqd_pq_control = __builtin_ctz(USER_RING_DWORDS) - 1;
	u->mqd->cp_hqd_pq_rptr_report_addr_lo = vg_lo(u->ring.rptr_report);
	u->mqd->cp_hqd_pq_rptr_report_addr_hi = vg_hi(u->ring.rptr_report);
	u->mqd->cp_hqd_pq_wptr_poll_addr_lo = vg_lo(u->wptr_va);
	u->mqd->cp_hqd_pq_wptr_poll_addr_hi = vg_hi(u->wptr_va);
}

/* Map @pages pages of RAM, which begin at @offset, at the address @va of @vmid. */
static inline void user_map(struct fake_host *f, unsigned int vmid, uint64_t va, uint64_t offset,
			    unsigned int pages)
{
	for (unsigned int i = 0; i < pages; i++)
		fake_map(f, vmid, va + i * VG_PAGE_SIZE, FAKE_RAM_BASE + offset + i * VG_PAGE_SIZE,
			 FAKE_RW | VG_PTE_SYSTEM);
}

/* Submit as a user does: store the write pointer, then ring the doorbell. */
static inline void user_queue_kick(struct fake_host *f, struct user_queue *u)
{
	*u->wptr = u->ring.wptr;
	fake_ring_doorbell(f, &u->ring);
}

#endif
