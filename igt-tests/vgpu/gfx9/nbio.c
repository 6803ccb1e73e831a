/* SPDX-License-Identifier: MIT */
/*
 * Bus interface: straps, doorbell apertures, the index/data pairs MM_INDEX/MM_DATA
 * (VRAM) and PCIE_INDEX2/DATA2 (registers beyond the BAR), and requests for HDP
 * flushes.
 */
#include <assert.h>

#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_nbio.h"

enum { MIB_SHIFT = 20 };

#define MM_INDEX_MEMORY VG_BITS(31, 31) /* the index is an address in VRAM, else a register */
#define MM_INDEX_OFFSET VG_BITS(30, 0)

/* ---- VRAM through MM_INDEX/MM_DATA, amdgpu_device_mm_access() ---- */

static bool mm_offset(struct vgpu *vg, uint64_t *pos)
{
	uint32_t index = vg->regs[VG_ADDR(BIF_BX_PF0_MM_INDEX)];
	uint64_t hi = vg->regs[VG_ADDR(BIF_BX_PF0_MM_INDEX_HI)];

	*pos = hi << 31 | (index & MM_INDEX_OFFSET);
	if (index & MM_INDEX_MEMORY && *pos % 4 == 0 && *pos < VG_VRAM_SIZE)
		return true;
	vg_stop(vg, "MM_DATA access with MM_INDEX 0x%08x, MM_INDEX_HI 0x%llx", index,
		(unsigned long long)hi);
	return false;
}

static uint32_t read_mm_data(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	uint32_t value = ~0u;
	uint64_t pos;

	if (mm_offset(vg, &pos))
		vg_hdp_read(vg, pos, &value, sizeof(value));
	return value;
}

static void write_mm_data(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	uint64_t pos;

	if (mm_offset(vg, &pos))
		vg_hdp_write(vg, pos, &value, sizeof(value));
}

/* ---- registers beyond the BAR, through PCIE_INDEX2/DATA2 ---- */

/*
 * The registers that route doorbells to dies and units, and one about interrupts.  The
 * model has one die and gives a doorbell to the unit that has claimed it, so these
 * registers only need to exist.
 */
static const struct {
	uint32_t addr;
	const char *name;
} smn_regs[VG_NUM_SMN_REGS] = {
	{ VG_ADDR(DOORBELL0_CTRL_ENTRY_0), "DOORBELL0_CTRL_ENTRY_0" },
	{ VG_ADDR(DOORBELL0_CTRL_ENTRY_1), "DOORBELL0_CTRL_ENTRY_1" },
	{ VG_ADDR(DOORBELL0_CTRL_ENTRY_2), "DOORBELL0_CTRL_ENTRY_2" },
	{ VG_ADDR(S2A_DOORBELL_ENTRY_1_CTRL), "S2A_DOORBELL_ENTRY_1_CTRL" },
	{ VG_ADDR(S2A_DOORBELL_ENTRY_2_CTRL), "S2A_DOORBELL_ENTRY_2_CTRL" },
	{ VG_ADDR(S2A_DOORBELL_ENTRY_3_CTRL), "S2A_DOORBELL_ENTRY_3_CTRL" },
	{ VG_ADDR(XCC_DOORBELL_FENCE), "XCC_DOORBELL_FENCE" },
	{ VG_ADDR(BIFC_DOORBELL_ACCESS_EN_PF), "BIFC_DOORBELL_ACCESS_EN_PF" },
	{ VG_ADDR(BIFC_GFX_INT_MONITOR_MASK), "BIFC_GFX_INT_MONITOR_MASK" },
};

static uint32_t *smn_target(struct vgpu *vg)
{
	uint32_t smn = vg->regs[VG_ADDR(BIF_BX0_PCIE_INDEX2)];

	for (size_t i = 0; i < VG_COUNT(smn_regs); i++)
		if (smn_regs[i].addr * 4 == smn)
			return &vg_gfx9(vg)->smn[i];
	vg_stop(vg, "access to unknown SMN address 0x%08x", smn);
	return NULL;
}

static uint32_t read_pcie_data(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	uint32_t *p = smn_target(vg);

	return p ? *p : ~0u;
}

static void write_pcie_data(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
			    uint32_t value)
{
	uint32_t *p = smn_target(vg);

	if (p)
		*p = value;
}

/* ---- HDP flushes ---- */

/* The flush that packets have requested is complete: tell the clients that wait for it. */
static void finish_request(struct vgpu *vg)
{
	struct vg_hdp *h = &vg_gfx9(vg)->hdp;

	vg_hdp_flush(vg, VG_HDP_RING);
	vg->regs[VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_DONE)] |= h->clients;
	h->clients = 0;
	vg_sched_wake(vg);
}

void vg_nbio_step(struct vgpu *vg)
{
	struct vg_hdp *h = &vg_gfx9(vg)->hdp;

	if (!h->clients || --h->steps)
		return;
	vg->sched.flushes--;
	finish_request(vg);
}

/*
 * Start a flush.  Each client (engine) has a bit in REQ, and waits for the same bit in DONE.  If a
 * flush is under way, the request becomes part of it, and the flush gets a new number of steps.
 */
static void request_flush(struct vgpu *vg, uint32_t clients)
{
	struct vg_hdp *h = &vg_gfx9(vg)->hdp;
	bool under_way = h->clients;

	vg->regs[VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_DONE)] &= ~clients;
	h->clients |= clients;
	h->steps = vg_random(vg, vg->config.flush_steps);
	if (h->clients && h->steps) {
		vg->sched.flushes += !under_way;
		return;
	}
	vg->sched.flushes -= under_way;
	finish_request(vg);
}

static void write_hdp_req(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	vg->regs[reg->first] = value;
	vg_trace(vg, "hdp-flush by=ring mask=0x%x", value);
	if (vg_gfx9(vg)->hdp.fifo)
		request_flush(vg, value);
	else /* there is nothing to flush */
		vg->regs[VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_DONE)] = value;
}

static void write_remapped(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
			   uint32_t value)
{
	uint32_t remap = index ? VG_ADDR(BIF_BX0_REMAP_HDP_REG_FLUSH_CNTL)
			       : VG_ADDR(BIF_BX0_REMAP_HDP_MEM_FLUSH_CNTL);

	if (vg->regs[remap] != 4 * (reg->first + index))
		vg_stop(vg, "HDP flush at 0x%x, but it is mapped to 0x%x", 4 * (reg->first + index),
			vg->regs[remap]);
	/* The second register flushes writes to registers, which the model never holds. */
	vg_trace(vg, "hdp-flush by=host");
	if (!index)
		vg_hdp_flush(vg, VG_HDP_HOST);
}

/*
 * HDP_MEM_COHERENCY_FLUSH_CNTL at its own address.  The driver writes it there when CPU pages are
 * larger than 4 KiB, because then the driver does not remap it (nbio_v7_9.c:473-483).  The driver
 * uses the name of this register in the first virtual function, which has the same offset.
 */
static void write_flush_cntl(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
			     uint32_t value)
{
	vg_trace(vg, "hdp-flush by=host");
	vg_hdp_flush(vg, VG_HDP_HOST);
}

static_assert(regBIF_BX_PF0_HDP_MEM_COHERENCY_FLUSH_CNTL ==
			      regBIF_BX_DEV0_EPF0_VF0_HDP_MEM_COHERENCY_FLUSH_CNTL &&
		      regBIF_BX_PF0_HDP_MEM_COHERENCY_FLUSH_CNTL_BASE_IDX ==
			      regBIF_BX_DEV0_EPF0_VF0_HDP_MEM_COHERENCY_FLUSH_CNTL_BASE_IDX,
	      "both names are the same register");

/* The mode of the partitions for compute: all XCCs are one partition, or each XCC is one. */
static uint32_t read_compute_partition(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	enum { SPX = 0, CPX = 4 }; /* enum amdgpu_gfx_partition, amdgpu_gfx.h:65 */
	bool together = vg_partition_of(vg, 0).count == vg_num_xccs(vg);

	return VG_FIELD_PREP(BIF_BX_PF0_PARTITION_COMPUTE_STATUS, PARTITION_MODE,
			     together ? SPX : CPX);
}

static void nbio_reset(struct vgpu *vg)
{
	for (size_t i = 0; i < VG_COUNT(vg_gfx9(vg)->smn); i++)
		vg_gfx9(vg)->smn[i] = 0;
	vg_gfx9(vg)->hdp.clients = 0; /* hubs_reset() in gfx9/gmc.c resets sched.flushes */
}

static const struct vg_reg regs[] = {
	VG_REG_PLAIN(BIF_BX_PF0_MM_INDEX),
	VG_REG(BIF_BX_PF0_MM_DATA, read_mm_data, write_mm_data),
	VG_REG_PLAIN(BIF_BX_PF0_MM_INDEX_HI),
	VG_REG_PLAIN(BIF_BX0_PCIE_INDEX2),
	VG_REG(BIF_BX0_PCIE_DATA2, read_pcie_data, write_pcie_data),

	/* The VBIOS and other firmware would write these; there is none, so they are 0. */
	VG_REG_PLAIN(BIF_BX0_BIOS_SCRATCH_4),
	VG_REG_PLAIN(BIF_BX0_BIOS_SCRATCH_7),
	VG_REG_PLAIN(BIF_BX0_DRIVER_SCRATCH_2),

	/* With ATI_REV_ID 0 the driver would refuse the GPU as A0 (amdgpu_device.c:2062-2066). */
	VG_REG_RESET(RCC_STRAP0_RCC_DEV0_EPF0_STRAP0,
		     1u << RCC_STRAP0_RCC_DEV0_EPF0_STRAP0__STRAP_ATI_REV_ID_DEV0_F0__SHIFT),
	VG_REG_RESET(RCC_DEV0_EPF0_RCC_CONFIG_MEMSIZE, VG_VRAM_SIZE >> MIB_SHIFT),
	/* 0: the GPU is no virtual function, so amdgpu_virt.c takes it for a passed-through GPU. */
	VG_REG(RCC_DEV0_EPF0_RCC_IOV_FUNC_IDENTIFIER, NULL, vg_reg_ignore_write),
	/* 0: the GPU is not in BACO (bus active, chip off). */
	VG_REG(BIF_BX0_BACO_CNTL, NULL, vg_reg_ignore_write),
	/* 0: the driver can choose no other way to partition the memory. */
	VG_REG(BIF_BX_PF0_PARTITION_MEM_CAP, NULL, vg_reg_ignore_write),
	/*
	 * The memory is one partition (NPS1).  After a reset the driver restores the partitions of
	 * the XCCs, and fails if this register names no mode that fits them
	 * (aqua_vanjaram.c:332).
	 */
	VG_REG_RESET(BIF_BX_PF0_PARTITION_MEM_STATUS,
		     1u << BIF_BX_PF0_PARTITION_MEM_STATUS__NPS_MODE__SHIFT),
	VG_REG(BIF_BX_PF0_PARTITION_COMPUTE_STATUS, read_compute_partition, vg_reg_ignore_write),

	/*
	 * The registers below switch doorbells, interrupts and VRAM accesses on.  They have no
	 * effect, because the model always lets all of them through.
	 */
	VG_REG_PLAIN(RCC_DEV0_EPF0_RCC_DOORBELL_APER_EN),
	VG_RANGE_PLAIN(BIF_BX_PF0_DOORBELL_SELFRING_GPA_APER_BASE_HIGH,
		       BIF_BX_PF0_DOORBELL_SELFRING_GPA_APER_CNTL),
	VG_REG_PLAIN(BIF_BX0_INTERRUPT_CNTL),
	VG_REG_PLAIN(BIF_BX0_INTERRUPT_CNTL2),
	VG_REG_PLAIN(BIF_BX0_BIF_FB_EN),
	/* The driver's interrupt handler looks for RAS interrupts here; 0: there is none. */
	VG_REG(BIF_BX0_BIF_DOORBELL_INT_CNTL, NULL, vg_reg_ignore_write),

	VG_REG(BIF_BX_PF0_GPU_HDP_FLUSH_REQ, NULL, write_hdp_req),
	VG_REG(BIF_BX_PF0_GPU_HDP_FLUSH_DONE, NULL, vg_reg_ignore_write),
	VG_REG_PLAIN(BIF_BX0_REMAP_HDP_MEM_FLUSH_CNTL),
	VG_REG_PLAIN(BIF_BX0_REMAP_HDP_REG_FLUSH_CNTL),
	{ .first = VG_REMAPPED_HDP_FLUSH / 4,
	  .count = 2,
	  .name = "REMAPPED_HDP_FLUSH",
	  .write = write_remapped },
	VG_REG(BIF_BX_PF0_HDP_MEM_COHERENCY_FLUSH_CNTL, NULL, write_flush_cntl),
};

const struct vg_block vg_nbio_block = {
	.name = "nbio",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
	.reset = nbio_reset,
};
