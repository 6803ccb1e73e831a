// SPDX-License-Identifier: MIT
/*
 * System DMA: the ten queues of the one engine.  The driver maps the gfx and the
 * page queue through registers, and the RLC queues as well when it runs without
 * HWS; otherwise the HWS maps the RLC queues.
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/bits.h"
#include "engine/sdma.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_sdma.h"
#include "ivsrcid/sdma0/irqsrcs_sdma0_4_0.h"
#include "soc15_ih_clientid.h"
#include "v9_structs.h"

enum {
	/* From one queue's registers to the next one's. */
	STRIDE = regSDMA_PAGE_RB_CNTL - regSDMA_GFX_RB_CNTL,
	/* mmhub_client_ids_aldebaran, drivers/gpu/drm/amd/amdgpu/gmc_v9_0.c:306 */
	CID_SDMA0 = 256,
	RB_BASE_SHIFT = 8,
	RB_BASE_HI_SHIFT = 40,
};

static_assert(regSDMA_RLC7_RB_CNTL - regSDMA_GFX_RB_CNTL ==
	      STRIDE * (VG_NUM_SDMA_QUEUES - 1), "ten queues, evenly spaced");

/* The register of queue @i, as an lvalue; NAME has no queue prefix. */
#define REG(vg, i, NAME) ((vg)->regs[VG_ADDR(SDMA_GFX_##NAME) + STRIDE * (i)])
#define REG64(vg, i, NAME) vg_u64(REG(vg, i, NAME), REG(vg, i, NAME##_HI))

/* The low half of RLC queue @i's activity counter; the high half follows. */
#define UTILIZATION(vg, i) (&(vg)->regs[VG_ADDR(SDMA_RLC0_UTILIZATION_LO) + \
					STRIDE * ((i) - VG_SDMA_RLC0)])

static struct vg_sdma_queue *queue_of(struct vgpu *vg, uint32_t reg)
{
	return &vg_gfx9(vg)->sdma.queue[(reg - VG_ADDR(SDMA_GFX_RB_CNTL)) / STRIDE];
}

static bool is_rlc(const struct vg_queue *q)
{
	return q->index >= VG_SDMA_RLC0;
}

static void set_reg64(uint32_t *lo, uint32_t *hi, uint64_t value)
{
	*lo = vg_lo(value);
	*hi = vg_hi(value);
}

/* Pointers are bytes in registers and doorbells, dwords in struct vg_queue. */
static bool check_pointer(struct vgpu *vg, const struct vg_queue *q, uint64_t ptr)
{
	if (ptr % 4 == 0)
		return true;
	vg_stop(vg, "%s: pointer 0x%llx is not a whole dword", q->name,
		(unsigned long long)ptr);
	return false;
}

/* ---- engine hooks ---- */

static void store_rptr(struct vgpu *vg, const struct vg_queue *q)
{
	set_reg64(&REG(vg, q->index, RB_RPTR), &REG(vg, q->index, RB_RPTR_HI),
		  q->rptr * 4);
}

static bool rb_enabled(const struct vgpu *vg, unsigned int i)
{
	return VG_FIELD(REG(vg, i, RB_CNTL), SDMA_GFX_RB_CNTL, RB_ENABLE);
}

/*
 * A disabled RLC queue leaves the engine as soon as its state can be saved.  The
 * position in the ring always can, the position in an IB only if the driver has
 * allowed to switch inside IBs.
 */
static bool may_leave(const struct vgpu *vg, const struct vg_queue *q)
{
	uint32_t ib_cntl = REG(vg, q->index, IB_CNTL);

	return !q->ib_depth || q->halted ||
		VG_FIELD(ib_cntl, SDMA_GFX_IB_CNTL, SWITCH_INSIDE_IB);
}

static void try_leave(struct vgpu *vg, struct vg_queue *q)
{
	if (may_leave(vg, q))
		vg_queue_preempt(vg, q);
}

static int rptr_moved(struct vgpu *vg, struct vg_queue *q)
{
	unsigned int i = q->index;
	uint64_t addr = vg_u64(REG(vg, i, RB_RPTR_ADDR_LO), REG(vg, i, RB_RPTR_ADDR_HI));

	store_rptr(vg, q);
	if (!rb_enabled(vg, i))
		try_leave(vg, q);
	if (!VG_FIELD(REG(vg, i, RB_CNTL), SDMA_GFX_RB_CNTL, RPTR_WRITEBACK_ENABLE))
		return 0;
	return vg_mem_write64(vg, &q->port, q->vmid, addr, q->rptr * 4);
}

static void save_ib(struct vgpu *vg, const struct vg_queue *q)
{
	const struct vg_ib *ib = &q->ib[0];
	unsigned int i = q->index;

	REG(vg, i, IB_SIZE) = 0;
	if (!q->ib_depth || q->halted)
		return;
	set_reg64(&REG(vg, i, IB_BASE_LO), &REG(vg, i, IB_BASE_HI), ib->va);
	REG(vg, i, IB_OFFSET) = ib->pos;
	REG(vg, i, IB_SIZE) = ib->size;
}

static void restore_ib(struct vgpu *vg, struct vg_queue *q)
{
	unsigned int i = q->index;

	if (!REG(vg, i, IB_SIZE))
		return;
	q->ib[0] = (struct vg_ib){
		.va = vg_u64(REG(vg, i, IB_BASE_LO), REG(vg, i, IB_BASE_HI)),
		.pos = REG(vg, i, IB_OFFSET),
		.size = REG(vg, i, IB_SIZE),
		.vmid = q->vmid,
	};
	q->ib_depth = 1;
	REG(vg, i, IB_SIZE) = 0;
}

/* The places of an RLC queue's registers in its MQD. */
#define IMAGE(field, NAME, saved_) \
	{ offsetof(struct v9_sdma_mqd, sdmax_rlcx_##field) / 4, \
	  regSDMA_GFX_##NAME - regSDMA_GFX_RB_CNTL, saved_ }

static const struct {
	uint16_t mqd, reg;
	bool saved;		/* at preemption; only the driver writes the others */
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
	uint32_t *regs = &REG(vg, sq->q.index, RB_CNTL);
	uint32_t mqd[sizeof(struct v9_sdma_mqd) / 4];

	if (vg_mem_read(vg, &sq->q.port, 0, sq->mqd, mqd, sizeof(mqd)))
		return -1;
	for (size_t i = 0; i < VG_COUNT(image); i++)
		regs[image[i].reg] = mqd[image[i].mqd];
	return 0;
}

static void save_mqd(struct vgpu *vg, struct vg_sdma_queue *sq)
{
	const uint32_t *regs = &REG(vg, sq->q.index, RB_CNTL);

	for (size_t i = 0; i < VG_COUNT(image); i++) {
		if (image[i].saved &&
		    vg_mem_write32(vg, &sq->q.port, 0, sq->mqd + 4 * image[i].mqd,
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
	REG(vg, q->index, IB_SIZE) = 0;
	REG(vg, q->index, DOORBELL) = 0;
	sq->dynamic = false;
}

static bool enabled(const struct vgpu *vg, const struct vg_queue *q)
{
	return !VG_FIELD(vg->regs[VG_ADDR(SDMA_F32_CNTL)], SDMA_F32_CNTL, HALT);
}

/*
 * The activity counter counts the steps in which the engine worked for the queue.
 * KFD shows it for each process
 * (drivers/gpu/drm/amd/amdgpu/amdgpu_amdkfd_gc_9_4_3.c:531).
 */
static enum vg_result execute(struct vgpu *vg, struct vg_queue *q,
			      const uint32_t *packet, unsigned int n)
{
	enum vg_result result = vg_sdma_packet_execute(vg, q, packet, n);

	if (is_rlc(q) && result != VG_WAIT) {
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

/* ---- queue registers ---- */

static void start(struct vgpu *vg, struct vg_queue *q, uint64_t wptr)
{
	uint32_t cntl = REG(vg, q->index, RB_CNTL);
	uint64_t rptr = REG64(vg, q->index, RB_RPTR);

	if (!check_pointer(vg, q, rptr) || !check_pointer(vg, q, wptr))
		return;
	q->vmid = VG_FIELD(cntl, SDMA_GFX_RB_CNTL, RB_VMID);
	q->ring = (uint64_t)REG(vg, q->index, RB_BASE) << RB_BASE_SHIFT |
		  (uint64_t)REG(vg, q->index, RB_BASE_HI) << RB_BASE_HI_SHIFT;
	q->ring_size = 1u << VG_FIELD(cntl, SDMA_GFX_RB_CNTL, RB_SIZE);
	set_reg64(&REG(vg, q->index, RB_WPTR), &REG(vg, q->index, RB_WPTR_HI), wptr);
	vg_queue_start(vg, q, rptr / 4, wptr / 4);
	restore_ib(vg, q);
}

static void rb_enable(struct vgpu *vg, struct vg_queue *q)
{
	bool doorbell = VG_FIELD(REG(vg, q->index, DOORBELL), SDMA_GFX_DOORBELL, ENABLE);

	if (q->active)
		vg_stop(vg, "%s: enabled again before it was idle", q->name);
	/*
	 * An RLC queue without a doorbell does not run.  The driver enables such
	 * a queue after it has unmapped it (drivers/gpu/drm/amd/amdgpu/
	 * amdgpu_amdkfd_gc_9_4_3.c:210-213) and does not expect it to run.
	 */
	else if (doorbell || !is_rlc(q))
		start(vg, q, REG64(vg, q->index, RB_WPTR));
}

static void write_rb_cntl(struct vgpu *vg, const struct vg_reg *reg,
			  uint32_t index, uint32_t value)
{
	const uint32_t fixed = SDMA_GFX_RB_CNTL__RB_SIZE_MASK |
			       SDMA_GFX_RB_CNTL__RB_VMID_MASK;
	struct vg_queue *q = &queue_of(vg, reg->first)->q;
	uint32_t old = vg->regs[reg->first];
	bool was = VG_FIELD(old, SDMA_GFX_RB_CNTL, RB_ENABLE);
	bool is = VG_FIELD(value, SDMA_GFX_RB_CNTL, RB_ENABLE);

	vg->regs[reg->first] = value;
	if (is && !was)
		rb_enable(vg, q);
	else if (was && !is && !is_rlc(q))
		vg_queue_kill(vg, q);
	else if (was && !is && q->active)
		try_leave(vg, q);
	else if (q->active && (value ^ old) & fixed)
		vg_stop(vg, "%s: RB_CNTL 0x%08x -> 0x%08x while it runs", q->name,
			old, value);
}

static void set_wptr(struct vgpu *vg, struct vg_queue *q)
{
	uint64_t wptr = REG64(vg, q->index, RB_WPTR);

	if (q->active && rb_enabled(vg, q->index) && check_pointer(vg, q, wptr))
		vg_queue_set_wptr(vg, q, wptr / 4);
}

static void write_wptr(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
		       uint32_t value)
{
	vg->regs[reg->first + index] = value;
	set_wptr(vg, &queue_of(vg, reg->first)->q);
}

static void write_poll_cntl(struct vgpu *vg, const struct vg_reg *reg,
			    uint32_t index, uint32_t value)
{
	if (VG_FIELD(value, SDMA_GFX_RB_WPTR_POLL_CNTL, ENABLE) ||
	    VG_FIELD(value, SDMA_GFX_RB_WPTR_POLL_CNTL, F32_POLL_ENABLE))
		vg_stop(vg, "%s = 0x%08x: polling of wptr is not modelled",
			reg->name, value);
	vg->regs[reg->first] = value;
}

static void write_aql_cntl(struct vgpu *vg, const struct vg_reg *reg,
			   uint32_t index, uint32_t value)
{
	if (VG_FIELD(value, SDMA_GFX_RB_AQL_CNTL, AQL_ENABLE))
		vg_stop(vg, "%s = 0x%08x: AQL on SDMA is not modelled", reg->name,
			value);
	vg->regs[reg->first] = value;
}

static bool idle(const struct vg_queue *q)
{
	return !q->active || (!q->preempting && !vg_queue_has_work(q));
}

static uint32_t read_context_status(struct vgpu *vg, const struct vg_reg *reg,
				    uint32_t index)
{
	const struct vg_queue *q = &queue_of(vg, reg->first)->q;

	/* A disabled queue is idle only when it has left the engine. */
	return VG_FIELD_PREP(SDMA_GFX_CONTEXT_STATUS, IDLE,
			     rb_enabled(vg, q->index) ? idle(q) : !q->active);
}

static uint32_t read_status(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	bool all = true;

	for (size_t i = 0; i < VG_NUM_SDMA_QUEUES; i++)
		all &= idle(&vg_gfx9(vg)->sdma.queue[i].q);
	return VG_FIELD_PREP(SDMA_STATUS_REG, IDLE, all);
}

#define QUEUE_REGS(name) \
	VG_REG(SDMA_##name##_RB_CNTL, NULL, write_rb_cntl), \
	VG_RANGE_PLAIN(SDMA_##name##_RB_BASE, SDMA_##name##_RB_RPTR_HI), \
	VG_RANGE(SDMA_##name##_RB_WPTR, SDMA_##name##_RB_WPTR_HI, NULL, write_wptr), \
	VG_REG(SDMA_##name##_RB_WPTR_POLL_CNTL, NULL, write_poll_cntl), \
	VG_RANGE_PLAIN(SDMA_##name##_RB_RPTR_ADDR_HI, SDMA_##name##_SKIP_CNTL), \
	VG_REG(SDMA_##name##_CONTEXT_STATUS, read_context_status, \
	       vg_reg_ignore_write), \
	VG_REG_PLAIN(SDMA_##name##_DOORBELL), \
	VG_RANGE_PLAIN(SDMA_##name##_STATUS, SDMA_##name##_CSA_ADDR_HI), \
	VG_REG_PLAIN(SDMA_##name##_IB_SUB_REMAIN), \
	VG_RANGE_PLAIN(SDMA_##name##_DUMMY_REG, SDMA_##name##_RB_WPTR_POLL_ADDR_LO), \
	VG_REG(SDMA_##name##_RB_AQL_CNTL, NULL, write_aql_cntl), \
	VG_REG_PLAIN(SDMA_##name##_MINOR_PTR_UPDATE), \
	VG_RANGE_PLAIN(SDMA_##name##_MIDCMD_DATA0, SDMA_##name##_MIDCMD_CNTL)

/* The kernel's headers name only the counter of the first RLC queue. */
#define UTILIZATION_REGS(n) \
	{ .first = VG_ADDR(SDMA_RLC0_UTILIZATION_LO) + STRIDE * (n), .count = 2, \
	  .name = "SDMA_RLC" #n "_UTILIZATION_LO", .write = vg_reg_ignore_write }

static const struct vg_reg regs[] = {
	VG_REG_PLAIN(SDMA_UCODE_ADDR),
	VG_REG_PLAIN(SDMA_UCODE_DATA),
	/* After power on the engine waits for its firmware. */
	VG_REG_RESET(SDMA_F32_CNTL, SDMA_F32_CNTL__HALT_MASK),
	VG_REG_PLAIN(SDMA_CNTL),
	VG_REG_PLAIN(SDMA_CLK_CTRL),
	VG_REG_PLAIN(SDMA_POWER_CNTL),
	VG_REG_PLAIN(SDMA_GB_ADDR_CONFIG),
	VG_REG_PLAIN(SDMA_GB_ADDR_CONFIG_READ),
	VG_REG_PLAIN(SDMA_PHASE0_QUANTUM),
	VG_REG_PLAIN(SDMA_PHASE1_QUANTUM),
	VG_REG_PLAIN(SDMA_PHASE2_QUANTUM),
	VG_REG_PLAIN(SDMA_SEM_WAIT_FAIL_TIMER_CNTL),
	VG_REG_PLAIN(SDMA_UTCL1_TIMEOUT),
	VG_REG(SDMA_STATUS_REG, read_status, vg_reg_ignore_write),
	/* The driver only dumps these. */
	VG_REG(SDMA_STATUS1_REG, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_STATUS2_REG, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_STATUS3_REG, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_UCODE_CHECKSUM, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_RB_RPTR_FETCH, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_RB_RPTR_FETCH_HI, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_UTCL1_RD_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_UTCL1_WR_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_UTCL1_RD_XNACK0, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_UTCL1_RD_XNACK1, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_UTCL1_WR_XNACK0, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_UTCL1_WR_XNACK1, NULL, vg_reg_ignore_write),
	VG_REG(SDMA_VM_CNTL, NULL, vg_reg_ignore_write),

	QUEUE_REGS(GFX),
	QUEUE_REGS(PAGE),
	QUEUE_REGS(RLC0),
	QUEUE_REGS(RLC1),
	QUEUE_REGS(RLC2),
	QUEUE_REGS(RLC3),
	QUEUE_REGS(RLC4),
	QUEUE_REGS(RLC5),
	QUEUE_REGS(RLC6),
	QUEUE_REGS(RLC7),
	UTILIZATION_REGS(0),
	UTILIZATION_REGS(1),
	UTILIZATION_REGS(2),
	UTILIZATION_REGS(3),
	UTILIZATION_REGS(4),
	UTILIZATION_REGS(5),
	UTILIZATION_REGS(6),
	UTILIZATION_REGS(7),
};

/* ---- doorbells, interrupts ---- */

bool vg_sdma_doorbell(struct vgpu *vg, uint32_t offset, uint64_t value,
		      unsigned int size)
{
	for (unsigned int i = 0; i < VG_NUM_SDMA_QUEUES; i++) {
		if (!VG_FIELD(REG(vg, i, DOORBELL), SDMA_GFX_DOORBELL, ENABLE) ||
		    VG_FIELD(REG(vg, i, DOORBELL_OFFSET), SDMA_GFX_DOORBELL_OFFSET,
			     OFFSET) != offset)
			continue;
		REG(vg, i, RB_WPTR) = vg_lo(value);
		if (size == sizeof(uint64_t))
			REG(vg, i, RB_WPTR_HI) = vg_hi(value);
		set_wptr(vg, &vg_gfx9(vg)->sdma.queue[i].q);
		return true;
	}
	return false;
}

void vg_sdma_trap(struct vgpu *vg, const struct vg_queue *q, uint32_t context)
{
	/*
	 * To the driver ring 0 is the gfx queue and ring 1 the page queue
	 * (drivers/gpu/drm/amd/amdgpu/sdma_v4_4_2.c:1808); the others follow.
	 */
	const struct vg_iv iv = {
		.client = SOC15_IH_CLIENTID_SDMA0,
		.source = SDMA0_4_0__SRCID__SDMA_TRAP,
		.ring = q->index,
		.vmid = vg_queue_vmid(q),
		.node = VG_NODE_AID0,
		.mmhub = true,
		.data = { context },
	};

	if (VG_FIELD(vg->regs[VG_ADDR(SDMA_CNTL)], SDMA_CNTL, TRAP_ENABLE))
		vg_ih_raise(vg, &iv);
}

/* ---- HWS ---- */

static struct vg_sdma_queue *free_rlc_queue(struct vgpu *vg)
{
	for (unsigned int i = VG_SDMA_RLC0; i < VG_NUM_SDMA_QUEUES; i++) {
		if (!vg_gfx9(vg)->sdma.queue[i].q.active && !rb_enabled(vg, i))
			return &vg_gfx9(vg)->sdma.queue[i];
	}
	vg_stop(vg, "HWS: more SDMA queues than the engine has");
	return NULL;
}

void vg_sdma_map(struct vgpu *vg, unsigned int vmid, uint32_t doorbell,
		 uint64_t mqd, uint64_t wptr_addr)
{
	struct vg_sdma_queue *sq = free_rlc_queue(vg);
	uint64_t wptr;
	uint32_t *cntl;

	if (!sq)
		return;
	sq->mqd = mqd;
	if (load_mqd(vg, sq) ||
	    vg_mem_read64(vg, &sq->q.port, vmid, wptr_addr, &wptr))
		return;
	sq->dynamic = true;
	cntl = &REG(vg, sq->q.index, RB_CNTL);
	*cntl = VG_FIELD_SET(*cntl, SDMA_GFX_RB_CNTL, RB_VMID, vmid);
	*cntl = VG_FIELD_SET(*cntl, SDMA_GFX_RB_CNTL, RB_ENABLE, 1);
	REG(vg, sq->q.index, DOORBELL) = VG_FIELD_PREP(SDMA_GFX_DOORBELL, ENABLE, 1);
	REG(vg, sq->q.index, DOORBELL_OFFSET) =
		VG_FIELD_PREP(SDMA_GFX_DOORBELL_OFFSET, OFFSET, doorbell);
	start(vg, &sq->q, wptr);
}

static bool matches(struct vgpu *vg, const struct vg_sdma_queue *sq,
		    const struct vg_unmap *which)
{
	uint32_t doorbell = VG_FIELD(REG(vg, sq->q.index, DOORBELL_OFFSET),
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

unsigned int vg_sdma_unmap(struct vgpu *vg, const struct vg_unmap *which)
{
	unsigned int left = 0;

	for (unsigned int i = VG_SDMA_RLC0; i < VG_NUM_SDMA_QUEUES; i++) {
		struct vg_sdma_queue *sq = &vg_gfx9(vg)->sdma.queue[i];
		uint32_t *cntl = &REG(vg, i, RB_CNTL);

		if (!sq->dynamic || !matches(vg, sq, which))
			continue;
		*cntl = VG_FIELD_SET(*cntl, SDMA_GFX_RB_CNTL, RB_ENABLE, 0);
		try_leave(vg, &sq->q);
		left++;
	}
	return left;
}

/* ---- block ---- */

void vg_sdma_init(struct vgpu *vg)
{
	for (unsigned int i = 0; i < VG_NUM_SDMA_QUEUES; i++) {
		struct vg_queue *q = &vg_gfx9(vg)->sdma.queue[i].q;

		q->ops = &sdma_ops;
		q->port = (struct vg_port){ .hub = VG_MMHUB, .cid = CID_SDMA0 };
		q->index = i;
		if (is_rlc(q))
			snprintf(q->name, sizeof(q->name), "sdma0.rlc%u",
				 i - VG_SDMA_RLC0);
		else
			strcpy(q->name, i == VG_SDMA_GFX ? "sdma0.gfx" : "sdma0.page");
		vg_queue_init(vg, q);
	}
}

static void sdma_reset(struct vgpu *vg)
{
	for (unsigned int i = 0; i < VG_NUM_SDMA_QUEUES; i++) {
		vg_queue_kill(vg, &vg_gfx9(vg)->sdma.queue[i].q);
		vg_gfx9(vg)->sdma.queue[i].dynamic = false;
	}
}

void vg_sdma_free(struct vgpu *vg)
{
	for (unsigned int i = 0; i < VG_NUM_SDMA_QUEUES; i++)
		vg_queue_free(&vg_gfx9(vg)->sdma.queue[i].q);
}

const struct vg_block vg_sdma_block = {
	.name = "sdma",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
	.reset = sdma_reset,
};
