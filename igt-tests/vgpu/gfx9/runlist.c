/* SPDX-License-Identifier: MIT */
/*
 * Run lists of the hardware scheduler (HWS), and the VMIDs of their processes.
 *
 * A queue of its own executes the packets of the run list, as its IB.  So the HIQ goes on
 * meanwhile, as it must when the driver unmaps the queues of a list in force.
 */
#include <string.h>

#include "core/bits.h"
#include "engine/pkt_pm4.h"
#include "gfx9/gfx9.h"
#include "gfx9/pkt_hws.h"

static struct vg_hws *hws_of(const struct vgpu *vg)
{
	return &vg_gfx9(vg)->cp.hws;
}

static struct vg_queue *list_of(const struct vgpu *vg)
{
	return &vg_gfx9(vg)->cp.run_list;
}

/* ---- VMIDs ---- */

/*
 * A process keeps its VMID from one run list to the next if that is possible.
 * The TLBs then keep its translations, so changed page tables take effect only
 * by the driver's own flushes.
 */
static int choose_vmid(struct vgpu *vg, unsigned int pasid)
{
	uint32_t left = hws_of(vg)->vmid_mask & ~hws_of(vg)->vmids_used;

	for (unsigned int vmid = 1; vmid < VG_NUM_VMIDS; vmid++)
		if (left >> vmid & 1 && vg_vmid_pasid(vg, vmid) == (int)pasid)
			return vmid;
	return left ? __builtin_ctz(left) : -1;
}

enum vg_result vg_run_list_map_process(struct vgpu *vg, struct vg_queue *q,
				       const struct pm4_map_process *p)
{
	unsigned int pasid = VG_GET(MAP_PROCESS_PASID, p->control);
	uint64_t root = vg_u64(p->root_lo, p->root_hi);
	int vmid = choose_vmid(vg, pasid);

	if (vmid < 0)
		return vg_queue_unknown(vg, q, "more processes than VMIDs, mask",
					hws_of(vg)->vmid_mask);
	/*
	 * If the VMID had another process before, drop that process's translations.  Compare
	 * the root as well, because a new process may have the PASID of an old one.
	 */
	if (vg_vmid_pasid(vg, vmid) != (int)pasid || vg_vmid_root(vg, vmid) != root) {
		vg_vmid_set_pasid(vg, vmid, pasid);
		for (enum vg_hub_id hub = 0; hub < VG_NUM_HUBS; hub++)
			vg_tlb_invalidate(vg, hub, 1u << vmid, "new-owner");
	}
	vg_vmid_set_root(vg, vmid, root);
	hws_of(vg)->vmids_used |= 1u << vmid;
	hws_of(vg)->vmid = vmid;
	vg_trace(vg, "map-process pasid=0x%x vmid=%d root=0x%llx", pasid, vmid,
		 (unsigned long long)root);
	return VG_DONE;
}

/* ---- the queue that executes the list ---- */

/* KFD's run lists have no other packets, and those would need a queue with an HQD. */
static enum vg_result execute(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			      unsigned int n)
{
	switch (VG_GET(PM4_OPCODE, packet[0])) {
	case PM4_MAP_PROCESS:
	case PM4_MAP_QUEUES:
	case PM4_RUN_LIST:
		return vg_pm4_execute(vg, q, packet, n);
	}
	return vg_queue_unknown(vg, q, "packet in a run list", packet[0]);
}

/* The queue has no ring, so its read pointer "moves" only at the end of the list. */
static int list_ended(struct vgpu *vg, struct vg_queue *q)
{
	q->active = false;
	return 0;
}

/* The HWS is firmware of the micro engine that has the HIQ. */
static bool enabled(const struct vgpu *vg, const struct vg_queue *q)
{
	const struct vg_queue *hiq = hws_of(vg)->hiq;

	return hiq->ops->enabled(vg, hiq);
}

/* Nobody preempts this queue: vg_run_list_drop() ends it. */
static const struct vg_engine_ops list_ops = {
	.length = vg_pm4_length,
	.execute = execute,
	.rptr_moved = list_ended,
	.enabled = enabled,
};

bool vg_run_list_in_force(const struct vgpu *vg)
{
	return list_of(vg)->active;
}

enum vg_result vg_run_list_start(struct vgpu *vg, struct vg_queue *hiq,
				 const struct pm4_run_list *p)
{
	uint32_t size = VG_GET(RUN_LIST_SIZE, p->control);
	uint64_t base = vg_u64(p->base_lo, p->base_hi);
	struct vg_queue *q = list_of(vg);

	if (VG_GET(RUN_LIST_CHAIN, p->control))
		return vg_queue_unknown(vg, hiq, "oversubscribed run list", p->control);
	hws_of(vg)->vmids_used = 0;
	hws_of(vg)->hiq = hiq;
	vg_trace(vg, "runlist dwords=%u", size);
	if (!size)
		return VG_DONE;
	q->ring = base;
	vg_queue_start(vg, q, 0, 0);
	q->ib[0] = (struct vg_ib){ .va = base, .size = size };
	q->ib_depth = 1;
	return VG_DONE;
}

void vg_run_list_drop(struct vgpu *vg)
{
	vg_queue_kill(vg, list_of(vg));
}

void vg_run_list_init(struct vgpu *vg)
{
	struct vg_queue *q = list_of(vg);

	q->ops = &list_ops;
	q->port = vg_cp_port;
	q->ring_size = 1; /* vg_queue_start() wants a ring, and this queue never uses it */
	strcpy(q->name, "hws");
	vg_queue_init(vg, q);
}

void vg_run_list_reset(struct vgpu *vg)
{
	vg_run_list_drop(vg);
	*hws_of(vg) = (struct vg_hws){ 0 };
}

void vg_run_list_free(struct vgpu *vg)
{
	vg_queue_free(list_of(vg));
}
