/* SPDX-License-Identifier: MIT */
/* A user's HSA queue on a fake host, set up as KFD and the runtime set up one. */
#ifndef FAKE_AQL_H
#define FAKE_AQL_H

#include "engine/pkt_aql.h"
#include "gfx9/regs_gc.h"
#include "tests/build.h"
#include "tests/mqd.h"

enum {
	AQL_VMID = 8,
	AQL_DOORBELL = 0x1000,
	AQL_STEPS = 10000,
	AQL_SAVE_WAVES = 3,
	AQL_SLOTS = USER_RING_DWORDS / AQL_DWORDS,
	AQL_DATA = 0x400000,
	AQL_IB = 0x500000,
	AQL_RING_STEP = 0x100000, /* between the rings of two queues */
};
#define AQL_RING_VA 0x100000000ull
#define AQL_DATA_VA 0x200000000ull
#define AQL_IB_VA   0x300000000ull

/* Addresses of signal number n and of a mailbox, on the page of data. */
#define AQL_SIGNAL_VA(n) (AQL_DATA_VA + 0x400 + 64 * (n))
#define AQL_MAILBOX_VA	 (AQL_DATA_VA + 0x800)

struct aql {
	struct fake_host *f;
	struct user_queue u;
	uint8_t *queue; /* the runtime's queue structure */
	uint64_t put;	/* number of packets that the producer has put into the ring */
};

static inline uint32_t *aql_data(struct aql *a)
{
	return (uint32_t *)(a->f->ram + AQL_DATA);
}

static inline volatile struct aql_signal *aql_signal_at(struct aql *a, unsigned int n)
{
	return (void *)(a->f->ram + AQL_DATA + 0x400 + 64 * n);
}

static inline uint64_t *aql_mailbox(struct aql *a)
{
	return (uint64_t *)(a->f->ram + AQL_DATA + 0x800);
}

static inline uint64_t aql_read_id(struct aql *a)
{
	return *(uint64_t *)(a->queue + AQL_QUEUE_READ_ID);
}

static inline uint32_t *aql_slot(struct aql *a, uint64_t n)
{
	return a->u.ring.mem + n % AQL_SLOTS * AQL_DWORDS;
}

/*
 * Map the queue as the driver does without HWS: copy the whole bank of registers from the MQD,
 * then activate the queue.
 */
static inline void aql_map(struct aql *a)
{
	const uint32_t *mqd = &a->u.mqd->cp_mqd_base_addr_lo;
	const uint32_t xcc = a->u.ring.xcc * VG_XCC_DISTANCE;

	fake_queue_select(a->f, &a->u.ring);
	for (unsigned int i = 0; i < VG_HQD_REGS; i++)
		vgpu_mmio_write(a->f->vg, 4 * (VG_ADDR(CP_MQD_BASE_ADDR) + xcc + i), mqd[i]);
	vgpu_mmio_write(a->f->vg, 4 * (VG_ADDR(CP_HQD_ACTIVE) + xcc), 1);
}

static inline void aql_unmap(struct aql *a)
{
	fake_queue_dequeue(a->f, &a->u.ring, AQL_SAVE_WAVES);
	for (unsigned int i = 0; fake_queue_active(a->f, &a->u.ring); i++) {
		CHECK(i < AQL_STEPS);
		vgpu_step(a->f->vg);
	}
}

/* Set up queue @n of a GPU whose page tables are ready.  @first is its first packet. */
static inline void aql_queue_init(struct aql *a, struct fake_host *f, unsigned int n,
				  uint64_t first)
{
	uint32_t doorbell = AQL_DOORBELL + 2 * n;
	struct v9_mqd *m;
	uint64_t base;

	*a = (struct aql){ .f = f, .put = first };
	user_queue_init(f, &a->u, n, AQL_VMID, AQL_RING_VA + n * AQL_RING_STEP, doorbell);
	a->u.ring.queue = n;
	a->queue = (uint8_t *)a->u.wptr;
	base = a->u.wptr_va;
	*(uint32_t *)(a->queue + AQL_QUEUE_READ_ID_OFFSET) = AQL_QUEUE_READ_ID;
	*(uint64_t *)(a->queue + AQL_QUEUE_READ_ID) = first;
	*(uint64_t *)(a->queue + AQL_QUEUE_WRITE_ID) = first;
	for (unsigned int i = 0; i < AQL_SLOTS; i++)
		*aql_slot(a, i) = AQL_INVALID;

	/* KFD sets up the MQD of an AQL queue like this (kfd_mqd_manager_v9.c:213 and 314). */
	m = a->u.mqd;
	m->cp_hqd_vmid = AQL_VMID;
	m->cp_hqd_aql_control = VG_FIELD_PREP(CP_HQD_AQL_CONTROL, CONTROL0, 1);
	m->cp_hqd_pq_control |= VG_FIELD_PREP(CP_HQD_PQ_CONTROL, SLOT_BASED_WPTR, 2);
	m->cp_hqd_pq_doorbell_control =
		VG_FIELD_PREP(CP_HQD_PQ_DOORBELL_CONTROL, DOORBELL_OFFSET, doorbell) |
		VG_FIELD_PREP(CP_HQD_PQ_DOORBELL_CONTROL, DOORBELL_EN, 1);
	m->cp_hqd_pq_wptr_poll_addr_lo = vg_lo(base + AQL_QUEUE_WRITE_ID);
	m->cp_hqd_pq_rptr_report_addr_lo = vg_lo(base + AQL_QUEUE_READ_ID);
	/* struct v9_mqd has no names for these two registers, which count finished packets. */
	(&m->cp_mqd_base_addr_lo)[VG_ADDR(CP_HQD_AQL_DISPATCH_ID) - VG_ADDR(CP_MQD_BASE_ADDR)] =
		vg_lo(first);
	(&m->cp_mqd_base_addr_lo)[VG_ADDR(CP_HQD_AQL_DISPATCH_ID_HI) - VG_ADDR(CP_MQD_BASE_ADDR)] =
		vg_hi(first);
	aql_map(a);
}

/* Set up AQL_VMID and queue 0 of the GPU of @f.  @first is the queue's first packet. */
static inline void aql_attach(struct aql *a, struct fake_host *f, uint64_t first)
{
	fake_enable_vmid(f, AQL_VMID);
	fake_map(f, AQL_VMID, AQL_DATA_VA, FAKE_RAM_BASE + AQL_DATA, FAKE_RW | VG_PTE_SYSTEM);
	fake_map(f, AQL_VMID, AQL_IB_VA, FAKE_RAM_BASE + AQL_IB, FAKE_RW | VG_PTE_SYSTEM);
	aql_queue_init(a, f, 0, first);
}

static inline void aql_ready_from(struct aql *a, uint64_t first)
{
	aql_attach(a, fake_new(), first);
}

static inline void aql_ready(struct aql *a)
{
	aql_ready_from(a, 0);
}

static inline void aql_ring(struct aql *a, uint64_t packet)
{
	vgpu_doorbell_write(a->f->vg, 4 * a->u.ring.doorbell, packet, sizeof(packet));
}

/*
 * Fill the next slot with @packet, but leave the header invalid.  The caller writes the header
 * through the pointer that this function returns.
 */
static inline uint32_t *aql_fill(struct aql *a, const void *packet)
{
	uint32_t *s = aql_slot(a, a->put++);

	memcpy(s + 1, (const uint32_t *)packet + 1, AQL_BYTES - 4);
	*(uint64_t *)(a->queue + AQL_QUEUE_WRITE_ID) = a->put;
	return s;
}

static inline void aql_put(struct aql *a, const void *packet)
{
	*aql_fill(a, packet) = *(const uint32_t *)packet;
}

static inline void aql_run(struct aql *a)
{
	aql_ring(a, a->put - 1);
	fake_run(a->f, AQL_STEPS);
}

#endif
