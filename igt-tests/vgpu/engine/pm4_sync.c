/* SPDX-License-Identifier: MIT */
/* PM4 packets that wait, signal and set registers. */
#include "core/bits.h"
#include "core/gpu.h"
#include "engine/pkt_pm4.h"
#include "engine/pm4.h"

/* ---- WAIT_REG_MEM ---- */

static bool compare(uint32_t function, uint32_t value, uint32_t reference)
{
	switch (function) {
	case PM4_WAIT_ALWAYS:
		return true;
	case PM4_WAIT_LESS:
		return value < reference;
	case PM4_WAIT_LESS_EQUAL:
		return value <= reference;
	case PM4_WAIT_EQUAL:
		return value == reference;
	case PM4_WAIT_NOT_EQUAL:
		return value != reference;
	case PM4_WAIT_GREATER_EQUAL:
		return value >= reference;
	case PM4_WAIT_GREATER:
		return value > reference;
	}
	return false;
}

enum vg_result vg_pm4_wait_reg_mem(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				   unsigned int n)
{
	/* Bits 1:0 of the address field are not part of the address. */
	enum { DWORD_MASK = 3 };
	const struct pm4_wait_reg_mem *p = (const void *)body;
	uint32_t function = VG_GET(WAIT_REG_MEM_FUNC, p->control);
	uint32_t space = VG_GET(WAIT_REG_MEM_SPACE, p->control);
	uint32_t operation = VG_GET(WAIT_REG_MEM_OPER, p->control);
	uint32_t reg = p->addr_lo;
	uint32_t value;

	if (function > PM4_WAIT_GREATER || space > PM4_SPACE_MEMORY || operation == 2 ||
	    (operation == PM4_WRITE_WAIT && space != PM4_SPACE_REGISTER))
		return vg_queue_unknown(vg, q, "WAIT_REG_MEM", p->control);
	if (operation == PM4_WRITE_WAIT) {
		reg = p->addr_hi;
		if (!q->progress && !vg_pm4_reg_write(vg, q, p->addr_lo, p->reference))
			return VG_PAGE_FAULT;
		q->progress = 1; /* do not write again when the packet is executed again */
	}
	if (space == PM4_SPACE_REGISTER) {
		if (!vg_pm4_reg_read(vg, q, reg, &value))
			return VG_PAGE_FAULT;
	} else if (vg_mem_read32(vg, &q->port, vg_queue_vmid(q),
				 vg_u64(p->addr_lo & ~DWORD_MASK, p->addr_hi), &value)) {
		return VG_PAGE_FAULT;
	}
	return compare(function, value & p->mask, p->reference) ? VG_DONE : VG_WAIT;
}

/* ---- RELEASE_MEM ---- */

static int release_data(struct vgpu *vg, struct vg_queue *q, const struct pm4_release_mem *p)
{
	uint64_t addr = vg_u64(p->addr_lo, p->addr_hi);
	unsigned int vmid = vg_queue_vmid(q);

	switch (VG_GET(RELEASE_MEM_DATA, p->control)) {
	case PM4_DATA_LOW32:
		return vg_mem_write32(vg, &q->port, vmid, addr, p->data_lo);
	case PM4_DATA_64:
		return vg_mem_write64(vg, &q->port, vmid, addr, vg_u64(p->data_lo, p->data_hi));
	case PM4_DATA_CLOCK:
		return vg_mem_write64(vg, &q->port, vmid, addr, vg_gpu_clock(vg));
	}
	return 0;
}

enum vg_result vg_pm4_release_mem(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				  unsigned int n)
{
	const struct pm4_release_mem *p = (const void *)body;
	uint32_t interrupt = VG_GET(RELEASE_MEM_INT, p->control);

	/* Destinations 0 and 1 are memory.  The queue's write pointer (2, 3) is not modelled. */
	if (VG_GET(RELEASE_MEM_DATA, p->control) > PM4_DATA_CLOCK ||
	    VG_GET(RELEASE_MEM_DST, p->control) > 1 || interrupt > PM4_INT_UNCONDITIONAL)
		return vg_queue_unknown(vg, q, "RELEASE_MEM", p->control);
	if (release_data(vg, q, p))
		return VG_PAGE_FAULT;
	if (interrupt != PM4_INT_NONE && interrupt != PM4_INT_DATA_AFTER_WRITE)
		vg->chip->pm4->end_of_pipe(vg, q, vg_queue_vmid(q), p->int_ctxid);
	return VG_DONE;
}

/* ---- SET_*_REG ---- */

static enum vg_result set_regs(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
			       unsigned int n, uint32_t base, uint32_t end)
{
	uint32_t reg = base + VG_GET(SET_REG_OFFSET, body[0]);

	if (reg + n - 1 > end)
		return vg_queue_unknown(vg, q, "register range from", reg);
	for (unsigned int i = 1; i < n; i++)
		if (!vg_pm4_reg_write(vg, q, reg + i - 1, body[i]))
			return VG_PAGE_FAULT;
	return VG_DONE;
}

enum vg_result vg_pm4_set_sh_reg(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				 unsigned int n)
{
	return set_regs(vg, q, body, n, PM4_SH_REG_BASE, PM4_SH_REG_END);
}

enum vg_result vg_pm4_set_uconfig_reg(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				      unsigned int n)
{
	return set_regs(vg, q, body, n, PM4_UCONFIG_REG_BASE, PM4_UCONFIG_REG_END);
}
