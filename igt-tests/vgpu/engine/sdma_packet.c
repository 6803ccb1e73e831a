// SPDX-License-Identifier: MIT
/* The packets of SDMA. */
#include <stdio.h>

#include "core/bits.h"
#include "core/gpu.h"
#include "engine/atomic.h"
#include "engine/pkt_sdma.h"
#include "engine/sdma.h"
#include "vega10_enum.h"

enum {
	PTE_SIZE = 8,
	PTES_PER_SLICE = VG_PAGE_SIZE / PTE_SIZE,
	SRBM_ALL_BYTES = 0xf,
	FILL_BYTES = 0,
	FILL_DWORDS = 2,
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Returns the number of bytes from @va to the end of its page.  A long packet does one
 * page in a step, so that other queues get their turn.  For a copy this is a page of the
 * source: if the source faults, everything before the faulting page has been copied, and
 * nothing behind it.
 */
static uint64_t to_page_end(uint64_t va)
{
	return VG_PAGE_SIZE - va % VG_PAGE_SIZE;
}

static enum vg_result advance(struct vg_queue *q, uint64_t by, uint64_t total)
{
	q->progress += by;
	return q->progress == total ? VG_DONE : VG_MORE;
}

static enum vg_result stop(struct vgpu *vg, const struct vg_queue *q, const uint32_t *packet,
			   const char *what)
{
	vg_stop(vg, "%s: packet 0x%08x 0x%08x: %s", q->name, packet[0], packet[1], what);
	return VG_PAGE_FAULT;
}

/* Only packets of VMID 0 may access registers. */
static bool privileged(const struct vg_queue *q)
{
	return vg_queue_vmid(q) == 0;
}

static enum vg_result op_nop(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	return VG_DONE;
}

static enum vg_result op_copy(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_copy_linear *p = (const void *)packet;
	uint64_t total = (uint64_t)VG_GET(VG_SDMA_COPY_COUNT, p->count) + 1;
	uint64_t src = vg_u64(p->src_lo, p->src_hi) + q->progress;
	uint64_t dst = vg_u64(p->dst_lo, p->dst_hi) + q->progress;
	uint64_t n = min_u64(total - q->progress, to_page_end(src));
	unsigned int vmid = vg_queue_vmid(q);
	uint8_t buf[VG_PAGE_SIZE];

	if (p->parameter || p->count & ~VG_SDMA_COPY_COUNT)
		return stop(vg, q, packet, "COPY with unknown parameters");
	if (vg_mem_read(vg, &q->port, vmid, src, buf, n) ||
	    vg_mem_write(vg, &q->port, vmid, dst, buf, n))
		return VG_PAGE_FAULT;
	return advance(q, n, total);
}

static unsigned int write_extra(const uint32_t *packet)
{
	const struct vg_sdma_write *p = (const void *)packet;

	return VG_GET(VG_SDMA_WRITE_COUNT, p->count) + 1;
}

static enum vg_result op_write(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_write *p = (const void *)packet;
	uint64_t total = 4ull * write_extra(packet);
	uint64_t dst = vg_u64(p->dst_lo, p->dst_hi) + q->progress;
	uint64_t n = min_u64(total - q->progress, to_page_end(dst));

	if (p->count & ~VG_SDMA_WRITE_COUNT || dst % 4)
		return stop(vg, q, packet, "WRITE with unknown parameters");
	if (vg_mem_write(vg, &q->port, vg_queue_vmid(q), dst,
			 (const uint8_t *)p->data + q->progress, n))
		return VG_PAGE_FAULT;
	return advance(q, n, total);
}

static enum vg_result op_indirect(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_indirect *p = (const void *)packet;
	unsigned int vmid = VG_GET(VG_SDMA_INDIRECT_VMID, p->header);

	if (!vmid)
		vmid = vg_queue_vmid(q);
	if (vmid != vg_queue_vmid(q) && !privileged(q))
		return stop(vg, q, packet, "user IB for another VMID");
	return vg_queue_enter_ib(vg, q, vmid, vg_u64(p->base_lo, p->base_hi),
				 VG_GET(VG_SDMA_INDIRECT_SIZE, p->size), false);
}

static enum vg_result op_fence(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_fence *p = (const void *)packet;
	uint64_t va = vg_u64(p->addr_lo, p->addr_hi);

	return vg_mem_write32(vg, &q->port, vg_queue_vmid(q), va, p->data) ? VG_PAGE_FAULT
									   : VG_DONE;
}

static enum vg_result op_trap(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_trap *p = (const void *)packet;

	vg->chip->sdma->trap(vg, q, VG_GET(VG_SDMA_TRAP_INT_CONTEXT, p->int_context));
	return VG_DONE;
}

static bool poll_true(enum vg_sdma_poll_func func, uint32_t value, uint32_t ref)
{
	switch (func) {
	case VG_SDMA_POLL_ALWAYS:
		return true;
	case VG_SDMA_POLL_LT:
		return value < ref;
	case VG_SDMA_POLL_LE:
		return value <= ref;
	case VG_SDMA_POLL_EQ:
		return value == ref;
	case VG_SDMA_POLL_NE:
		return value != ref;
	case VG_SDMA_POLL_GE:
		return value >= ref;
	case VG_SDMA_POLL_GT:
		return value > ref;
	}
	return false;
}

/* Read the register that a POLL_REGMEM polls.  With HDP_FLUSH first write the request register. */
static enum vg_result poll_register(struct vgpu *vg, struct vg_queue *q,
				    const struct vg_sdma_poll_regmem *p, uint32_t *value)
{
	const uint32_t *packet = &p->header;

	if (!privileged(q))
		return stop(vg, q, packet, "register poll outside VMID 0");
	if (p->header & VG_SDMA_POLL_HDP_FLUSH)
		vg_reg_write(vg, p->addr_hi / 4, p->value);
	else if (p->addr_hi)
		return stop(vg, q, packet, "register poll with an upper address");
	*value = vg_reg_read(vg, p->addr_lo / 4);
	return vgpu_stopped(vg) ? VG_PAGE_FAULT : VG_DONE;
}

static enum vg_result op_poll_regmem(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_poll_regmem *p = (const void *)packet;
	enum vg_sdma_poll_func func = VG_GET(VG_SDMA_POLL_FUNC, p->header);
	enum vg_result result = VG_DONE;
	uint32_t value;

	if (p->header == VG_SDMA_POLL_REGMEM && !p->addr_lo &&
	    p->addr_hi == VG_SDMA_POLL_USER_HDP_FLUSH) {
		vg->chip->sdma->flush_hdp(vg, q);
		return VG_DONE;
	}
	if (func > VG_SDMA_POLL_GT)
		return stop(vg, q, packet, "POLL_REGMEM with an unknown function");
	/* A poll with a retry limit may end in an exception, which is not modelled. */
	if (VG_GET(VG_SDMA_POLL_RETRY_COUNT, p->dw5) != VG_SDMA_POLL_FOREVER &&
	    func != VG_SDMA_POLL_ALWAYS)
		return stop(vg, q, packet, "POLL_REGMEM with a retry limit");

	if (!(p->header & VG_SDMA_POLL_MEM))
		result = poll_register(vg, q, p, &value);
	else if (vg_mem_read32(vg, &q->port, vg_queue_vmid(q), vg_u64(p->addr_lo, p->addr_hi),
			       &value))
		result = VG_PAGE_FAULT;
	if (result != VG_DONE)
		return result;
	return poll_true(func, value & p->mask, p->value) ? VG_DONE : VG_WAIT;
}

static enum vg_result op_cond_exe(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_cond_exe *p = (const void *)packet;
	uint32_t count = VG_GET(VG_SDMA_COND_EXE_COUNT, p->exec_count), value;
	struct vg_ib *ib = q->ib_depth ? &q->ib[q->ib_depth - 1] : NULL;
	uint64_t left;

	if (vg_mem_read32(vg, &q->port, vg_queue_vmid(q), vg_u64(p->addr_lo, p->addr_hi), &value))
		return VG_PAGE_FAULT;
	if (value == p->reference)
		return VG_DONE;

	left = (ib ? ib->size - ib->pos : q->wptr - q->rptr) - q->packet_len;
	if (count > left && ib)
		return stop(vg, q, packet, "COND_EXE beyond the end of its IB");
	if (count > left)
		return VG_WAIT; /* the ring does not have all dwords yet that the packet skips */
	if (ib)
		ib->pos += count;
	else
		q->rptr += count;
	return VG_DONE;
}

static enum vg_result op_atomic(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_atomic *p = (const void *)packet;
	uint64_t va = vg_u64(p->addr_lo, p->addr_hi), old;
	bool loop = p->header & VG_SDMA_ATOMIC_LOOP;
	struct vg_atomic a;

	if (!vg_atomic_decode(&a, VG_GET(VG_SDMA_ATOMIC_OP, p->header)) ||
	    (loop && a.op != TC_OP_ATOMIC_CMPSWAP_RTN_32) || va % vg_atomic_size(&a))
		return stop(vg, q, packet, "unknown ATOMIC");
	a.src = vg_u64(p->src_lo, a.wide ? p->src_hi : 0);
	a.cmp = vg_u64(p->cmp_lo, a.wide ? p->cmp_hi : 0);
	if (vg_mem_atomic(vg, &q->port, vg_queue_vmid(q), va, vg_atomic_size(&a), vg_atomic_apply,
			  &a, &old))
		return VG_PAGE_FAULT;
	return loop && old != a.cmp ? VG_WAIT : VG_DONE;
}

static enum vg_result op_const_fill(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_const_fill *p = (const void *)packet;
	unsigned int unit = VG_GET(VG_SDMA_FILL_SIZE, p->header);
	uint64_t total = VG_GET(VG_SDMA_FILL_COUNT, p->count);
	uint64_t dst = vg_u64(p->dst_lo, p->dst_hi) + q->progress, n;
	uint32_t buf[VG_PAGE_SIZE / 4 + 1];

	if ((unit != FILL_BYTES && unit != FILL_DWORDS) || p->count & ~VG_SDMA_FILL_COUNT)
		return stop(vg, q, packet, "CONST_FILL with unknown parameters");
	/* When the unit is dwords, the engine ignores the lowest two bits of the count. */
	total = (unit == FILL_DWORDS ? total | 3 : total) + 1;
	n = min_u64(total - q->progress, to_page_end(dst));
	for (size_t i = 0; i < VG_COUNT(buf); i++)
		buf[i] = p->data;
	/* The first byte that this step writes continues the pattern of the step before. */
	if (vg_mem_write(vg, &q->port, vg_queue_vmid(q), dst, (uint8_t *)buf + q->progress % 4, n))
		return VG_PAGE_FAULT;
	return advance(q, n, total);
}

static enum vg_result op_ptepde(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_ptepde *p = (const void *)packet;
	uint64_t total = VG_GET(VG_SDMA_PTEPDE_COUNT, p->count) + 1;
	uint64_t mask = vg_u64(p->mask_lo, p->mask_hi);
	uint64_t increment = vg_u64(p->increment_lo, p->increment_hi);
	uint64_t value = vg_u64(p->value_lo, p->value_hi) + q->progress * increment;
	uint64_t dst = vg_u64(p->dst_lo, p->dst_hi) + q->progress * PTE_SIZE;
	uint64_t n = min_u64(total - q->progress, PTES_PER_SLICE);

	if (p->count & ~VG_SDMA_PTEPDE_COUNT || dst % PTE_SIZE)
		return stop(vg, q, packet, "PTEPDE with unknown parameters");
	/* Write each entry by itself, because a page walk must never see half an entry. */
	for (uint64_t i = 0; i < n; i++) {
		if (vg_mem_write64(vg, &q->port, vg_queue_vmid(q), dst, value | mask))
			return VG_PAGE_FAULT;
		dst += PTE_SIZE;
		value += increment;
	}
	return advance(q, n, total);
}

static enum vg_result op_timestamp_get(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_timestamp_get *p = (const void *)packet;

	return vg_mem_write64(vg, &q->port, vg_queue_vmid(q), vg_u64(p->addr_lo, p->addr_hi),
			      vg_gpu_clock(vg))
		       ? VG_PAGE_FAULT
		       : VG_DONE;
}

static enum vg_result op_srbm_write(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet)
{
	const struct vg_sdma_srbm_write *p = (const void *)packet;

	if (!privileged(q))
		return stop(vg, q, packet, "SRBM_WRITE outside VMID 0");
	if (VG_GET(VG_SDMA_SRBM_BYTE_ENABLE, p->header) != SRBM_ALL_BYTES ||
	    p->addr & ~VG_SDMA_SRBM_ADDR)
		return stop(vg, q, packet, "SRBM_WRITE with unknown parameters");
	vg_reg_write(vg, p->addr, p->data);
	return vgpu_stopped(vg) ? VG_PAGE_FAULT : VG_DONE;
}

#define DWORDS(type) (sizeof(struct vg_sdma_##type) / 4)

static const struct vg_sdma_packet packets[] = {
	{ VG_SDMA_NOP, 0, "NOP", VG_SDMA_NOP_COUNT, 1, NULL, op_nop },
	{ VG_SDMA_COPY, VG_SDMA_COPY_LINEAR, "COPY", 0, DWORDS(copy_linear), NULL, op_copy },
	{ VG_SDMA_WRITE, VG_SDMA_WRITE_LINEAR, "WRITE", 0, DWORDS(write), write_extra, op_write },
	{ VG_SDMA_INDIRECT, 0, "INDIRECT", VG_SDMA_INDIRECT_VMID, DWORDS(indirect), NULL,
	  op_indirect },
	{ VG_SDMA_FENCE, 0, "FENCE", 0, DWORDS(fence), NULL, op_fence },
	{ VG_SDMA_TRAP, 0, "TRAP", 0, DWORDS(trap), NULL, op_trap },
	{ VG_SDMA_POLL_REGMEM, 0, "POLL_REGMEM",
	  VG_SDMA_POLL_HDP_FLUSH | VG_SDMA_POLL_FUNC | VG_SDMA_POLL_MEM, DWORDS(poll_regmem), NULL,
	  op_poll_regmem },
	{ VG_SDMA_COND_EXE, 0, "COND_EXE", 0, DWORDS(cond_exe), NULL, op_cond_exe },
	{ VG_SDMA_ATOMIC, 0, "ATOMIC", VG_SDMA_ATOMIC_LOOP | VG_SDMA_ATOMIC_OP, DWORDS(atomic),
	  NULL, op_atomic },
	{ VG_SDMA_CONST_FILL, 0, "CONST_FILL", VG_SDMA_FILL_SIZE, DWORDS(const_fill), NULL,
	  op_const_fill },
	{ VG_SDMA_PTEPDE, VG_SDMA_PTEPDE_GEN, "PTEPDE", 0, DWORDS(ptepde), NULL, op_ptepde },
	{ VG_SDMA_TIMESTAMP, VG_SDMA_TIMESTAMP_GET, "TIMESTAMP_GET", 0, DWORDS(timestamp_get), NULL,
	  op_timestamp_get },
	{ VG_SDMA_TIMESTAMP, VG_SDMA_TIMESTAMP_GET_GLOBAL, "TIMESTAMP_GET_GLOBAL", 0,
	  DWORDS(timestamp_get), NULL, op_timestamp_get },
	{ VG_SDMA_SRBM_WRITE, 0, "SRBM_WRITE", VG_SDMA_SRBM_BYTE_ENABLE, DWORDS(srbm_write), NULL,
	  op_srbm_write },
};

const struct vg_sdma_table vg_sdma_v4_packets = { packets, VG_COUNT(packets) };

static const struct vg_sdma_packet *find_op(const struct vgpu *vg, uint32_t header)
{
	const struct vg_sdma_table *table = vg->chip->sdma->packets;

	for (size_t i = 0; i < table->num; i++) {
		if (table->packet[i].op == VG_GET(VG_SDMA_HEADER_OP, header) &&
		    table->packet[i].sub_op == VG_GET(VG_SDMA_HEADER_SUB_OP, header))
			return &table->packet[i];
	}
	return NULL;
}

unsigned int vg_sdma_packet_length(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
				   unsigned int n)
{
	const uint32_t common = VG_SDMA_HEADER_OP | VG_SDMA_HEADER_SUB_OP;
	const struct vg_sdma_packet *op = find_op(vg, packet[0]);

	if (!op) {
		vg_stop(vg, "%s: unknown packet 0x%08x at rptr %llu, IB depth %u", q->name,
			packet[0], (unsigned long long)q->rptr, q->ib_depth);
		return 0;
	}
	if (packet[0] & ~(common | op->fields)) {
		vg_stop(vg, "%s: %s packet with unknown header bits 0x%08x", q->name, op->name,
			packet[0]);
		return 0;
	}
	if (op->op == VG_SDMA_NOP)
		return op->dwords + VG_GET(VG_SDMA_NOP_COUNT, packet[0]);
	if (op->extra && n >= op->dwords)
		return op->dwords + op->extra(packet);
	return op->dwords;
}

/* Trace a packet with all its dwords except the data of a WRITE. */
static void trace_packet(struct vgpu *vg, const struct vg_queue *q, const struct vg_sdma_packet *op,
			 const uint32_t *packet, unsigned int n)
{
	char body[10 * sizeof(",0x12345678")];
	size_t len = 0;

	if (!vg_tracing(vg))
		return;
	for (unsigned int i = 0; i < op->dwords; i++)
		len += snprintf(body + len, sizeof(body) - len, "%s0x%x", i ? "," : "", packet[i]);
	vg_trace(vg, "sdma queue=%s vmid=%u op=%s dwords=%u packet=%s", q->name, vg_queue_vmid(q),
		 op->name, n, body);
}

enum vg_result vg_sdma_packet_execute(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
				      unsigned int n)
{
	const struct vg_sdma_packet *op = find_op(vg, packet[0]);

	if (!q->progress && !q->waiting && op->op != VG_SDMA_NOP)
		trace_packet(vg, q, op, packet, n);
	return op->execute(vg, q, packet);
}
