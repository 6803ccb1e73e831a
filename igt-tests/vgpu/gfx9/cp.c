/* SPDX-License-Identifier: MIT */
/*
 * Compute queues.  A mapped queue is a bank of registers (HQD); memory keeps an
 * image of the bank (MQD) while the queue is not mapped.
 *
 * The driver maps a queue through GRBM_GFX_CNTL and the registers of cp_regs.c
 * (the KIQ, and user queues without HWS), or by a packet (gfx9/hws.c).
 */
#include <stdio.h>
#include <string.h>

#include "core/bits.h"
#include "engine/aql.h"
#include "engine/pkt_aql.h"
#include "engine/pm4.h"
#include "gfx9/hqd.h"
#include "ivsrcid/gfx/irqsrcs_gfx_9_0.h"
#include "soc15_ih_clientid.h"
#include "v9_structs.h"

enum {
	/*
	 * The registers before this one are the MQD's address and CP_HQD_ACTIVE, which a preemption
	 * does not save.
	 */
	FIRST_SAVED = HQD(CP_HQD_ACTIVE) + 1,
	MQD_REGS = offsetof(struct v9_mqd, cp_mqd_base_addr_lo),
	RING_UNIT_SHIFT = 8, /* CP_HQD_PQ_BASE is in units of 256 bytes */
	MAX_SIZE = 29,	     /* the model takes rings of at most 2 << MAX_SIZE dwords */
	CID_CPC = 5,	     /* names the CP in reports of GPU page faults: gmc_v9_0.c:82-96 */
	EOP_RING_PIPE = 0,
	EOP_RING_ME = 2,
	EOP_RING_QUEUE = 4,
};

const struct vg_port vg_cp_port[VG_MAX_XCCS] = {
	{ .hub = VG_GFXHUB, .cid = CID_CPC },
	{ .hub = VG_GFXHUB1, .cid = CID_CPC },
};

struct vg_hqd *vg_cp_hqd(struct vgpu *vg, unsigned int xcc, unsigned int me, unsigned int pipe,
			 unsigned int queue)
{
	unsigned int slot = ((me - 1) * VG_NUM_PIPES + pipe) * VG_NUM_HQDS_PER_PIPE + queue;

	return &vg_gfx9(vg)->cp[xcc].hqd[slot];
}

static const struct vg_port *port_of(const struct vg_hqd *h)
{
	return &vg_cp_port[vg_queue_xcc(&h->q)];
}

static uint64_t hqd_u64(const struct vg_hqd *h, unsigned int lo)
{
	return vg_u64(h->regs[lo], h->regs[lo + 1]);
}

static bool is_aql(const struct vg_hqd *h)
{
	return VG_FIELD(h->regs[HQD(CP_HQD_AQL_CONTROL)], CP_HQD_AQL_CONTROL, CONTROL0);
}

uint64_t vg_hqd_rptr_report(const struct vg_queue *q)
{
	return hqd_u64(vg_hqd_of(q), HQD(CP_HQD_PQ_RPTR_REPORT_ADDR));
}

uint32_t vg_hqd_doorbell(const struct vg_hqd *h)
{
	return VG_FIELD(h->regs[HQD(CP_HQD_PQ_DOORBELL_CONTROL)], CP_HQD_PQ_DOORBELL_CONTROL,
			DOORBELL_OFFSET);
}

uint64_t vg_hqd_mqd(const struct vg_hqd *h)
{
	return hqd_u64(h, HQD(CP_MQD_BASE_ADDR));
}

/* ---- mapping ---- */

int vg_hqd_load(struct vgpu *vg, struct vg_hqd *h, uint64_t mqd)
{
	return vg_mem_read(vg, port_of(h), 0, mqd + MQD_REGS, h->regs, sizeof(h->regs));
}

int vg_mqd_stride(struct vgpu *vg, unsigned int xcc, uint64_t mqd, uint32_t *stride)
{
	return vg_mem_read32(vg, &vg_cp_port[xcc], 0,
			     mqd + offsetof(struct v9_mqd, cp_mqd_stride_size), stride);
}

void vg_hqd_set_doorbell(struct vg_hqd *h, uint32_t doorbell)
{
	uint32_t *control = &h->regs[HQD(CP_HQD_PQ_DOORBELL_CONTROL)];

	*control = VG_FIELD_SET(*control, CP_HQD_PQ_DOORBELL_CONTROL, DOORBELL_OFFSET, doorbell);
	*control = VG_FIELD_SET(*control, CP_HQD_PQ_DOORBELL_CONTROL, DOORBELL_EN, 1);
}

void vg_hqd_set_user(struct vg_hqd *h, unsigned int vmid, uint64_t wptr_addr)
{
	h->regs[HQD(CP_HQD_VMID)] = vmid;
	h->regs[HQD(CP_HQD_PQ_WPTR_POLL_ADDR)] = vg_lo(wptr_addr);
	h->regs[HQD(CP_HQD_PQ_WPTR_POLL_ADDR_HI)] = vg_hi(wptr_addr);
}

/* If a preemption has interrupted an IB, let the queue continue the IB at the same place. */
static void resume_ib(struct vg_hqd *h)
{
	uint32_t *control = &h->regs[HQD(CP_HQD_IB_CONTROL)];

	if (!VG_FIELD(*control, CP_HQD_IB_CONTROL, PROCESSING_IB))
		return;
	h->q.ib[0] = (struct vg_ib){
		.va = hqd_u64(h, HQD(CP_HQD_IB_BASE_ADDR)),
		.size = VG_FIELD(*control, CP_HQD_IB_CONTROL, IB_SIZE),
		.pos = h->regs[HQD(CP_HQD_IB_RPTR)],
		.vmid = h->q.vmid,
	};
	h->q.ib_depth = 1;
	*control = VG_FIELD_SET(*control, CP_HQD_IB_CONTROL, PROCESSING_IB, 0);
}

/*
 * The registers have no place for the VMID of an IB, so a queue of the kernel finishes an IB of a
 * user before a preemption takes the queue off.
 */
static bool may_leave(const struct vgpu *vg, const struct vg_queue *q)
{
	return !q->ib_depth || q->ib[0].vmid == q->vmid;
}

static void save_ib(struct vg_hqd *h)
{
	const struct vg_ib *ib = &h->q.ib[0];
	uint32_t *control = &h->regs[HQD(CP_HQD_IB_CONTROL)];

	if (!h->q.ib_depth)
		return;
	h->regs[HQD(CP_HQD_IB_BASE_ADDR)] = vg_lo(ib->va);
	h->regs[HQD(CP_HQD_IB_BASE_ADDR_HI)] = vg_hi(ib->va);
	h->regs[HQD(CP_HQD_IB_RPTR)] = ib->pos;
	*control = VG_FIELD_SET(*control, CP_HQD_IB_CONTROL, IB_SIZE, ib->size);
	*control = VG_FIELD_SET(*control, CP_HQD_IB_CONTROL, PROCESSING_IB, 1);
}

/*
 * Read the write pointer from the user's memory.  The user may have moved it while the queue was
 * not mapped, when no queue could get the doorbell write.  If the page of the pointer is missing,
 * the user's queue halts.  This read does not go to the default page, not even while the HIQ
 * executes the packet that maps the queue: with a write pointer from the default page the queue
 * would run packets that nobody has submitted.
 */
static void poll_wptr(struct vgpu *vg, struct vg_hqd *h)
{
	uint64_t addr = hqd_u64(h, HQD(CP_HQD_PQ_WPTR_POLL_ADDR));
	uint64_t wptr;

	if (vg_mem_read64(vg, &h->q.port, h->q.vmid, addr, &wptr))
		vg_queue_halt(vg, &h->q);
	else if (is_aql(h))
		vg_aql_set_wptr(vg, &h->q, wptr);
	else
		vg_queue_set_wptr(vg, &h->q, wptr);
}

static const struct vg_engine_ops pm4_ops, aql_ops;

/*
 * Does another XCC execute the packets of this PM4 queue?  KFD maps a PM4 queue of a user on all
 * XCCs of the partition, and its MQD names the one that does the work (kfd_mqd_manager_v9.c:790).
 */
static bool works_elsewhere(struct vgpu *vg, const struct vg_hqd *h)
{
	struct vg_partition xcp = vg_partition_of(vg, vg_queue_xcc(&h->q));
	uint64_t mqd = vg_hqd_mqd(h);
	uint32_t target;

	if (xcp.count == 1 || !h->q.vmid ||
	    vg_mem_read32(vg, port_of(h), 0, mqd + offsetof(struct v9_mqd, pm4_target_xcc_in_xcp),
			  &target))
		return false;
	if (target >= xcp.count)
		vg_stop(vg, "%s: PM4 queue for XCC %u of %u", h->q.name, target, xcp.count);
	return target != vg_hqd_xcc_number(vg, &h->q);
}

static void start_pm4(struct vgpu *vg, struct vg_hqd *h)
{
	uint64_t wptr = hqd_u64(h, HQD(CP_HQD_PQ_WPTR_LO));
	uint32_t size_mask = h->q.ring_size - 1;
	uint64_t rptr = wptr - ((wptr - h->regs[HQD(CP_HQD_PQ_RPTR)]) & size_mask);

	h->q.ops = &pm4_ops;
	h->idle = works_elsewhere(vg, h);
	vg_queue_start(vg, &h->q, rptr, h->idle ? rptr : wptr);
}

/*
 * CP_HQD_AQL_DISPATCH_ID counts the packets that the queue has finished.  If a
 * preemption interrupted the IB of a packet, the read pointer also says how far the
 * queue had come in the slot of that packet.  poll_wptr() finds the later packets.
 */
static void start_aql(struct vgpu *vg, struct vg_hqd *h)
{
	uint64_t packet = hqd_u64(h, HQD(CP_HQD_AQL_DISPATCH_ID));
	uint64_t part = h->regs[HQD(CP_HQD_PQ_RPTR)] % AQL_DWORDS;
	uint64_t rptr = packet * AQL_DWORDS + part;

	if (h->q.ring_size < AQL_DWORDS || !h->q.vmid) {
		vg_stop(vg, "%s: AQL queue of %u dwords in vmid %u", h->q.name, h->q.ring_size,
			h->q.vmid);
		return;
	}
	h->q.ops = &aql_ops;
	vg_queue_start(vg, &h->q, rptr, rptr);
	h->q.wptr = (packet + (part != 0)) * AQL_DWORDS;
}

void vg_hqd_activate(struct vgpu *vg, struct vg_hqd *h)
{
	uint32_t size = VG_FIELD(h->regs[HQD(CP_HQD_PQ_CONTROL)], CP_HQD_PQ_CONTROL, QUEUE_SIZE);

	if (size > MAX_SIZE) {
		vg_stop(vg, "%s: ring size field %u", h->q.name, size);
		return;
	}
	h->q.vmid = VG_FIELD(h->regs[HQD(CP_HQD_VMID)], CP_HQD_VMID, VMID);
	/* A GPU with one XCC has only one partition, so the driver need not set it up. */
	if (vg_hqd_is_shared(h) && vg_num_xccs(vg) > 1 &&
	    !vg_partition_is_set(vg, vg_queue_xcc(&h->q))) {
		vg_stop(vg, "%s: the XCC has no partition", h->q.name);
		return;
	}
	if (vg_hqd_is_shared(h) && !vg_partition_is_agreed(vg, vg_queue_xcc(&h->q))) {
		vg_stop(vg, "%s: the XCCs disagree on their partition", h->q.name);
		return;
	}
	h->regs[HQD(CP_HQD_ACTIVE)] = VG_FIELD_PREP(CP_HQD_ACTIVE, ACTIVE, 1);
	h->q.ring = hqd_u64(h, HQD(CP_HQD_PQ_BASE)) << RING_UNIT_SHIFT;
	h->q.ring_size = 2u << size;
	h->idle = false;
	if (is_aql(h))
		start_aql(vg, h);
	else
		start_pm4(vg, h);
	if (vgpu_stopped(vg))
		return;
	resume_ib(h);
	if (h->q.vmid && !h->idle)
		poll_wptr(vg, h);
}

static void save_mqd(struct vgpu *vg, struct vg_hqd *h)
{
	uint64_t mqd = vg_hqd_mqd(h);

	if (mqd)
		vg_mem_write(vg, port_of(h), 0, mqd + MQD_REGS + 4 * FIRST_SAVED,
			     &h->regs[FIRST_SAVED], sizeof(h->regs) - 4 * FIRST_SAVED);
}

static void preempted(struct vgpu *vg, struct vg_queue *q)
{
	struct vg_hqd *h = vg_hqd_of(q);

	h->regs[HQD(CP_HQD_PQ_RPTR)] = q->rptr & (q->ring_size - 1);
	h->regs[HQD(CP_HQD_PQ_WPTR_LO)] = vg_lo(q->wptr);
	h->regs[HQD(CP_HQD_PQ_WPTR_HI)] = vg_hi(q->wptr);
	h->regs[HQD(CP_HQD_DEQUEUE_REQUEST)] = 0;
	save_ib(h);
	if (!vg_inject(vg, VG_INJECT_STALE_MQD))
		save_mqd(vg, h);
	h->regs[HQD(CP_HQD_ACTIVE)] = 0;
	h->dynamic = false;
	h->hiq = false;
}

/* A reset of the HIQ also ends the run list, which the micro engine executes for the HIQ. */
void vg_hqd_reset(struct vgpu *vg, struct vg_hqd *h)
{
	vg_queue_kill(vg, &h->q);
	if (vg_gfx9(vg)->cp[vg_queue_xcc(&h->q)].hws.hiq == &h->q)
		vg_run_list_drop(vg, vg_queue_xcc(&h->q));
	h->regs[HQD(CP_HQD_DEQUEUE_REQUEST)] = 0;
	h->regs[HQD(CP_HQD_ACTIVE)] = 0;
	h->dynamic = false;
	h->hiq = false;
}

/* ---- engine hooks ---- */

/*
 * Store the position in the ring and the number of finished packets in registers.  When all XCCs
 * have finished the packet, the first XCC stores the number in memory as well, where the runtime
 * reads it as the queue's read_dispatch_id.
 */
static int aql_rptr_moved(struct vgpu *vg, struct vg_queue *q)
{
	struct vg_hqd *h = vg_hqd_of(q);
	const struct vg_hqd *first = vg_hqd_first(vg, h);
	uint64_t packet = q->rptr / AQL_DWORDS;

	h->regs[HQD(CP_HQD_PQ_RPTR)] = q->rptr & (q->ring_size - 1);
	if (q->rptr % AQL_DWORDS)
		return 0;
	h->regs[HQD(CP_HQD_AQL_DISPATCH_ID)] = vg_lo(packet);
	h->regs[HQD(CP_HQD_AQL_DISPATCH_ID_HI)] = vg_hi(packet);
	if (!vg_hqd_all_at(vg, h, q->rptr))
		return 0;
	return vg_mem_write64(vg, &first->q.port, first->q.vmid, vg_hqd_rptr_report(&first->q),
			      packet);
}

static int rptr_moved(struct vgpu *vg, struct vg_queue *q)
{
	struct vg_hqd *h = vg_hqd_of(q);
	uint64_t report = vg_hqd_rptr_report(q);
	uint32_t rptr = q->rptr & (q->ring_size - 1);

	h->regs[HQD(CP_HQD_PQ_RPTR)] = rptr;
	if (!report || VG_FIELD(h->regs[HQD(CP_HQD_PQ_CONTROL)], CP_HQD_PQ_CONTROL, NO_UPDATE_RPTR))
		return 0;
	return vg_mem_write32(vg, &q->port, q->vmid, report, rptr);
}

static bool enabled(const struct vgpu *vg, const struct vg_queue *q)
{
	uint32_t cntl = VG_XCC_REG(vg, vg_queue_xcc(q), CP_MEC_CNTL);

	return vg_hqd_of(q)->me == 1 ? !VG_FIELD(cntl, CP_MEC_CNTL, MEC_ME1_HALT)
				     : !VG_FIELD(cntl, CP_MEC_CNTL, MEC_ME2_HALT);
}

static enum vg_result execute_pm4(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
				  unsigned int n)
{
	const struct vg_hqd *h = vg_hqd_of(q);

	if (vg_hqd_follows(vg, h))
		return vg_hqd_leader_is_ahead(vg, h) ? VG_DONE : VG_WAIT;
	return vg_pm4_execute(vg, q, packet, n);
}

static const struct vg_engine_ops pm4_ops = {
	.length = vg_pm4_length,
	.execute = execute_pm4,
	.rptr_moved = rptr_moved,
	.may_leave = may_leave,
	.preempted = preempted,
	.enabled = enabled,
};

static const struct vg_engine_ops aql_ops = {
	.length = vg_aql_length,
	.execute = vg_aql_execute,
	.rptr_moved = aql_rptr_moved,
	.preempted = preempted,
	.enabled = enabled,
};

/* The queue of an XCC that has claimed the doorbell, or NULL. */
static struct vg_hqd *doorbell_owner(struct vgpu *vg, unsigned int xcc, uint32_t offset)
{
	for (unsigned int i = 0; i < VG_NUM_HQDS; i++) {
		struct vg_hqd *h = &vg_gfx9(vg)->cp[xcc].hqd[i];

		if (h->q.active && vg_hqd_doorbell(h) == offset &&
		    VG_FIELD(h->regs[HQD(CP_HQD_PQ_DOORBELL_CONTROL)], CP_HQD_PQ_DOORBELL_CONTROL,
			     DOORBELL_EN))
			return h;
	}
	return NULL;
}

/* A doorbell reaches all XCCs, because a queue may work on several of them. */
bool vg_cp_doorbell(struct vgpu *vg, uint32_t offset, uint64_t value, unsigned int size)
{
	bool taken = false;

	for (unsigned int xcc = 0; xcc < vg_num_xccs(vg); xcc++) {
		struct vg_hqd *h = doorbell_owner(vg, xcc, offset);

		if (!h)
			continue;
		taken = true;
		if (is_aql(h))
			vg_aql_doorbell(vg, &h->q, value, size);
		else if (!h->idle)
			vg_queue_set_wptr(vg, &h->q,
					  size == sizeof(uint64_t)
						  ? value
						  : vg_u64(value, vg_hi(h->q.wptr)));
	}
	return taken;
}

void vg_hqd_end_of_pipe(struct vgpu *vg, const struct vg_queue *q, unsigned int vmid,
			uint32_t ctxid)
{
	const struct vg_hqd *h = vg_hqd_of(q);
	unsigned int xcc = vg_queue_xcc(q);
	const uint32_t *int_cntl = h->me == 1 ? &VG_XCC_REG(vg, xcc, CP_ME1_PIPE0_INT_CNTL)
					      : &VG_XCC_REG(vg, xcc, CP_ME2_PIPE0_INT_CNTL);
	struct vg_iv iv = {
		.client = SOC15_IH_CLIENTID_GRBM_CP,
		.source = GFX_9_0__SRCID__CP_EOP_INTERRUPT,
		.ring = h->me << EOP_RING_ME | h->pipe << EOP_RING_PIPE |
			h->queue << EOP_RING_QUEUE,
		.vmid = vmid,
		.node = VG_NODE_XCC0 + xcc,
		.data[0] = ctxid,
	};

	if (VG_FIELD(int_cntl[h->pipe], CP_ME1_PIPE0_INT_CNTL, TIME_STAMP_INT_ENABLE))
		vg_ih_raise(vg, &iv);
	else
		vg_trace(vg, "eop-masked queue=%s", q->name);
}

/* ---- all queues ---- */

static void init_xcc(struct vgpu *vg, unsigned int xcc)
{
	for (unsigned int i = 0; i < VG_NUM_HQDS; i++) {
		struct vg_hqd *h = &vg_gfx9(vg)->cp[xcc].hqd[i];
		char *name = h->q.name;

		h->queue = i % VG_NUM_HQDS_PER_PIPE;
		h->pipe = i / VG_NUM_HQDS_PER_PIPE % VG_NUM_PIPES;
		h->me = i / VG_NUM_HQDS_PER_PIPE / VG_NUM_PIPES + 1;
		h->q.ops = &pm4_ops;
		h->q.port = vg_cp_port[xcc];
		if (xcc)
			name += sprintf(name, "xcc%u.", xcc);
		sprintf(name, "cp%u.%u.%u", h->me, h->pipe, h->queue);
		vg_queue_init(vg, &h->q);
	}
	vg_run_list_init(vg, xcc);
}

void vg_cp_init(struct vgpu *vg)
{
	for (unsigned int xcc = 0; xcc < vg_num_xccs(vg); xcc++)
		init_xcc(vg, xcc);
}

static void reset_xcc(struct vgpu *vg, unsigned int xcc)
{
	for (unsigned int i = 0; i < VG_NUM_HQDS; i++) {
		struct vg_hqd *h = &vg_gfx9(vg)->cp[xcc].hqd[i];

		vg_hqd_reset(vg, h);
		memset(h->regs, 0, sizeof(h->regs));
	}
	vg_run_list_reset(vg, xcc);
}

void vg_cp_reset(struct vgpu *vg)
{
	for (unsigned int xcc = 0; xcc < vg_num_xccs(vg); xcc++)
		reset_xcc(vg, xcc);
}

void vg_cp_free(struct vgpu *vg)
{
	for (unsigned int xcc = 0; xcc < vg_num_xccs(vg); xcc++) {
		for (unsigned int i = 0; i < VG_NUM_HQDS; i++)
			vg_queue_free(&vg_gfx9(vg)->cp[xcc].hqd[i].q);
		vg_queue_free(&vg_gfx9(vg)->cp[xcc].run_list);
	}
}
