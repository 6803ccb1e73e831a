/* SPDX-License-Identifier: MIT */
/* PM4 packets that move data. */
#include <string.h>

#include "core/bits.h"
#include "core/gpu.h"
#include "engine/atomic.h"
#include "engine/pkt_pm4.h"
#include "engine/pm4.h"

/* A step moves at most so many bytes, so that other queues get their turn. */
enum { SLICE = VG_PAGE_SIZE };

static bool is_memory(uint32_t sel)
{
	return sel == PM4_SEL_MEMORY_GRBM || sel == PM4_SEL_TC_L2 || sel == PM4_SEL_MEMORY;
}

/* ---- WRITE_DATA ---- */

static enum vg_result write_registers(struct vgpu *vg, struct vg_queue *q, uint32_t reg,
				      const uint32_t *data, unsigned int n, bool one)
{
	for (unsigned int i = 0; i < n; i++)
		if (!vg_pm4_reg_write(vg, q, one ? reg : reg + i, data[i]))
			return VG_PAGE_FAULT;
	return VG_DONE;
}

enum vg_result vg_pm4_write_data(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				 unsigned int n)
{
	const struct pm4_write_data *p = (const void *)body;
	unsigned int dwords = n - PM4_DWORDS(*p);
	uint32_t dst = VG_GET(WRITE_DATA_DST, p->control);
	bool one = VG_GET(WRITE_DATA_ONE_ADDR, p->control);
	uint64_t addr = vg_u64(p->dst_lo, p->dst_hi);
	size_t bytes = 4ull * dwords - q->progress;

	if (dst == PM4_SEL_REGISTER)
		return write_registers(vg, q, p->dst_lo, p->data, dwords, one);
	if (!is_memory(dst))
		return vg_queue_unknown(vg, q, "WRITE_DATA destination", p->control);
	if (one) { /* all dwords go to one address, so store only the last one */
		if (dwords &&
		    vg_mem_write32(vg, &q->port, vg_queue_vmid(q), addr, p->data[dwords - 1]))
			return VG_PAGE_FAULT;
		return VG_DONE;
	}
	if (bytes > SLICE)
		bytes = SLICE;
	if (vg_mem_write(vg, &q->port, vg_queue_vmid(q), addr + q->progress,
			 (const uint8_t *)p->data + q->progress, bytes))
		return VG_PAGE_FAULT;
	q->progress += bytes;
	return q->progress == 4ull * dwords ? VG_DONE : VG_MORE;
}

/* ---- COPY_DATA ---- */

enum vg_result vg_pm4_copy_data(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				unsigned int n)
{
	const struct pm4_copy_data *p = (const void *)body;
	uint32_t src = VG_GET(COPY_DATA_SRC, p->control);
	uint32_t dst = VG_GET(COPY_DATA_DST, p->control);
	bool wide = VG_GET(COPY_DATA_64BIT, p->control);
	unsigned int vmid = vg_queue_vmid(q);
	size_t bytes = wide ? 8 : 4;
	uint32_t value[2] = { p->src_lo, p->src_hi };
	uint64_t now = vg_gpu_clock(vg);

	switch (src) {
	case PM4_SEL_REGISTER:
		if (!vg_pm4_reg_read(vg, q, p->src_lo, &value[0]) ||
		    (wide && !vg_pm4_reg_read(vg, q, p->src_lo + 1, &value[1])))
			return VG_PAGE_FAULT;
		break;
	case PM4_SEL_MEMORY_GRBM:
	case PM4_SEL_TC_L2:
		if (vg_mem_read(vg, &q->port, vmid, vg_u64(p->src_lo, p->src_hi), value, bytes))
			return VG_PAGE_FAULT;
		break;
	case PM4_SEL_IMMEDIATE:
		break;
	case PM4_SEL_CLOCK:
		memcpy(value, &now, sizeof(value));
		break;
	default:
		return vg_queue_unknown(vg, q, "COPY_DATA source", p->control);
	}

	if (dst == PM4_SEL_REGISTER)
		return write_registers(vg, q, p->dst_lo, value, bytes / 4, false);
	if (!is_memory(dst))
		return vg_queue_unknown(vg, q, "COPY_DATA destination", p->control);
	return vg_mem_write(vg, &q->port, vmid, vg_u64(p->dst_lo, p->dst_hi), value, bytes)
		       ? VG_PAGE_FAULT
		       : VG_DONE;
}

/* ---- DMA_DATA ---- */

static bool dma_is_plain(const struct pm4_dma_data *p)
{
	return !VG_GET(DMA_DATA_SRC_REGISTER, p->command) &&
	       !VG_GET(DMA_DATA_DST_REGISTER, p->command) &&
	       !VG_GET(DMA_DATA_SRC_NO_INC, p->command) && !VG_GET(DMA_DATA_DST_NO_INC, p->command);
}

enum vg_result vg_pm4_dma_data(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
			       unsigned int n)
{
	const struct pm4_dma_data *p = (const void *)body;
	uint32_t src = VG_GET(DMA_DATA_SRC, p->control);
	uint32_t dst = VG_GET(DMA_DATA_DST, p->control);
	uint64_t total = VG_GET(DMA_DATA_BYTES, p->command);
	uint64_t left = total - q->progress;
	size_t bytes = left < SLICE ? left : SLICE;
	unsigned int vmid = vg_queue_vmid(q);
	uint32_t buf[SLICE / 4];

	if (!dma_is_plain(p) || (dst != PM4_DMA_ADDRESS && dst != PM4_DMA_L2))
		return vg_queue_unknown(vg, q, "DMA_DATA command", p->command);
	if (src == PM4_DMA_DATA_SRC) {
		for (size_t i = 0; i < VG_COUNT(buf); i++)
			buf[i] = p->src_lo;
	} else if (src == PM4_DMA_ADDRESS || src == PM4_DMA_L2) {
		if (vg_mem_read(vg, &q->port, vmid, q->progress + vg_u64(p->src_lo, p->src_hi), buf,
				bytes))
			return VG_PAGE_FAULT;
	} else {
		return vg_queue_unknown(vg, q, "DMA_DATA source", p->control);
	}
	if (vg_mem_write(vg, &q->port, vmid, q->progress + vg_u64(p->dst_lo, p->dst_hi), buf,
			 bytes))
		return VG_PAGE_FAULT;
	q->progress += bytes;
	return q->progress == total ? VG_DONE : VG_MORE;
}

/* ---- ATOMIC_MEM ---- */

enum vg_result vg_pm4_atomic_mem(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				 unsigned int n)
{
	const struct pm4_atomic_mem *p = (const void *)body;
	uint32_t command = VG_GET(ATOMIC_MEM_COMMAND, p->control);
	struct vg_atomic a;
	uint64_t old;

	if (!vg_atomic_decode(&a, VG_GET(ATOMIC_MEM_OP, p->control)) ||
	    command > PM4_ATOMIC_UNTIL_EQUAL)
		return vg_queue_unknown(vg, q, "ATOMIC_MEM", p->control);
	a.src = vg_u64(p->src_lo, a.wide ? p->src_hi : 0);
	a.cmp = vg_u64(p->cmp_lo, a.wide ? p->cmp_hi : 0);
	if (vg_mem_atomic(vg, &q->port, vg_queue_vmid(q), vg_u64(p->addr_lo, p->addr_hi),
			  vg_atomic_size(&a), vg_atomic_apply, &a, &old))
		return VG_PAGE_FAULT;
	if (command == PM4_ATOMIC_UNTIL_EQUAL && old != a.cmp)
		return VG_WAIT;
	return VG_DONE;
}
