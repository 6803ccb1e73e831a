/* SPDX-License-Identifier: MIT */
/*
 * Run lists of the hardware scheduler (HWS), the VMIDs of their processes, and turns.
 *
 * The run list is the IB of a queue of its own, the list's queue, which executes its packets.  So
 * the HIQ goes on at the same time.  It must, because its packets may unmap the queues of a list in
 * force.
 *
 * If there are more processes than VMIDs, or more queues than slots, KFD ends the list with a
 * RUN_LIST packet that leads back to the beginning of the list (CHAIN).  The processes then take
 * turns: at an entry for which there is no room, the list's queue waits until the turn is over,
 * preempts all queues of the turn, and goes on with that entry.  The model does not copy the list:
 * the list's queue reads entries from memory in each turn.  KFD frees this memory only after it has
 * unmapped the queues (pm_release_ib() in unmap_queues_cpsch()).
 */
#include <string.h>

#include "core/bits.h"
#include "engine/pkt_pm4.h"
#include "gfx9/gfx9.h"
#include "gfx9/pkt_hws.h"

/*
 * The ticks of virtual time in one unit of process_quantum.  No public source has the real unit,
 * and KFD always asks for 10 units (kfd_packet_manager_v9.c:109).  While all queues
 * wait, the GPU does one tick in a millisecond, so a small number keeps the turns of idle processes
 * short, too.
 */
enum { TICKS_PER_QUANTUM = 4 };

static struct vg_hws *hws_of(const struct vgpu *vg, unsigned int xcc)
{
	return &vg_gfx9(vg)->cp[xcc].hws;
}

static struct vg_queue *list_of(const struct vgpu *vg, unsigned int xcc)
{
	return &vg_gfx9(vg)->cp[xcc].run_list;
}

/* ---- VMIDs ---- */

/*
 * A process keeps its VMID from one run list or turn to the next if that is possible.
 * The TLBs then keep its translations, so changed page tables take effect only
 * by the driver's own flushes.
 */
static int choose_vmid(struct vgpu *vg, const struct vg_hws *hws, unsigned int pasid)
{
	uint32_t left = hws->vmid_mask & ~hws->vmids_used;

	for (unsigned int vmid = 1; vmid < VG_NUM_VMIDS; vmid++)
		if (left >> vmid & 1 && vg_vmid_pasid(vg, vmid) == (int)pasid)
			return vmid;
	return left ? __builtin_ctz(left) : -1;
}

/*
 * Set the page tables of the VMID in the MMHUB and in the GFX hub of each XCC of the partition, and
 * drop the translations of its last owner if @flush is set.
 */
static void set_owner(struct vgpu *vg, unsigned int xcc, unsigned int vmid, uint64_t root,
		      bool flush)
{
	struct vg_partition xcp = vg_partition_of(vg, xcc);

	for (enum vg_hub_id hub = 0; hub < vg->num_hubs; hub++) {
		if (hub != VG_MMHUB &&
		    (vg_hub_xcc(hub) < xcp.first || vg_hub_xcc(hub) >= xcp.first + xcp.count))
			continue;
		if (flush)
			vg_tlb_invalidate(vg, hub, 1u << vmid, "new-owner");
		vg_vmid_set_root(vg, hub, vmid, root);
	}
}

/*
 * Give a VMID to the process of the last MAP_PROCESS.
 *
 * If the VMID had another process before, drop that process's translations.  Only the HWS can do
 * that: the driver names processes by PASID and does not know when a VMID gets another process.
 * Compare the root as well, because a new process may have the PASID of an old one.
 */
static enum vg_result give_vmid(struct vgpu *vg, struct vg_queue *q)
{
	unsigned int xcc = vg_queue_xcc(q);
	struct vg_hws *hws = hws_of(vg, xcc);
	const struct vg_hws_process *process = &hws->process;
	int vmid = choose_vmid(vg, hws, process->pasid);
	bool changes;

	if (vmid < 0)
		return vg_queue_unknown(vg, q, "more processes than VMIDs, mask", hws->vmid_mask);
	changes = vg_vmid_pasid(vg, vmid) != (int)process->pasid ||
		  vg_vmid_root(vg, vg_gfxhub(xcc), vmid) != process->root;
	if (changes)
		vg_vmid_set_pasid(vg, vmid, process->pasid);
	set_owner(vg, xcc, vmid, process->root, changes);
	hws->vmids_used |= 1u << vmid;
	hws->vmid = vmid;
	if (hws->turn.quantum < process->quantum)
		hws->turn.quantum = process->quantum;
	vg_trace(vg, "map-process pasid=0x%x vmid=%d root=0x%llx", process->pasid, vmid,
		 (unsigned long long)process->root);
	return VG_DONE;
}

/* ---- turns ---- */

/* Does the process have a VMID in this turn?  If so, the turn has gone through all of the list. */
static bool has_turn(struct vgpu *vg, const struct vg_hws *hws, unsigned int pasid)
{
	for (unsigned int vmid = 1; vmid < VG_NUM_VMIDS; vmid++)
		if (hws->vmids_used >> vmid & 1 && vg_vmid_pasid(vg, vmid) == (int)pasid)
			return true;
	return false;
}

static bool has_room(struct vgpu *vg, const struct vg_hws *hws, unsigned int pasid)
{
	return hws->vmid_mask & ~hws->vmids_used &&
	       (unsigned int)__builtin_popcount(hws->vmids_used) < hws->turn.max_processes &&
	       !has_turn(vg, hws, pasid);
}

/* Returns VG_WAIT until the quantum of the turn is over and all of its queues are off. */
static enum vg_result end_turn(struct vgpu *vg, unsigned int xcc)
{
	const struct vg_unmap all = { .sel = VG_UNMAP_ALL };
	struct vg_hws *hws = hws_of(vg, xcc);
	struct vg_hws_turn *turn = &hws->turn;

	if (!turn->full) {
		turn->full = true;
		turn->ends = vg->time + (uint64_t)turn->quantum * TICKS_PER_QUANTUM;
		vg_trace(vg, "turn-full vmids=0x%04x ends=%llu", hws->vmids_used,
			 (unsigned long long)turn->ends);
	}
	if (vg->time < turn->ends || vg_hws_unmap(vg, xcc, &all, false))
		return VG_WAIT;
	vg_trace(vg, "turn-over vmids=0x%04x", hws->vmids_used);
	turn->full = false;
	turn->quantum = 0;
	hws->vmids_used = 0;
	return VG_DONE;
}

enum vg_result vg_run_list_next_turn(struct vgpu *vg, struct vg_queue *q)
{
	enum vg_result result = end_turn(vg, vg_queue_xcc(q));

	return result == VG_DONE ? give_vmid(vg, q) : result;
}

enum vg_result vg_run_list_map_process(struct vgpu *vg, struct vg_queue *q,
				       const struct pm4_map_process *p)
{
	struct vg_hws *hws = hws_of(vg, vg_queue_xcc(q));

	hws->process = (struct vg_hws_process){
		.pasid = VG_GET(MAP_PROCESS_PASID, p->control),
		.root = vg_u64(p->root_lo, p->root_hi),
		.quantum = VG_GET(MAP_PROCESS_QUANTUM, p->control),
	};
	if (hws->turn.needed && !has_room(vg, hws, hws->process.pasid))
		return vg_run_list_next_turn(vg, q);
	return give_vmid(vg, q);
}

/* ---- the queue that executes the list ---- */

/*
 * Stop the model at other packets.  KFD's run lists have none, and their handlers may need the HQD
 * of a queue, which this queue does not have.
 */
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

/* The HWS is firmware of the micro engine that has the HIQ, so it works while the HIQ may work. */
static bool enabled(const struct vgpu *vg, const struct vg_queue *q)
{
	const struct vg_queue *hiq = hws_of(vg, vg_queue_xcc(q))->hiq;

	return hiq->ops->enabled(vg, hiq);
}

/* Nobody preempts this queue: vg_run_list_drop() ends it. */
static const struct vg_engine_ops list_ops = {
	.length = vg_pm4_length,
	.execute = execute,
	.rptr_moved = list_ended,
	.enabled = enabled,
};

bool vg_run_list_in_force(const struct vgpu *vg, unsigned int xcc)
{
	return list_of(vg, xcc)->active;
}

/* Does the list end with a packet that leads to its begin? */
static bool is_chained(struct vgpu *vg, const struct vg_port *port, uint64_t base, uint32_t size)
{
	struct {
		uint32_t header;
		struct pm4_run_list body;
	} last;
	uint64_t bytes = 4ull * size;

	if (bytes < sizeof(last) ||
	    vg_mem_read(vg, port, 0, base + bytes - sizeof(last), &last, sizeof(last)))
		return false;
	return last.header == pm4_header(PM4_RUN_LIST, PM4_DWORDS(last.body)) &&
	       VG_GET(RUN_LIST_CHAIN, last.body.control);
}

enum vg_result vg_run_list_start(struct vgpu *vg, struct vg_queue *hiq,
				 const struct pm4_run_list *p)
{
	uint32_t size = VG_GET(RUN_LIST_SIZE, p->control);
	unsigned int processes = VG_GET(RUN_LIST_PROCESSES, p->control);
	uint64_t base = vg_u64(p->base_lo, p->base_hi);
	struct vg_hws *hws = hws_of(vg, vg_queue_xcc(hiq));
	struct vg_queue *q = list_of(vg, vg_queue_xcc(hiq));

	if (VG_GET(RUN_LIST_CHAIN, p->control))
		return vg_queue_unknown(vg, hiq, "CHAIN outside of a run list", p->control);
	hws->vmids_used = 0;
	hws->hiq = hiq;
	hws->turn = (struct vg_hws_turn){
		.needed = is_chained(vg, &q->port, base, size),
		.base = base,
		.size = size,
		/* 0 is "no concurrency" (amdgpu_drv.c:755), that is, one process at a time. */
		.max_processes = processes ? processes : 1,
	};
	vg_trace(vg, "runlist dwords=%u turns=%d", size, hws->turn.needed);
	if (!size)
		return VG_DONE;
	q->ring = base;
	vg_queue_start(vg, q, 0, 0);
	q->ib[0] = (struct vg_ib){ .va = base, .size = size };
	q->ib_depth = 1;
	return VG_DONE;
}

enum vg_result vg_run_list_again(struct vgpu *vg, struct vg_queue *q, const struct pm4_run_list *p)
{
	const struct vg_hws *hws = hws_of(vg, vg_queue_xcc(q));
	uint32_t size = VG_GET(RUN_LIST_SIZE, p->control);
	uint64_t base = vg_u64(p->base_lo, p->base_hi);

	if (!hws->turn.needed || base != hws->turn.base || size != hws->turn.size)
		return vg_queue_unknown(vg, q, "RUN_LIST to another list", p->control);
	/* No turn of a list without processes would end, so the HWS would begin it for ever. */
	if (!hws->vmids_used)
		return vg_queue_unknown(vg, q, "RUN_LIST of no process", p->control);
	return vg_queue_enter_ib(vg, q, 0, base, size, true);
}

void vg_run_list_drop(struct vgpu *vg, unsigned int xcc)
{
	vg_queue_kill(vg, list_of(vg, xcc));
	hws_of(vg, xcc)->turn = (struct vg_hws_turn){ 0 };
}

void vg_run_list_init(struct vgpu *vg, unsigned int xcc)
{
	struct vg_queue *q = list_of(vg, xcc);

	q->ops = &list_ops;
	q->port = vg_cp_port[xcc];
	q->ring_size = 1; /* vg_queue_start() wants a ring, and this queue never uses it */
	strcpy(q->name, xcc ? "xcc1.hws" : "hws");
	vg_queue_init(vg, q);
}

void vg_run_list_reset(struct vgpu *vg, unsigned int xcc)
{
	vg_run_list_drop(vg, xcc);
	*hws_of(vg, xcc) = (struct vg_hws){ 0 };
}
