/* SPDX-License-Identifier: MIT */
/*
 * Hardware scheduler: the packets of the kernel's own queues, KIQ and HIQ, and of
 * run lists (gfx9/runlist.c).  They map and unmap queues, and flush TLBs by PASID.
 */
#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/pkt_hws.h"
#include "v9_structs.h"

/* The HWS of the partition that the XCC of @q belongs to. */
static struct vg_hws *hws_of(const struct vgpu *vg, const struct vg_queue *q)
{
	return &vg_gfx9(vg)->cp[vg_partition_of(vg, vg_queue_xcc(q)).first].hws;
}

/* ---- resources and TLB ---- */

_Static_assert(VG_MAX_XCCS <= 2, "each AID has an MMHUB of its own, and two XCCs");

/*
 * Has the HWS of another partition one of the VMIDs?  The partitions share the MMHUB, where a VMID
 * has one root, and the table of PASIDs.  So KFD divides the VMIDs among them
 * (kgd2kfd_device_init(), drivers/gpu/drm/amd/amdkfd/kfd_device.c).
 */
static bool vmids_of_another(const struct vgpu *vg, const struct vg_hws *mine, uint32_t vmids)
{
	for (unsigned int xcc = 0; xcc < vg_num_xccs(vg); xcc++) {
		const struct vg_hws *other = &vg_gfx9(vg)->cp[xcc].hws;

		if (other != mine && vg_partition_of(vg, xcc).first == xcc &&
		    other->vmid_mask & vmids)
			return true;
	}
	return false;
}

static enum vg_result set_resources(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				    unsigned int n)
{
	const struct pm4_set_resources *p = (const void *)body;

	/*
	 * The driver also tells the KIQ which slots kernel queues use.  The packets that map kernel
	 * queues name their slot, so ignore the resources of the KIQ.
	 */
	if (VG_GET(SET_RESOURCES_QUEUE, p->control) != PM4_RESOURCES_OF_HIQ)
		return VG_DONE;
	if (vmids_of_another(vg, hws_of(vg, q), VG_GET(SET_RESOURCES_VMIDS, p->control)))
		return vg_queue_unknown(vg, q, "SET_RESOURCES with VMIDs of another partition",
					p->control);
	hws_of(vg, q)->vmid_mask = VG_GET(SET_RESOURCES_VMIDS, p->control);
	hws_of(vg, q)->queue_mask = vg_u64(p->queue_mask_lo, p->queue_mask_hi);
	return VG_DONE;
}

static enum vg_result invalidate_tlbs(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				      unsigned int n)
{
	const struct pm4_invalidate_tlbs *p = (const void *)body;

	if (VG_GET(INVALIDATE_TLBS_DST, p->control) != PM4_INVALIDATE_BY_PASID)
		return vg_queue_unknown(vg, q, "INVALIDATE_TLBS", p->control);
	/* The packet ends when the flush is done, so all packets behind it wait for the flush. */
	if (!q->progress)
		q->progress = 1 + vg_gmc_flush_steps(vg);
	if (--q->progress)
		return VG_MORE;
	vg_tlb_invalidate_pasid(vg, vg_queue_xcc(q), VG_GET(INVALIDATE_TLBS_PASID_, p->control),
				VG_GET(INVALIDATE_TLBS_ALL, p->control), "INVALIDATE_TLBS");
	return VG_DONE;
}

/* ---- run list ---- */

/* Has the HWS of the XCC @first mapped any queue? */
static bool any_dynamic(const struct vgpu *vg, unsigned int first)
{
	struct vg_partition xcp = vg_partition_of(vg, first);

	for (unsigned int xcc = first; xcc < first + xcp.count; xcc++)
		for (unsigned int i = 0; i < VG_NUM_HQDS; i++)
			if (vg_gfx9(vg)->cp[xcc].hqd[i].dynamic)
				return true;
	for (unsigned int i = 0; i < vg_num_sdma_queues(vg); i++)
		if (vg_gfx9(vg)->sdma.queue[i].dynamic && vg_gfx9(vg)->sdma.queue[i].xcc == first)
			return true;
	return false;
}

/* Has each XCC of the partition a HIQ?  An XCC without one would not read the packets. */
static bool all_have_hiq(const struct vgpu *vg, struct vg_partition xcp)
{
	unsigned int found = 0;

	for (unsigned int xcc = xcp.first; xcc < xcp.first + xcp.count; xcc++)
		for (unsigned int i = 0; i < VG_NUM_HQDS; i++)
			found += vg_gfx9(vg)->cp[xcc].hqd[i].hiq;
	return found == xcp.count;
}

static bool is_run_list(const struct vgpu *vg, const struct vg_queue *q)
{
	return q == &vg_gfx9(vg)->cp[vg_queue_xcc(q)].run_list;
}

/* The driver unmaps all queues of a run list before it submits the next list. */
static enum vg_result run_list(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
			       unsigned int n)
{
	const struct pm4_run_list *p = (const void *)body;
	struct vg_partition xcp = vg_partition_of(vg, vg_queue_xcc(q));

	if (is_run_list(vg, q))
		return vg_run_list_again(vg, q, p);
	if (vg_run_list_in_force(vg, xcp.first) || any_dynamic(vg, xcp.first))
		return vg_queue_unknown(vg, q, "run list on top of the one in force", p->control);
	if (xcp.count > 1 && !all_have_hiq(vg, xcp))
		return vg_queue_unknown(vg, q, "run list while an XCC has no HIQ", p->control);
	return vg_run_list_start(vg, q, p);
}

/* Does the packet come from another queue while the HWS executes a run list? */
static bool beside_a_list(const struct vgpu *vg, const struct vg_queue *q)
{
	return vg_run_list_in_force(vg, vg_partition_of(vg, vg_queue_xcc(q)).first) &&
	       !is_run_list(vg, q);
}

static enum vg_result map_process(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				  unsigned int n)
{
	const struct pm4_map_process *p = (const void *)body;

	if (beside_a_list(vg, q))
		return vg_queue_unknown(vg, q, "MAP_PROCESS beside a run list", p->control);
	return vg_run_list_map_process(vg, q, p);
}

/* ---- MAP_QUEUES ---- */

/* Map a queue of the kernel, for which the packet names the slot. */
static enum vg_result map_to_slot(struct vgpu *vg, struct vg_queue *q,
				  const struct pm4_map_queues *p)
{
	unsigned int me = VG_GET(MAP_QUEUES_ME, p->control) + 1;
	struct vg_hqd *h;

	if (me > VG_NUM_MECS || VG_GET(MAP_QUEUES_ENGINE, p->control) > PM4_ENGINE_HIQ ||
	    VG_GET(MAP_QUEUES_VMID, p->control))
		return vg_queue_unknown(vg, q, "MAP_QUEUES", p->control);
	h = vg_cp_hqd(vg, vg_queue_xcc(q), me, VG_GET(MAP_QUEUES_PIPE, p->control),
		      VG_GET(MAP_QUEUES_QUEUE, p->control));
	if (h->q.active)
		return vg_queue_unknown(vg, q, "MAP_QUEUES to a slot in use", p->control);
	if (vg_hqd_load(vg, h, vg_u64(p->mqd_lo, p->mqd_hi)))
		return VG_PAGE_FAULT;
	vg_hqd_set_doorbell(h, VG_GET(PM4_DOORBELL, p->doorbell));
	h->hiq = VG_GET(MAP_QUEUES_ENGINE, p->control) == PM4_ENGINE_HIQ;
	vg_hqd_activate(vg, h);
	return vgpu_stopped(vg) ? VG_PAGE_FAULT : VG_DONE;
}

static bool is_free(const struct vgpu *vg, struct vg_partition xcp, unsigned int slot)
{
	for (unsigned int xcc = xcp.first; xcc < xcp.first + xcp.count; xcc++)
		if (vg_gfx9(vg)->cp[xcc].hqd[slot].q.active)
			return false;
	return true;
}

/*
 * Find a slot that is free on all XCCs of the partition, among those that SET_RESOURCES gave to the
 * HWS; -1: there is none.
 */
static int free_slot(const struct vgpu *vg, const struct vg_queue *q)
{
	struct vg_partition xcp = vg_partition_of(vg, vg_queue_xcc(q));

	for (unsigned int i = 0; i < VG_NUM_HQDS; i++)
		if (hws_of(vg, q)->queue_mask >> i & 1 && is_free(vg, xcp, i))
			return i;
	return -1;
}

/*
 * Map a user queue to the slot @h of one XCC.  Each XCC has its own MQD of the queue, at the
 * distance @offset from the MQD of the first XCC.
 *
 * An MQD contains its own address, where a preemption saves the queue.  The driver writes this
 * address, but after a restore by CRIU all MQDs of a queue have the addresses of the checkpoint
 * (restore_mqd_v9_4_3() in kfd_mqd_manager_v9.c).  So compare the distance of the addresses in two
 * MQDs, and neither of them with the address in the packet.
 */
static enum vg_result map_on_xcc(struct vgpu *vg, struct vg_hqd *h, uint64_t offset,
				 const struct pm4_map_queues *p, unsigned int vmid, bool is_static)
{
	if (vg_hqd_load(vg, h, vg_u64(p->mqd_lo, p->mqd_hi) + offset))
		return VG_PAGE_FAULT;
	vg_hqd_set_doorbell(h, VG_GET(PM4_DOORBELL, p->doorbell));
	vg_hqd_set_user(h, vmid, vg_u64(p->wptr_lo, p->wptr_hi));
	if (vg_hqd_mqd(h) != vg_hqd_mqd(vg_hqd_first(vg, h)) + offset)
		return vg_queue_unknown(vg, &h->q, "MQD of another XCC, at", vg_lo(vg_hqd_mqd(h)));
	vg_hqd_activate(vg, h);
	h->dynamic = true;
	h->is_static = is_static;
	return vgpu_stopped(vg) ? VG_PAGE_FAULT : VG_DONE;
}

/*
 * Map a user queue on all XCCs of the partition.  The packet has the address of the first XCC's
 * MQD, which contains the distance to the MQD of the next XCC (kfd_mqd_manager_v9.c:755).
 */
static enum vg_result map_on_xccs(struct vgpu *vg, const struct vg_queue *q, unsigned int slot,
				  const struct pm4_map_queues *p, bool is_static)
{
	struct vg_partition xcp = vg_partition_of(vg, vg_queue_xcc(q));
	uint32_t stride = 0;

	if (xcp.count > 1 && vg_mqd_stride(vg, xcp.first, vg_u64(p->mqd_lo, p->mqd_hi), &stride))
		return VG_PAGE_FAULT;
	if (xcp.count > 1 && stride < sizeof(struct v9_mqd))
		return vg_queue_unknown(vg, q, "MQD stride", stride);
	for (unsigned int i = 0; i < xcp.count; i++) {
		enum vg_result result = map_on_xcc(vg, &vg_gfx9(vg)->cp[xcp.first + i].hqd[slot],
						   (uint64_t)i * stride, p, hws_of(vg, q)->vmid,
						   is_static);

		if (result != VG_DONE)
			return result;
	}
	return VG_DONE;
}

/*
 * A static queue would keep its slot when the turn is over, so its process would keep the VMID.
 * The model does not support that.  KFD lists a static queue only for a process with a debug queue
 * of the kernel (qpd->is_debug), and gfx942 has no debug queues.
 */
static enum vg_result map_user_compute(struct vgpu *vg, struct vg_queue *q,
				       const struct pm4_map_queues *p)
{
	const struct vg_hws *hws = hws_of(vg, q);
	bool is_static = VG_GET(MAP_QUEUES_TYPE, p->control) != PM4_QUEUE_NORMAL;
	enum vg_result result;
	int slot;

	if (hws->turn.needed && is_static)
		return vg_queue_unknown(vg, q, "static queue in a run list with turns", p->control);
	if (hws->turn.full || (hws->turn.needed && free_slot(vg, q) < 0)) {
		result = vg_run_list_next_turn(vg, q);
		if (result != VG_DONE)
			return result;
	}
	slot = free_slot(vg, q);
	if (slot < 0)
		return vg_queue_unknown(vg, q, "more queues than slots", p->control);
	return map_on_xccs(vg, q, slot, p, is_static);
}

/*
 * The packet names the engine by its number in the partition, which has one SDMA engine for each
 * XCC.
 */
static enum vg_result map_user_sdma(struct vgpu *vg, struct vg_queue *q,
				    const struct pm4_map_queues *p)
{
	struct vg_partition xcp = vg_partition_of(vg, vg_queue_xcc(q));
	uint32_t engine = VG_GET(MAP_QUEUES_ENGINE, p->control);

	if (engine < PM4_ENGINE_SDMA0 || engine >= PM4_ENGINE_SDMA0 + xcp.count)
		return vg_queue_unknown(vg, q, "MAP_QUEUES engine", p->control);
	vg_sdma_map(vg, xcp.first, xcp.first + engine - PM4_ENGINE_SDMA0, hws_of(vg, q)->vmid,
		    VG_GET(PM4_DOORBELL, p->doorbell), vg_u64(p->mqd_lo, p->mqd_hi),
		    vg_u64(p->wptr_lo, p->wptr_hi));
	return vgpu_stopped(vg) ? VG_PAGE_FAULT : VG_DONE;
}

static enum vg_result map_queues(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				 unsigned int n)
{
	const struct pm4_map_queues *p = (const void *)body;

	if (VG_GET(MAP_QUEUES_NUM, p->control) != 1 || n != PM4_DWORDS(*p))
		return vg_queue_unknown(vg, q, "MAP_QUEUES of several queues", p->control);
	if (VG_GET(MAP_QUEUES_SEL, p->control) == PM4_MAP_TO_SLOT)
		return map_to_slot(vg, q, p);
	if (VG_GET(MAP_QUEUES_SEL, p->control) != PM4_MAP_HWS_CHOICE ||
	    !hws_of(vg, q)->vmids_used || beside_a_list(vg, q))
		return vg_queue_unknown(vg, q, "MAP_QUEUES", p->control);
	if (VG_GET(MAP_QUEUES_ENGINE, p->control) == PM4_ENGINE_COMPUTE)
		return map_user_compute(vg, q, p);
	return map_user_sdma(vg, q, p);
}

/* ---- UNMAP_QUEUES ---- */

static bool matches(struct vgpu *vg, const struct vg_hqd *h, const struct vg_unmap *which)
{
	switch (which->sel) {
	case VG_UNMAP_DOORBELL:
		for (unsigned int i = 0; i < which->num_doorbells; i++)
			if (vg_hqd_doorbell(h) == which->doorbell[i])
				return true;
		return false;
	case VG_UNMAP_PASID:
		return h->dynamic && vg_vmid_pasid(vg, h->q.vmid) == (int)which->pasid;
	case VG_UNMAP_ALL:
		return h->dynamic;
	case VG_UNMAP_NON_STATIC:
		return h->dynamic && !h->is_static;
	}
	return false;
}

/* @own: the packet comes from this XCC, so it may also pick queues that the HWS has not mapped. */
static unsigned int unmap_on_xcc(struct vgpu *vg, unsigned int xcc, bool own,
				 const struct vg_unmap *which, bool reset)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < VG_NUM_HQDS; i++) {
		struct vg_hqd *h = &vg_gfx9(vg)->cp[xcc].hqd[i];

		if (!h->q.active || !(own || h->dynamic) || !matches(vg, h, which))
			continue;
		if (reset) {
			vg_hqd_reset(vg, h);
		} else {
			vg_queue_preempt(vg, &h->q);
			left++;
		}
	}
	return left;
}

static unsigned int unmap_compute(struct vgpu *vg, unsigned int from, const struct vg_unmap *which,
				  bool reset)
{
	struct vg_partition xcp = vg_partition_of(vg, from);
	unsigned int left = 0;

	for (unsigned int xcc = xcp.first; xcc < xcp.first + xcp.count; xcc++)
		left += unmap_on_xcc(vg, xcc, xcc == from, which, reset);
	return left;
}

unsigned int vg_hws_unmap(struct vgpu *vg, unsigned int xcc, const struct vg_unmap *which,
			  bool reset)
{
	return unmap_compute(vg, xcc, which, reset) +
	       vg_sdma_unmap(vg, vg_partition_of(vg, xcc).first, which);
}

static void decode_unmap(const struct pm4_unmap_queues *p, struct vg_unmap *which)
{
	*which = (struct vg_unmap){
		.sel = VG_GET(UNMAP_QUEUES_SEL, p->control),
		.num_doorbells = VG_GET(UNMAP_QUEUES_NUM, p->control),
		.pasid = VG_GET(UNMAP_QUEUES_PASID_, p->doorbell0),
	};
	which->doorbell[0] = VG_GET(PM4_DOORBELL, p->doorbell0);
	for (unsigned int i = 0; i < VG_COUNT(p->doorbell); i++)
		which->doorbell[i + 1] = VG_GET(PM4_DOORBELL, p->doorbell[i]);
}

/*
 * May UNMAP_QUEUES pick these queues?  While processes take turns, a packet must not pick some of
 * their queues, because the model does not know which turns would follow.
 */
static bool may_pick(struct vgpu *vg, const struct vg_queue *q, const struct vg_unmap *which,
		     uint32_t engine)
{
	if (which->sel == VG_UNMAP_ALL || which->sel == VG_UNMAP_NON_STATIC ||
	    !hws_of(vg, q)->turn.needed)
		return true;
	if (which->sel == VG_UNMAP_PASID || engine != PM4_ENGINE_COMPUTE)
		return false;
	for (unsigned int i = 0; i < VG_NUM_HQDS; i++) {
		const struct vg_hqd *h = &vg_gfx9(vg)->cp[vg_queue_xcc(q)].hqd[i];

		if (h->dynamic && matches(vg, h, which))
			return false;
	}
	return true;
}

/*
 * The packet completes only when all its queues are off, because the driver takes the fence
 * behind the packet as the sign for that.
 */
static enum vg_result unmap_queues(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				   unsigned int n)
{
	const struct pm4_unmap_queues *p = (const void *)body;
	uint32_t action = VG_GET(UNMAP_QUEUES_ACTION, p->control);
	uint32_t engine = VG_GET(UNMAP_QUEUES_ENGINE, p->control);
	unsigned int first = vg_partition_of(vg, vg_queue_xcc(q)).first;
	struct vg_unmap which;
	bool reset = action == PM4_UNMAP_RESET;
	unsigned int left;

	decode_unmap(p, &which);
	if ((action != PM4_UNMAP_PREEMPT && action != PM4_UNMAP_RESET) ||
	    which.num_doorbells > VG_COUNT(which.doorbell) ||
	    (engine != PM4_ENGINE_COMPUTE && engine != PM4_ENGINE_SDMA0) ||
	    !may_pick(vg, q, &which, engine))
		return vg_queue_unknown(vg, q, "UNMAP_QUEUES", p->control);

	/*
	 * A packet that unmaps all queues, or all but static ones, also drops the run list, so that
	 * the list maps no more of them.  A packet that picks queues waits until the list has
	 * ended, because the list may still map these queues.  A list with turns never ends, so the
	 * packet does not wait for it.
	 */
	if (which.sel == VG_UNMAP_ALL || which.sel == VG_UNMAP_NON_STATIC)
		vg_run_list_drop(vg, first);
	else if (vg_run_list_in_force(vg, first) && !hws_of(vg, q)->turn.needed)
		return VG_WAIT;
	/*
	 * A packet that names doorbells unmaps either compute or SDMA queues.  A packet that
	 * selects a process, all queues, or all queues but static ones unmaps both kinds.
	 */
	if (which.sel != VG_UNMAP_DOORBELL)
		left = vg_hws_unmap(vg, vg_queue_xcc(q), &which, reset);
	else if (engine == PM4_ENGINE_COMPUTE)
		left = unmap_compute(vg, vg_queue_xcc(q), &which, reset);
	else
		left = vg_sdma_unmap(vg, first, &which);
	return left ? VG_WAIT : VG_DONE;
}

static enum vg_result query_status(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				   unsigned int n)
{
	const struct pm4_query_status *p = (const void *)body;
	uint32_t command = VG_GET(QUERY_STATUS_COMMAND_, p->control);

	if (command != PM4_QUERY_FENCE_AT_ONCE && command != PM4_QUERY_FENCE)
		return vg_queue_unknown(vg, q, "QUERY_STATUS", p->control);
	return vg_mem_write64(vg, &q->port, 0, vg_u64(p->addr_lo, p->addr_hi),
			      vg_u64(p->data_lo, p->data_hi))
		       ? VG_PAGE_FAULT
		       : VG_DONE;
}

/* ---- the table ---- */

#define BODY(type) PM4_DWORDS(struct pm4_##type)

static const struct vg_pm4_op packets[] = {
	{ PM4_INVALIDATE_TLBS, "INVALIDATE_TLBS", BODY(invalidate_tlbs), true, invalidate_tlbs },
	{ PM4_SET_RESOURCES, "SET_RESOURCES", BODY(set_resources), true, set_resources },
	{ PM4_MAP_PROCESS, "MAP_PROCESS", BODY(map_process), true, map_process },
	{ PM4_MAP_QUEUES, "MAP_QUEUES", BODY(map_queues), true, map_queues },
	{ PM4_UNMAP_QUEUES, "UNMAP_QUEUES", BODY(unmap_queues), true, unmap_queues },
	{ PM4_QUERY_STATUS, "QUERY_STATUS", BODY(query_status), true, query_status },
	{ PM4_RUN_LIST, "RUN_LIST", BODY(run_list), true, run_list },
};

const struct vg_pm4_table vg_hws_packets = { packets, VG_COUNT(packets) };
