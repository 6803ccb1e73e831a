/* SPDX-License-Identifier: MIT */
/* Command processor: its registers. */
#include "core/bits.h"
#include "gfx9/hqd.h"

/* enum hqd_dequeue_request_type, amdgpu_amdkfd_gfx_v9.c:43 */
enum {
	DEQUEUE_DRAIN = 1,
	DEQUEUE_RESET = 2,
	DEQUEUE_SAVE = 3,
};

static uint32_t read_hqd(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	struct vg_hqd *h = vg_grbm_hqd(vg, reg->instance);

	if (!h) {
		vg_stop(vg, "read of HQD register +%u with no queue selected", index);
		return ~0u;
	}
	return h->regs[index];
}

static void request_dequeue(struct vgpu *vg, struct vg_hqd *h, uint32_t value)
{
	uint32_t request = VG_FIELD(value, CP_HQD_DEQUEUE_REQUEST, DEQUEUE_REQ);

	if (!request || !h->q.active)
		return;
	h->regs[HQD(CP_HQD_DEQUEUE_REQUEST)] = value;
	switch (request) {
	case DEQUEUE_RESET:
		vg_hqd_reset(vg, h);
		break;
	case DEQUEUE_DRAIN:
	case DEQUEUE_SAVE: /* there are no waves to wait for or to save, so both do the same */
		vg_queue_preempt(vg, &h->q);
		break;
	default:
		vg_stop(vg, "%s: dequeue request %u is not modelled", h->q.name, request);
	}
}

static void write_hqd(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	struct vg_hqd *h = vg_grbm_hqd(vg, reg->instance);

	if (!h) {
		vg_stop(vg, "write of HQD register +%u with no queue selected", index);
		return;
	}
	switch (index) {
	case HQD(CP_HQD_ACTIVE):
		if (!VG_FIELD(value, CP_HQD_ACTIVE, ACTIVE))
			vg_hqd_reset(vg, h);
		else if (!h->q.active)
			vg_hqd_activate(vg, h);
		return;
	case HQD(CP_HQD_DEQUEUE_REQUEST):
		request_dequeue(vg, h, value);
		return;
	}
	if (h->q.active && h->regs[index] != value)
		vg_stop(vg, "%s: HQD register +%u changed while the queue is active", h->q.name,
			index);
	h->regs[index] = value;
}

/*
 * The reset of a pipe takes its queues off at once, and the driver waits until they are off
 * (gfx_v9_4_3.c:3659).  Before a reset of the GPU the driver does not unmap its own queues, and
 * before a suspend it does not unmap the KIQ: it resets all pipes instead (gfx_v9_4_3_xcc_fini()).
 */
static void write_mec_cntl(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
			   uint32_t value)
{
	static const uint32_t reset[][VG_NUM_PIPES] = {
		{ CP_MEC_CNTL__MEC_ME1_PIPE0_RESET_MASK, CP_MEC_CNTL__MEC_ME1_PIPE1_RESET_MASK,
		  CP_MEC_CNTL__MEC_ME1_PIPE2_RESET_MASK, CP_MEC_CNTL__MEC_ME1_PIPE3_RESET_MASK },
		{ CP_MEC_CNTL__MEC_ME2_PIPE0_RESET_MASK, CP_MEC_CNTL__MEC_ME2_PIPE1_RESET_MASK },
	};

	for (unsigned int i = 0; i < VG_NUM_HQDS; i++) {
		struct vg_hqd *h = &vg_gfx9(vg)->cp[reg->instance].hqd[i];

		if (value & reset[h->me - 1][h->pipe])
			vg_hqd_reset(vg, h);
	}
	vg->regs[reg->first] = value;
}

/* ---- partitions ---- */

/* Does any queue or run list of a partition work, on any XCC? */
static bool partitions_in_use(const struct vgpu *vg)
{
	for (unsigned int xcc = 0; xcc < vg_num_xccs(vg); xcc++) {
		if (vg_run_list_in_force(vg, xcc))
			return true;
		for (unsigned int i = 0; i < VG_NUM_HQDS; i++) {
			const struct vg_hqd *h = &vg_gfx9(vg)->cp[xcc].hqd[i];

			if (h->q.active && vg_hqd_is_shared(h))
				return true;
		}
	}
	return false;
}

/*
 * The driver gives each XCC its number in the partition and the number of XCCs there
 * (gfx_v9_4_3.c:809-816).  It may do so while its own queues are active, but not while queues of
 * KFD are: aqua_vanjaram_switch_partition_mode() ends KFD first.  When the driver loads, resumes or
 * has reset the GPU, it starts KFD only after this write.
 */
static void write_xcp_ctl(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	unsigned int number = VG_FIELD(value, CP_HYP_XCP_CTL, VIRTUAL_XCC_ID);
	unsigned int count = VG_FIELD(value, CP_HYP_XCP_CTL, NUM_XCC_IN_XCP);

	if (number > reg->instance || number >= count ||
	    reg->instance - number + count > vg_num_xccs(vg))
		vg_stop(vg, "XCC %u as number %u of %u XCCs in a partition", reg->instance, number,
			count);
	else if (value != vg->regs[reg->first] && partitions_in_use(vg))
		vg_stop(vg, "partition of XCC %u changed beside active queues", reg->instance);
	/* The scheduler of a new partition has no VMIDs before the driver names some. */
	if (value != vg->regs[reg->first])
		vg_gfx9(vg)->cp[reg->instance].hws.vmid_mask = 0;
	vg->regs[reg->first] = value;
}

struct vg_partition vg_partition_of(const struct vgpu *vg, unsigned int xcc)
{
	uint32_t ctl = VG_XCC_REG(vg, xcc, CP_HYP_XCP_CTL);
	unsigned int count = VG_FIELD(ctl, CP_HYP_XCP_CTL, NUM_XCC_IN_XCP);

	if (!count)
		return (struct vg_partition){ .first = xcc, .count = 1 };
	return (struct vg_partition){
		.first = xcc - VG_FIELD(ctl, CP_HYP_XCP_CTL, VIRTUAL_XCC_ID),
		.count = count,
	};
}

bool vg_partition_is_set(const struct vgpu *vg, unsigned int xcc)
{
	return VG_FIELD(VG_XCC_REG(vg, xcc, CP_HYP_XCP_CTL), CP_HYP_XCP_CTL, NUM_XCC_IN_XCP);
}

bool vg_partition_is_agreed(const struct vgpu *vg, unsigned int xcc)
{
	struct vg_partition xcp = vg_partition_of(vg, xcc);

	for (unsigned int i = 0; i < vg_num_xccs(vg); i++) {
		struct vg_partition other = vg_partition_of(vg, i);
		bool overlaps = other.first < xcp.first + xcp.count &&
				xcp.first < other.first + other.count;

		if (overlaps && (other.first != xcp.first || other.count != xcp.count))
			return false;
	}
	return true;
}

static const struct vg_reg regs[] = {
	VG_RANGE(CP_MQD_BASE_ADDR, CP_HQD_AQL_DISPATCH_ID_HI, read_hqd, write_hqd),

	/* These halt an ME, and let a pipe raise interrupts; gfx9/cp.c looks at them. */
	VG_REG(CP_MEC_CNTL, NULL, write_mec_cntl),
	VG_RANGE_PLAIN(CP_ME1_PIPE0_INT_CNTL, CP_ME2_PIPE3_INT_CNTL),

	VG_REG_PLAIN(SCRATCH_REG0),

	/*
	 * A doorbell write reaches the queue that has claimed the doorbell, so the
	 * range and the status bit have no effect.  The model reads a write pointer
	 * in memory once, when it maps the queue, so the settings of polling have
	 * no effect.
	 */
	VG_RANGE_PLAIN(CP_MEC_DOORBELL_RANGE_LOWER, CP_MEC_DOORBELL_RANGE_UPPER),
	VG_REG_PLAIN(CP_PQ_STATUS),
	VG_RANGE_PLAIN(CP_PQ_WPTR_POLL_CNTL, CP_PQ_WPTR_POLL_CNTL1),
	VG_REG_PLAIN(CP_RB_WPTR_POLL_CNTL),

	/*
	 * The registers below enable interrupts of a graphics ring, which the model does not have,
	 * and of errors that never happen in it.
	 */
	VG_REG_PLAIN(CP_INT_CNTL_RING0),
	VG_REG_PLAIN(CPC_INT_CNTL),

	/* The driver loads firmware here; the model does not execute it. */
	VG_RANGE_PLAIN(CP_CPC_IC_BASE_LO, CP_CPC_IC_BASE_CNTL),
	VG_RANGE_PLAIN(CP_MEC_ME1_UCODE_ADDR, CP_MEC_ME1_UCODE_DATA),

	VG_REG(CP_HYP_XCP_CTL, NULL, write_xcp_ctl),

	/*
	 * The registers below set up debugging, timing and memory sleep, so they have no effect in
	 * the model.
	 */
	VG_REG_PLAIN(CP_CPC_DEBUG),
	VG_REG_PLAIN(CPC_PSP_DEBUG),
	VG_REG_PLAIN(CP_IQ_WAIT_TIME2),
	VG_REG_PLAIN(CP_MEM_SLP_CNTL),

	/*
	 * The driver reads the registers below for its dump when a job hangs
	 * (gfx_v9_4_3.c:64-155) and for AMDGPU_INFO_READ_MMR_REG.  Their value 0 says that
	 * all units are idle.
	 */
	VG_REG(CP_STALLED_STAT1, NULL, vg_reg_ignore_write),
	VG_REG(CP_STALLED_STAT2, NULL, vg_reg_ignore_write),
	VG_REG(CP_STALLED_STAT3, NULL, vg_reg_ignore_write),
	VG_REG(CP_BUSY_STAT, NULL, vg_reg_ignore_write),
	VG_REG(CP_STAT, NULL, vg_reg_ignore_write),
	VG_REG(CP_CPC_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(CP_CPC_BUSY_STAT, NULL, vg_reg_ignore_write),
	VG_REG(CP_CPC_STALLED_STAT1, NULL, vg_reg_ignore_write),
	VG_REG(CP_CPF_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(CP_CPF_BUSY_STAT, NULL, vg_reg_ignore_write),
	VG_REG(CP_CPF_STALLED_STAT1, NULL, vg_reg_ignore_write),
	VG_REG(CP_GFX_ERROR, NULL, vg_reg_ignore_write),
	VG_REG(CPF_UTCL1_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(CPC_UTCL1_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(CPG_UTCL1_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(CP_DEBUG, NULL, vg_reg_ignore_write),
	VG_REG(CP_MEC1_INSTR_PNTR, NULL, vg_reg_ignore_write),
	VG_REG(CP_MEC2_INSTR_PNTR, NULL, vg_reg_ignore_write),
	VG_REG(CP_MEC_ME1_HEADER_DUMP, NULL, vg_reg_ignore_write),
	VG_REG(CP_MEC_ME2_HEADER_DUMP, NULL, vg_reg_ignore_write),
	VG_REG(CP_HQD_GFX_STATUS, NULL, vg_reg_ignore_write),
};

const struct vg_block vg_cp_block = {
	.name = "cp",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
	.repeated = true,
	.reset = vg_cp_reset,
};
