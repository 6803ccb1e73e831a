// SPDX-License-Identifier: MIT
/* System DMA: the registers, doorbells and interrupts of its queues. */
#include "gfx9/sdma_queue.h"
#include "ivsrcid/sdma0/irqsrcs_sdma0_4_0.h"
#include "soc15_ih_clientid.h"

static struct vg_sdma_queue *queue_of(struct vgpu *vg, const struct vg_reg *reg)
{
	uint32_t first = reg->first - reg->instance * VG_XCC_DISTANCE;
	unsigned int n = (first - VG_ADDR(SDMA_GFX_RB_CNTL)) / VG_SDMA_STRIDE;

	return &vg_gfx9(vg)->sdma.queue[reg->instance * VG_NUM_SDMA_QUEUES + n];
}

/* ---- queue registers ---- */

static void rb_enable(struct vgpu *vg, struct vg_queue *q)
{
	bool doorbell = VG_FIELD(SDMA_REG(vg, q->index, DOORBELL), SDMA_GFX_DOORBELL, ENABLE);

	if (q->active)
		vg_stop(vg, "%s: enabled again before it was idle", q->name);
	/*
	 * An RLC queue without a doorbell does not run.  The driver enables such
	 * a queue after it has unmapped it (drivers/gpu/drm/amd/amdgpu/
	 * amdgpu_amdkfd_gc_9_4_3.c:210-213) and does not expect it to run.
	 */
	else if (doorbell || !vg_sdma_is_rlc(q))
		vg_sdma_start(vg, q, SDMA_REG64(vg, q->index, RB_WPTR));
}

static void write_rb_cntl(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	const uint32_t fixed = SDMA_GFX_RB_CNTL__RB_SIZE_MASK | SDMA_GFX_RB_CNTL__RB_VMID_MASK;
	struct vg_queue *q = &queue_of(vg, reg)->q;
	uint32_t old = vg->regs[reg->first];
	bool was = VG_FIELD(old, SDMA_GFX_RB_CNTL, RB_ENABLE);
	bool is = VG_FIELD(value, SDMA_GFX_RB_CNTL, RB_ENABLE);

	vg->regs[reg->first] = value;
	if (is && !was)
		rb_enable(vg, q);
	else if (was && !is && !vg_sdma_is_rlc(q))
		vg_queue_kill(vg, q);
	else if (was && !is && q->active)
		vg_sdma_try_leave(vg, q);
	else if (q->active && (value ^ old) & fixed)
		vg_stop(vg, "%s: RB_CNTL 0x%08x -> 0x%08x while it runs", q->name, old, value);
}

static void set_wptr(struct vgpu *vg, struct vg_queue *q)
{
	uint64_t wptr = SDMA_REG64(vg, q->index, RB_WPTR);

	if (q->active && vg_sdma_enabled(vg, q->index) && vg_sdma_check_pointer(vg, q, wptr))
		vg_queue_set_wptr(vg, q, wptr / 4);
}

static void write_wptr(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	vg->regs[reg->first + index] = value;
	set_wptr(vg, &queue_of(vg, reg)->q);
}

static void write_poll_cntl(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
			    uint32_t value)
{
	if (VG_FIELD(value, SDMA_GFX_RB_WPTR_POLL_CNTL, ENABLE) ||
	    VG_FIELD(value, SDMA_GFX_RB_WPTR_POLL_CNTL, F32_POLL_ENABLE))
		vg_stop(vg, "%s = 0x%08x: polling of wptr is not modelled", reg->name, value);
	vg->regs[reg->first] = value;
}

static void write_aql_cntl(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
			   uint32_t value)
{
	if (VG_FIELD(value, SDMA_GFX_RB_AQL_CNTL, AQL_ENABLE))
		vg_stop(vg, "%s = 0x%08x: AQL on SDMA is not modelled", reg->name, value);
	vg->regs[reg->first] = value;
}

static bool idle(const struct vg_queue *q)
{
	return !q->active || (!q->preempting && !vg_queue_has_work(q));
}

static uint32_t read_context_status(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	const struct vg_queue *q = &queue_of(vg, reg)->q;

	/* A disabled queue is idle only when it has left the engine. */
	return VG_FIELD_PREP(SDMA_GFX_CONTEXT_STATUS, IDLE,
			     vg_sdma_enabled(vg, q->index) ? idle(q) : !q->active);
}

static uint32_t read_status(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	bool all = true;

	for (size_t i = 0; i < VG_NUM_SDMA_QUEUES; i++)
		all &= idle(&vg_gfx9(vg)->sdma.queue[reg->instance * VG_NUM_SDMA_QUEUES + i].q);
	return VG_FIELD_PREP(SDMA_STATUS_REG, IDLE, all);
}

#define QUEUE_REGS(name) \
	VG_REG(SDMA_##name##_RB_CNTL, NULL, write_rb_cntl), \
		VG_RANGE_PLAIN(SDMA_##name##_RB_BASE, SDMA_##name##_RB_RPTR_HI), \
		VG_RANGE(SDMA_##name##_RB_WPTR, SDMA_##name##_RB_WPTR_HI, NULL, write_wptr), \
		VG_REG(SDMA_##name##_RB_WPTR_POLL_CNTL, NULL, write_poll_cntl), \
		VG_RANGE_PLAIN(SDMA_##name##_RB_RPTR_ADDR_HI, SDMA_##name##_SKIP_CNTL), \
		VG_REG(SDMA_##name##_CONTEXT_STATUS, read_context_status, vg_reg_ignore_write), \
		VG_REG_PLAIN(SDMA_##name##_DOORBELL), \
		VG_RANGE_PLAIN(SDMA_##name##_STATUS, SDMA_##name##_CSA_ADDR_HI), \
		VG_REG_PLAIN(SDMA_##name##_IB_SUB_REMAIN), \
		VG_RANGE_PLAIN(SDMA_##name##_DUMMY_REG, SDMA_##name##_RB_WPTR_POLL_ADDR_LO), \
		VG_REG(SDMA_##name##_RB_AQL_CNTL, NULL, write_aql_cntl), \
		VG_REG_PLAIN(SDMA_##name##_MINOR_PTR_UPDATE), \
		VG_RANGE_PLAIN(SDMA_##name##_MIDCMD_DATA0, SDMA_##name##_MIDCMD_CNTL)

/* The kernel's headers name only the counter of the first RLC queue. */
#define UTILIZATION_REGS(n) \
	{ .first = VG_ADDR(SDMA_RLC0_UTILIZATION_LO) + VG_SDMA_STRIDE * (n), \
	  .count = 2, \
	  .name = "SDMA_RLC" #n "_UTILIZATION_LO", \
	  .write = vg_reg_ignore_write }

static const struct vg_reg regs[] = {
	VG_REG_PLAIN(SDMA_UCODE_ADDR),
	VG_REG_PLAIN(SDMA_UCODE_DATA),
	/* The engine is halted after power on, until the driver has loaded firmware into it. */
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

bool vg_sdma_doorbell(struct vgpu *vg, uint32_t offset, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < vg_num_sdma_queues(vg); i++) {
		if (!VG_FIELD(SDMA_REG(vg, i, DOORBELL), SDMA_GFX_DOORBELL, ENABLE) ||
		    VG_FIELD(SDMA_REG(vg, i, DOORBELL_OFFSET), SDMA_GFX_DOORBELL_OFFSET, OFFSET) !=
			    offset)
			continue;
		SDMA_REG(vg, i, RB_WPTR) = vg_lo(value);
		if (size == sizeof(uint64_t))
			SDMA_REG(vg, i, RB_WPTR_HI) = vg_hi(value);
		set_wptr(vg, &vg_gfx9(vg)->sdma.queue[i].q);
		return true;
	}
	return false;
}

void vg_sdma_trap(struct vgpu *vg, const struct vg_queue *q, uint32_t context)
{
	static const uint8_t client[VG_MAX_XCCS] = { SOC15_IH_CLIENTID_SDMA0,
						     SOC15_IH_CLIENTID_SDMA1 };
	/*
	 * For the driver, ring 0 is the gfx queue and ring 1 the page queue
	 * (drivers/gpu/drm/amd/amdgpu/sdma_v4_4_2.c:1808); the RLC queues have
	 * the next numbers.
	 */
	const struct vg_iv iv = {
		.client = client[vg_sdma_engine(q->index)],
		.source = SDMA0_4_0__SRCID__SDMA_TRAP,
		.ring = q->index % VG_NUM_SDMA_QUEUES,
		.vmid = vg_queue_vmid(q),
		.node = VG_NODE_AID0,
		.mmhub = true,
		.data = { context },
	};

	if (VG_FIELD(SDMA_ENGINE_REG(vg, q->index, CNTL), SDMA_CNTL, TRAP_ENABLE))
		vg_ih_raise(vg, &iv);
}

/* ---- block ---- */

const struct vg_block vg_sdma_block = {
	.name = "sdma",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
	.repeated = true,
	.reset = vg_sdma_reset,
};
