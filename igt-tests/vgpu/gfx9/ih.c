/* SPDX-License-Identifier: MIT */
/*
 * Interrupt handler (IH), the unit that writes a vector to ring 0 and then fires the MSI.  The
 * layout is that of amdgpu_ih_decode_iv_helper() (amdgpu_ih.c:263-298), the
 * overflow rules are those of vega20_ih_get_wptr() (vega20_ih.c:412-466).
 */
#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_oss.h"

enum {
	IV_DWORDS = 8,
	IV_BYTES = 4 * IV_DWORDS,
	MC_SPACE_GPUVM = 4, /* the ring has a GPU address, else a bus address: vega20_ih.c:199 */
};

/* The IH writes through the MMHUB, as the client "OSS" (gmc_v9_0.c:311). */
static const struct vg_port ih_port = { .hub = VG_MMHUB, .cid = 384 };

static uint32_t cntl(const struct vgpu *vg)
{
	return vg->regs[VG_ADDR(IH_RB_CNTL)];
}

static uint32_t ring_bytes(const struct vgpu *vg)
{
	return 4u << VG_FIELD(cntl(vg), IH_RB_CNTL, RB_SIZE);
}

static int ring_write(struct vgpu *vg, uint64_t addr, const void *buf, size_t len)
{
	if (VG_FIELD(cntl(vg), IH_RB_CNTL, MC_SPACE) == MC_SPACE_GPUVM)
		return vg_mem_write(vg, &ih_port, 0, addr, buf, len);
	return vg_bus_write(vg, addr, buf, len);
}

static unsigned int vmid_pasid(const struct vgpu *vg, const struct vg_iv *iv)
{
	uint32_t entry = iv->mmhub ? vg->regs[VG_ADDR(IH_VMID_0_LUT_MM) + iv->vmid]
				   : vg_gfx9(vg)->ih.lut[iv->node - VG_NODE_XCC0][iv->vmid];

	return VG_FIELD(entry, IH_VMID_0_LUT, PASID);
}

static void encode(const struct vgpu *vg, const struct vg_iv *iv, uint32_t *dw)
{
	enum { SOURCE = 8, RING = 16, VMID = 24, VMID_SRC = 31, NODE = 16 };
	uint64_t now = vg_gpu_clock(vg);

	dw[0] = iv->client | iv->source << SOURCE | iv->ring << RING | (uint32_t)iv->vmid << VMID |
		(uint32_t)iv->mmhub << VMID_SRC;
	dw[1] = vg_lo(now);
	dw[2] = vg_hi(now) & VG_BITS(15, 0);
	dw[3] = vmid_pasid(vg, iv) | (uint32_t)iv->node << NODE;
	for (unsigned int i = 0; i < VG_COUNT(iv->data); i++)
		dw[4 + i] = iv->data[i];
}

/* Store the write pointer and the overflow bit where the driver reads them. */
static void publish_wptr(struct vgpu *vg)
{
	uint32_t wptr = vg_gfx9(vg)->ih.wptr;
	uint64_t addr = vg_u64(vg->regs[VG_ADDR(IH_RB_WPTR_ADDR_LO)],
			       vg->regs[VG_ADDR(IH_RB_WPTR_ADDR_HI)] & VG_BITS(15, 0));

	if (vg_gfx9(vg)->ih.overflow)
		wptr |= VG_FIELD_PREP(IH_RB_WPTR, RB_OVERFLOW, 1);
	vg->regs[VG_ADDR(IH_RB_WPTR)] = wptr;
	if (VG_FIELD(cntl(vg), IH_RB_CNTL, WPTR_WRITEBACK_ENABLE))
		ring_write(vg, addr, &wptr, sizeof(wptr));
}

void vg_ih_raise(struct vgpu *vg, const struct vg_iv *iv)
{
	uint64_t base = (uint64_t)vg->regs[VG_ADDR(IH_RB_BASE_HI)] << 40 |
			(uint64_t)vg->regs[VG_ADDR(IH_RB_BASE)] << 8;
	uint32_t dw[IV_DWORDS];
	uint32_t next;

	vg_trace(vg, "iv client=0x%x source=%u ring=0x%x vmid=%u node=%u data0=0x%x enabled=%u",
		 iv->client, iv->source, iv->ring, iv->vmid, iv->node, iv->data[0],
		 VG_FIELD(cntl(vg), IH_RB_CNTL, RB_ENABLE));
	if (!VG_FIELD(cntl(vg), IH_RB_CNTL, RB_ENABLE))
		return;
	encode(vg, iv, dw);
	if (ring_write(vg, base + vg_gfx9(vg)->ih.wptr, dw, sizeof(dw)))
		return;
	next = (vg_gfx9(vg)->ih.wptr + IV_BYTES) & (ring_bytes(vg) - 1);
	/*
	 * If the ring is full, the next vector overwrites the oldest one, and the overflow bit
	 * tells that to the driver.
	 */
	if (next == vg->regs[VG_ADDR(IH_RB_RPTR)] &&
	    VG_FIELD(cntl(vg), IH_RB_CNTL, WPTR_OVERFLOW_ENABLE)) {
		vg_gfx9(vg)->ih.overflow = true;
		vg_trace(vg, "ih-overflow wptr=0x%x", next);
	}
	vg_gfx9(vg)->ih.wptr = next;
	publish_wptr(vg);
	if (VG_FIELD(cntl(vg), IH_RB_CNTL, ENABLE_INTR) && !vg_inject(vg, VG_INJECT_LOST_INTERRUPT))
		vg->ops->raise_irq(vg->host);
}

static void write_cntl(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	if (VG_FIELD(value, IH_RB_CNTL, WPTR_OVERFLOW_CLEAR) && vg_gfx9(vg)->ih.overflow) {
		vg_gfx9(vg)->ih.overflow = false;
		vg->regs[reg->first] = value;
		publish_wptr(vg);
	}
	vg->regs[reg->first] = value;
}

static void write_wptr(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	vg_gfx9(vg)->ih.wptr = value & VG_BITS(17, 2);
	vg_gfx9(vg)->ih.overflow = false;
	vg->regs[reg->first] = vg_gfx9(vg)->ih.wptr;
}

bool vg_ih_doorbell(struct vgpu *vg, uint32_t index, uint64_t value)
{
	uint32_t db = vg->regs[VG_ADDR(IH_DOORBELL_RPTR)];

	if (!VG_FIELD(db, IH_DOORBELL_RPTR, ENABLE) ||
	    VG_FIELD(db, IH_DOORBELL_RPTR, OFFSET) != index)
		return false;
	vg->regs[VG_ADDR(IH_RB_RPTR)] = value;
	return true;
}

void vg_ih_set_pasid(struct vgpu *vg, unsigned int vmid, unsigned int pasid)
{
	for (unsigned int xcc = 0; xcc < vg_num_xccs(vg); xcc++)
		vg_gfx9(vg)->ih.lut[xcc][vmid] = pasid;
	vg->regs[VG_ADDR(IH_VMID_0_LUT_MM) + vmid] = pasid;
}

/*
 * Each XCC has a table of PASIDs.  IH_VMID_LUT_INDEX selects the table by the number of the die
 * (amdgpu_amdkfd_gc_9_4_3.c:261).  While the register names the I/O die, a write goes to the
 * tables of all its XCCs, because gmc_v9_0_emit_pasid_mapping() does not set the register.
 */
static bool selects(struct vgpu *vg, unsigned int xcc)
{
	uint32_t die = VG_FIELD(vg->regs[VG_ADDR(IH_VMID_LUT_INDEX)], IH_VMID_LUT_INDEX, INDEX);

	if (die > VG_NODE_XCC0 + vg_num_xccs(vg) - 1)
		vg_stop(vg, "IH_VMID_LUT_INDEX names die %u, which is not there", die);
	return die == VG_NODE_AID0 || die == VG_NODE_XCC0 + xcc;
}

static uint32_t read_lut(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	for (unsigned int xcc = 0; xcc < vg_num_xccs(vg); xcc++)
		if (selects(vg, xcc))
			return vg_gfx9(vg)->ih.lut[xcc][index];
	return ~0u;
}

static void write_lut(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	for (unsigned int xcc = 0; xcc < vg_num_xccs(vg); xcc++)
		if (selects(vg, xcc))
			vg_gfx9(vg)->ih.lut[xcc][index] = value;
}

static void ih_reset(struct vgpu *vg)
{
	vg_gfx9(vg)->ih = (struct vg_ih){ 0 };
}

static const struct vg_reg regs[] = {
	VG_REG(IH_RB_CNTL, NULL, write_cntl),
	VG_RANGE_PLAIN(IH_RB_BASE, IH_RB_RPTR),
	VG_REG(IH_RB_WPTR, NULL, write_wptr),
	VG_RANGE_PLAIN(IH_RB_WPTR_ADDR_HI, IH_RB_WPTR_ADDR_LO),
	VG_REG_PLAIN(IH_DOORBELL_RPTR),
	/*
	 * The driver sets up ring 1 and the retry CAM for retry faults, which the model
	 * never raises.
	 */
	VG_REG_PLAIN(IH_DOORBELL_RETRY_CAM),
	VG_RANGE_PLAIN(IH_RB_CNTL_RING1, IH_RB_WPTR_RING1),
	VG_REG_PLAIN(IH_DOORBELL_RPTR_RING1),
	VG_REG_PLAIN(IH_RETRY_INT_CAM_CNTL),
	/*
	 * The PASIDs of the VMIDs, which the IH puts into its vectors.  The table of the MMHUB
	 * exists once, because there is one I/O die.
	 */
	VG_REGS(VG_NUM_VMIDS, IH_VMID_0_LUT, read_lut, write_lut),
	VG_REGS(VG_NUM_VMIDS, IH_VMID_0_LUT_MM, NULL, NULL),
	VG_REG_PLAIN(IH_VMID_LUT_INDEX),
	/* These set up clock gating and bus addresses, and have no effect in the model. */
	VG_REG_PLAIN(IH_CLK_CTRL),
	VG_REG_PLAIN(IH_CHICKEN),
};

const struct vg_block vg_ih_block = {
	.name = "ih",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
	.reset = ih_reset,
};
