// SPDX-License-Identifier: MIT
/*
 * System DMA: the ten queues of each engine.  The driver maps the gfx and the
 * page queue through registers (sdma_regs.c), and the RLC queues as well when it
 * runs without HWS; otherwise the HWS maps the RLC queues.
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine/sdma.h"
#include "gfx9/sdma_queue.h"
#include "v9_structs.h"

enum {
	/* Names SDMA in reports of GPU page faults: drivers/gpu/drm/amd/amdgpu/gmc_v9_0.c:306 */
	CID_SDMA0 = 256, /* those of the next engines follow */
	RB_BASE_SHIFT = 8,
	RB_BASE_HI_SHIFT = 40,
};

unsigned int vg_num_sdma_queues(const struct vgpu *vg)
{
	return VG_NUM_SDMA_QUEUES * vg_num_xccs(vg);
}

static_assert(regSDMA_RLC7_RB_CNTL - regSDMA_GFX_RB_CNTL ==
		      VG_SDMA_STRIDE * (VG_NUM_SDMA_QUEUES - 1),
	      "ten queues, evenly spaced");

/*
 * Pointer to the low half of the activity counter of queue @i, which is an RLC queue.  The high
 * half follows.
 */
#define UTILIZATION(vg, i) \
	(&(vg)->regs[VG_ADDR(SDMA_RLC0_UTILIZATION_LO) + vg_sdma_offset((i) - VG_SDMA_RLC0)])

static void set_reg64(uint32_t *lo, uint32_t *hi, uint64_t value)
{
	*lo = vg_lo(value);
	*hi = vg_hi(value);
}

bool vg_sdma_check_pointer(struct vgpu *vg, const struct vg_queue *q, uint64_t ptr)
{
	if (ptr % 4 == 0)
		return true;
	vg_stop(vg, "%s: pointer 0x%llx is not a whole dword", q->name, (unsigned long long)ptr);
	return false;
}

/* ---- engine hooks ---- */

static void store_rptr(struct vgpu *vg, const struct vg_queue *q)
{
	set_reg64(&SDMA_REG(vg, q->index, RB_RPTR), &SDMA_REG(vg, q->index, RB_RPTR_HI),
		  q->rptr * 4);
}

/*
 * May the queue leave the engine now?  A disabled RLC queue leaves as soon as its
 * state can be saved.  The engine can always save a position in the ring.  It saves a
 * position in an IB only if the driver has set SWITCH_INSIDE_IB.
 */
static bool may_leave(const struct vgpu *vg, const struct vg_queue *q)
{
	uint32_t ib_cntl = SDMA_REG(vg, q->index, IB_CNTL);

	return !q->ib_depth || VG_FIELD(ib_cntl, SDMA_GFX_IB_CNTL, SWITCH_INSIDE_IB);
}

void vg_sdma_try_leave(struct vgpu *vg, struct vg_queue *q)
{
	if (q->halted || may_leave(vg, q))
		vg_queue_preempt(vg, q);
}

static int rptr_moved(struct vgpu *vg, struct vg_queue *q)
{
	unsigned int i = q->index;
	uint64_t addr = vg_u64(SDMA_REG(vg, i, RB_RPTR_ADDR_LO), SDMA_REG(vg, i, RB_RPTR_ADDR_HI));

	store_rptr(vg, q);
	if (!vg_sdma_enabled(vg, i))
		vg_sdma_try_leave(vg, q);
	if (!VG_FIELD(SDMA_REG(vg, i, RB_CNTL), SDMA_GFX_RB_CNTL, RPTR_WRITEBACK_ENABLE))
		return 0;
	return vg_mem_write64(vg, &q->port, q->vmid, addr, q->rptr * 4);
}

static void save_ib(struct vgpu *vg, const struct vg_queue *q)
{
	const struct vg_ib *ib = &q->ib[0];
	unsigned int i = q->index;

	SDMA_REG(vg, i, IB_SIZE) = 0;
	if (!q->ib_depth)
		return;
	set_reg64(&SDMA_REG(vg, i, IB_BASE_LO), &SDMA_REG(vg, i, IB_BASE_HI), ib->va);
	SDMA_REG(vg, i, IB_OFFSET) = ib->pos;
	SDMA_REG(vg, i, IB_SIZE) = ib->size;
}

static void restore_ib(struct vgpu *vg, struct vg_queue *q)
{
	unsigned int i = q->index;

	if (!SDMA_REG(vg, i, IB_SIZE))
		return;
	q->ib[0] = (struct vg_ib){
		.va = vg_u64(SDMA_REG(vg, i, IB_BASE_LO), SDMA_REG(vg, i, IB_BASE_HI)),
		.pos = SDMA_REG(vg, i, IB_OFFSET),
		.size = SDMA_REG(vg, i, IB_SIZE),
		.vmid = q->vmid,
	};
	q->ib_depth = 1;
	SDMA_REG(vg, i, IB_SIZE) = 0;
}

/* An entry of image[]: the places of a register of an RLC queue in the MQD and in the bank. */
#define IMAGE(field, NAME, saved_) \
	{ offsetof(struct v9_sdma_mqd, sdmax_rlcx_##field) / 4, \
	  regSDMA_GFX_##NAME - regSDMA_GFX_RB_CNTL, saved_ }

static const struct {
	uint16_t mqd, reg;
	bool saved; /* a preemption saves the register in the MQD */
} image[] = {
	IMAGE(rb_cntl, RB_CNTL, false),
	IMAGE(rb_base, RB_BASE, false),
	IMAGE(rb_base_hi, RB_BASE_HI, false),
	IMAGE(rb_rptr, RB_RPTR, true),
	IMAGE(rb_rptr_hi, RB_RPTR_HI, true),
	IMAGE(rb_rptr_addr_hi, RB_RPTR_ADDR_HI, false),
	IMAGE(rb_rptr_addr_lo, RB_RPTR_ADDR_LO, false),
	IMAGE(ib_cntl, IB_CNTL, false),
	IMAGE(ib_offset, IB_OFFSET, true),
	IMAGE(ib_base_lo, IB_BASE_LO, true),
	IMAGE(ib_base_hi, IB_BASE_HI, true),
	IMAGE(ib_size, IB_SIZE, true),
	IMAGE(doorbell_offset, DOORBELL_OFFSET, false),
	IMAGE(dummy_reg, DUMMY_REG, false),
	{ offsetof(struct v9_sdma_mqd, sdmax_rlcx_utilization_lo) / 4,
	  regSDMA_RLC0_UTILIZATION_LO - regSDMA_RLC0_RB_CNTL, true },
	{ offsetof(struct v9_sdma_mqd, sdmax_rlcx_utilization_hi) / 4,
	  regSDMA_RLC0_UTILIZATION_HI - regSDMA_RLC0_RB_CNTL, true },
};

static int load_mqd(struct vgpu *vg, struct vg_sdma_queue *sq)
{
	uint32_t *regs = &SDMA_REG(vg, sq->q.index, RB_CNTL);
	uint32_t mqd[sizeof(struct v9_sdma_mqd) / 4];

	if (vg_mem_read(vg, &sq->q.port, 0, sq->mqd, mqd, sizeof(mqd)))
		return -1;
	for (size_t i = 0; i < VG_COUNT(image); i++)
		regs[image[i].reg] = mqd[image[i].mqd];
	return 0;
}

static void save_mqd(struct vgpu *vg, struct vg_sdma_queue *sq)
{
	const uint32_t *regs = &SDMA_REG(vg, sq->q.index, RB_CNTL);

	for (size_t i = 0; i < VG_COUNT(image); i++) {
		if (image[i].saved && vg_mem_write32(vg, &sq->q.port, 0, sq->mqd + 4 * image[i].mqd,
						     regs[image[i].reg]))
			return;
	}
}

static void preempted(struct vgpu *vg, struct vg_queue *q)
{
	struct vg_sdma_queue *sq = &vg_gfx9(vg)->sdma.queue[q->index];

	store_rptr(vg, q);
	save_ib(vg, q);
	if (!sq->dynamic)
		return;
	save_mqd(vg, sq);
	SDMA_REG(vg, q->index, IB_SIZE) = 0;
	SDMA_REG(vg, q->index, DOORBELL) = 0;
	sq->dynamic = false;
}

static bool enabled(const struct vgpu *vg, const struct vg_queue *q)
{
	return !VG_FIELD(SDMA_ENGINE_REG(vg, q->index, F32_CNTL), SDMA_F32_CNTL, HALT);
}

/*
 * Execute a packet, and count the step in the queue's activity counter.  KFD shows
 * this counter for each process
 * (drivers/gpu/drm/amd/amdgpu/amdgpu_amdkfd_gc_9_4_3.c:533).
 */
static enum vg_result execute(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			      unsigned int n)
{
	enum vg_result result = vg_sdma_packet_execute(vg, q, packet, n);

	if (vg_sdma_is_rlc(q) && result != VG_WAIT) {
		uint32_t *lo = UTILIZATION(vg, q->index);

		set_reg64(lo, lo + 1, vg_u64(lo[0], lo[1]) + 1);
	}
	return result;
}

static const struct vg_engine_ops sdma_ops = {
	.length = vg_sdma_packet_length,
	.execute = execute,
	.rptr_moved = rptr_moved,
	.may_leave = may_leave,
	.preempted = preempted,
	.enabled = enabled,
};

void vg_sdma_start(struct vgpu *vg, struct vg_queue *q, uint64_t wptr)
{
	uint32_t cntl = SDMA_REG(vg, q->index, RB_CNTL);
	uint64_t rptr = SDMA_REG64(vg, q->index, RB_RPTR);

	if (!vg_sdma_check_pointer(vg, q, rptr) || !vg_sdma_check_pointer(vg, q, wptr))
		return;
	q->vmid = VG_FIELD(cntl, SDMA_GFX_RB_CNTL, RB_VMID);
	q->ring = (uint64_t)SDMA_REG(vg, q->index, RB_BASE) << RB_BASE_SHIFT |
		  (uint64_t)SDMA_REG(vg, q->index, RB_BASE_HI) << RB_BASE_HI_SHIFT;
	q->ring_size = 1u << VG_FIELD(cntl, SDMA_GFX_RB_CNTL, RB_SIZE);
	set_reg64(&SDMA_REG(vg, q->index, RB_WPTR), &SDMA_REG(vg, q->index, RB_WPTR_HI), wptr);
	vg_queue_start(vg, q, rptr / 4, wptr / 4);
	restore_ib(vg, q);
}

/* ---- HWS ---- */

static struct vg_sdma_queue *free_rlc_queue(struct vgpu *vg, unsigned int engine)
{
	struct vg_sdma_queue *queue = &vg_gfx9(vg)->sdma.queue[engine * VG_NUM_SDMA_QUEUES];

	for (unsigned int i = VG_SDMA_RLC0; i < VG_NUM_SDMA_QUEUES; i++) {
		if (!queue[i].q.active && !vg_sdma_enabled(vg, queue[i].q.index))
			return &queue[i];
	}
	vg_stop(vg, "HWS: more SDMA queues than the engine has");
	return NULL;
}

void vg_sdma_map(struct vgpu *vg, unsigned int xcc, unsigned int engine, unsigned int vmid,
		 uint32_t doorbell, uint64_t mqd, uint64_t wptr_addr)
{
	struct vg_sdma_queue *sq = free_rlc_queue(vg, engine);
	bool fault;
	uint64_t wptr;
	uint32_t *cntl;

	if (!sq)
		return;
	sq->mqd = mqd;
	if (load_mqd(vg, sq))
		return;
	/*
	 * If the page of the write pointer is missing, the queue starts without packets and halts,
	 * for the reason that poll_wptr() of gfx9/cp.c gives.
	 */
	fault = vg_mem_read64(vg, &sq->q.port, vmid, wptr_addr, &wptr);
	if (vgpu_stopped(vg))
		return;
	if (fault)
		wptr = SDMA_REG64(vg, sq->q.index, RB_RPTR);
	sq->dynamic = true;
	sq->xcc = xcc;
	cntl = &SDMA_REG(vg, sq->q.index, RB_CNTL);
	*cntl = VG_FIELD_SET(*cntl, SDMA_GFX_RB_CNTL, RB_VMID, vmid);
	*cntl = VG_FIELD_SET(*cntl, SDMA_GFX_RB_CNTL, RB_ENABLE, 1);
	SDMA_REG(vg, sq->q.index, DOORBELL) = VG_FIELD_PREP(SDMA_GFX_DOORBELL, ENABLE, 1);
	SDMA_REG(vg, sq->q.index, DOORBELL_OFFSET) =
		VG_FIELD_PREP(SDMA_GFX_DOORBELL_OFFSET, OFFSET, doorbell);
	vg_sdma_start(vg, &sq->q, wptr);
	if (fault)
		vg_queue_halt(vg, &sq->q);
}

static bool matches(struct vgpu *vg, const struct vg_sdma_queue *sq, const struct vg_unmap *which)
{
	uint32_t doorbell = VG_FIELD(SDMA_REG(vg, sq->q.index, DOORBELL_OFFSET),
				     SDMA_GFX_DOORBELL_OFFSET, OFFSET);

	switch (which->sel) {
	case VG_UNMAP_DOORBELL:
		for (unsigned int i = 0; i < which->num_doorbells; i++) {
			if (which->doorbell[i] == doorbell)
				return true;
		}
		return false;
	case VG_UNMAP_PASID:
		return vg_vmid_pasid(vg, sq->q.vmid) == (int)which->pasid;
	case VG_UNMAP_ALL:
	case VG_UNMAP_NON_STATIC:
		return true;
	}
	return false;
}

unsigned int vg_sdma_unmap(struct vgpu *vg, unsigned int xcc, const struct vg_unmap *which)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < vg_num_sdma_queues(vg); i++) {
		struct vg_sdma_queue *sq = &vg_gfx9(vg)->sdma.queue[i];
		uint32_t *cntl = &SDMA_REG(vg, i, RB_CNTL);

		if (!sq->dynamic || sq->xcc != xcc || !matches(vg, sq, which))
			continue;
		*cntl = VG_FIELD_SET(*cntl, SDMA_GFX_RB_CNTL, RB_ENABLE, 0);
		vg_sdma_try_leave(vg, &sq->q);
		left++;
	}
	return left;
}

/* ---- all queues ---- */

void vg_sdma_init(struct vgpu *vg)
{
	for (unsigned int i = 0; i < vg_num_sdma_queues(vg); i++) {
		struct vg_queue *q = &vg_gfx9(vg)->sdma.queue[i].q;
		unsigned int engine = vg_sdma_engine(i), n = i % VG_NUM_SDMA_QUEUES;

		q->ops = &sdma_ops;
		q->port = (struct vg_port){ .hub = VG_MMHUB, .cid = CID_SDMA0 + engine };
		q->index = i;
		if (vg_sdma_is_rlc(q))
			sprintf(q->name, "sdma%hhu.rlc%hhu", (uint8_t)engine,
				(uint8_t)(n - VG_SDMA_RLC0));
		else
			sprintf(q->name, "sdma%hhu.%s", (uint8_t)engine,
				n == VG_SDMA_GFX ? "gfx" : "page");
		vg_queue_init(vg, q);
	}
}

void vg_sdma_reset(struct vgpu *vg)
{
	for (unsigned int i = 0; i < vg_num_sdma_queues(vg); i++) {
		vg_queue_kill(vg, &vg_gfx9(vg)->sdma.queue[i].q);
		vg_gfx9(vg)->sdma.queue[i].dynamic = false;
	}
}

void vg_sdma_free(struct vgpu *vg)
{
	for (unsigned int i = 0; i < vg_num_sdma_queues(vg); i++)
		vg_queue_free(&vg_gfx9(vg)->sdma.queue[i].q);
}
