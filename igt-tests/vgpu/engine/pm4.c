/* SPDX-License-Identifier: MIT */
/*
 * PM4 decoder: the length of packets, the table of packets, and registers by the
 * numbers that packets use.
 */
#include "core/bits.h"
#include "core/gpu.h"
#include "engine/pkt_pm4.h"
#include "engine/pm4.h"

/* ---- packets with little or no effect ---- */

static enum vg_result nop(struct vgpu *vg, struct vg_queue *q, const uint32_t *body, unsigned int n)
{
	return VG_DONE;
}

/*
 * There is nothing to do, because the model has no caches.  The packet does not flush the host data
 * path (HDP), which is not among the caches that the packet names (soc15d.h:403-416); the driver
 * flushes the HDP by WAIT_REG_MEM (gfx_v9_4_3.c:2933-2947).
 */
static enum vg_result acquire_mem(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				  unsigned int n)
{
	return VG_DONE;
}

/*
 * A pipeline flush is complete at once, because there are no shaders.  Events with
 * an address would write counters to memory, which is not modelled.
 */
static enum vg_result event_write(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				  unsigned int n)
{
	if (n == 1)
		return VG_DONE;
	vg_stop(vg, "%s: EVENT_WRITE 0x%08x with an address", q->name, body[0]);
	return VG_PAGE_FAULT;
}

/* Only the XCCs whose numbers are in the mask execute the next dwords; the others skip them. */
static enum vg_result pred_exec(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				unsigned int n)
{
	const struct pm4_pred_exec *p = (const void *)body;
	uint32_t xccs = VG_GET(PRED_EXEC_XCCS, p->control);

	if (!(xccs >> vg->chip->pm4->xcc_number(vg, q) & 1))
		q->skip = VG_GET(PRED_EXEC_COUNT, p->control);
	return VG_DONE;
}

static enum vg_result indirect_buffer(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				      unsigned int n)
{
	const struct pm4_indirect_buffer *p = (const void *)body;
	unsigned int vmid = VG_GET(IB_VMID, p->control);
	uint32_t size = VG_GET(IB_SIZE, p->control);

	if (q->vmid && vmid && vmid != q->vmid) {
		vg_stop(vg, "%s: IB of vmid %u in a queue of vmid %u", q->name, vmid, q->vmid);
		return VG_PAGE_FAULT;
	}
	if (!size)
		return VG_DONE;
	return vg_queue_enter_ib(vg, q, vmid ? vmid : vg_queue_vmid(q),
				 vg_u64(p->base_lo, p->base_hi), size,
				 VG_GET(IB_CHAIN, p->control));
}

/* ---- the table ---- */

#define BODY(type) PM4_DWORDS(struct pm4_##type)

static const struct vg_pm4_op packets[] = {
	{ PM4_NOP, "NOP", 1, false, nop },
	{ PM4_ATOMIC_MEM, "ATOMIC_MEM", BODY(atomic_mem), false, vg_pm4_atomic_mem },
	{ PM4_PRED_EXEC, "PRED_EXEC", BODY(pred_exec), false, pred_exec },
	{ PM4_WRITE_DATA, "WRITE_DATA", BODY(write_data), false, vg_pm4_write_data },
	{ PM4_WAIT_REG_MEM, "WAIT_REG_MEM", BODY(wait_reg_mem), false, vg_pm4_wait_reg_mem },
	{ PM4_INDIRECT_BUFFER, "INDIRECT_BUFFER", BODY(indirect_buffer), false, indirect_buffer },
	{ PM4_COPY_DATA, "COPY_DATA", BODY(copy_data), false, vg_pm4_copy_data },
	{ PM4_EVENT_WRITE, "EVENT_WRITE", 1, false, event_write },
	{ PM4_RELEASE_MEM, "RELEASE_MEM", BODY(release_mem), false, vg_pm4_release_mem },
	{ PM4_DMA_DATA, "DMA_DATA", BODY(dma_data), false, vg_pm4_dma_data },
	{ PM4_ACQUIRE_MEM, "ACQUIRE_MEM", BODY(acquire_mem), false, acquire_mem },
	{ PM4_SET_SH_REG, "SET_SH_REG", 2, false, vg_pm4_set_sh_reg },
	{ PM4_SET_UCONFIG_REG, "SET_UCONFIG_REG", 2, false, vg_pm4_set_uconfig_reg },
};

const struct vg_pm4_table vg_pm4_packets = { packets, VG_COUNT(packets) };

static const struct vg_pm4_op *find_in(const struct vg_pm4_table *table, uint32_t opcode)
{
	for (size_t i = 0; i < table->num; i++)
		if (table->op[i].opcode == opcode)
			return &table->op[i];
	return NULL;
}

static const struct vg_pm4_op *find_op(const struct vgpu *vg, uint32_t header)
{
	uint32_t opcode = VG_GET(PM4_OPCODE, header);
	const struct vg_pm4_op *op = find_in(&vg_pm4_packets, opcode);

	return op ? op : find_in(vg->chip->pm4->scheduler, opcode);
}

/* ---- engine hooks ---- */

unsigned int vg_pm4_length(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			   unsigned int n)
{
	uint32_t header = packet[0];

	if (VG_GET(PM4_TYPE, header) == PM4_TYPE2)
		return 1;
	if (VG_GET(PM4_TYPE, header) != PM4_TYPE3) {
		/*
		 * A header of 0 may come from the default page, which has zeros
		 * (drivers/gpu/drm/ttm/ttm_device.c:102).  No source says how the micro engine
		 * handles them, so the model stops.
		 */
		bool default_page = !header && q->port.kernel && vg_queue_vmid(q);

		vg_stop(vg, "%s: 0x%08x at dword %llu of %s is no packet header%s", q->name, header,
			(unsigned long long)(q->ib_depth ? q->ib[q->ib_depth - 1].pos : q->rptr),
			q->ib_depth ? "its IB" : "the ring",
			default_page ? ", perhaps after a GPU page fault" : "");
		return 0;
	}
	if (VG_GET(PM4_OPCODE, header) == PM4_NOP && VG_GET(PM4_COUNT, header) == PM4_NOP_ONE_DWORD)
		return 1;
	return 2 + VG_GET(PM4_COUNT, header);
}

enum vg_result vg_pm4_execute(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			      unsigned int n)
{
	const struct vg_pm4_op *op;
	unsigned int body = n - 1;

	if (n == 1) /* filler */
		return VG_DONE;
	op = find_op(vg, packet[0]);
	if (!op) {
		vg_stop(vg, "%s: unknown packet 0x%02x (header 0x%08x)", q->name,
			VG_GET(PM4_OPCODE, packet[0]), packet[0]);
		return VG_PAGE_FAULT;
	}
	if (body < op->min_body) {
		vg_stop(vg, "%s: %s of %u dwords", q->name, op->name, body);
		return VG_PAGE_FAULT;
	}
	if (op->privileged && vg_queue_vmid(q)) {
		vg_stop(vg, "%s: %s from vmid %u", q->name, op->name, vg_queue_vmid(q));
		return VG_PAGE_FAULT;
	}
	if (!q->progress && !q->waiting && op->opcode != PM4_NOP)
		vg_trace(vg, "packet queue=%s vmid=%u op=%s dwords=%u body=%x,%x,%x,%x", q->name,
			 vg_queue_vmid(q), op->name, n, packet[1], n > 2 ? packet[2] : 0,
			 n > 3 ? packet[3] : 0, n > 4 ? packet[4] : 0);
	return op->execute(vg, q, packet + 1, body);
}

/* ---- registers ---- */

static bool may_access(struct vgpu *vg, struct vg_queue *q, uint32_t reg)
{
	if (!vg_queue_vmid(q))
		return true;
	vg_stop(vg, "%s: packet from vmid %u accesses register 0x%x", q->name, vg_queue_vmid(q),
		reg);
	return false;
}

bool vg_pm4_reg_read(struct vgpu *vg, struct vg_queue *q, uint32_t reg, uint32_t *value)
{
	if (!may_access(vg, q, reg))
		return false;
	*value = vg_reg_read(vg, vg->chip->pm4->reg_address(q, reg));
	return !vgpu_stopped(vg);
}

bool vg_pm4_reg_write(struct vgpu *vg, struct vg_queue *q, uint32_t reg, uint32_t value)
{
	if (!may_access(vg, q, reg))
		return false;
	vg_reg_write(vg, vg->chip->pm4->reg_address(q, reg), value);
	return !vgpu_stopped(vg);
}
