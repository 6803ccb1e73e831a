/* SPDX-License-Identifier: MIT */
/*
 * Queues that are on several XCCs of a partition.
 *
 * KFD maps its HIQ and each queue of a user on all XCCs of the partition.  The XCCs share the ring
 * and the doorbell of the queue, and each XCC has an MQD of its own.  Only one XCC executes the
 * packets of a user's PM4 queue (works_elsewhere() in gfx9/cp.c).
 *
 * Of a HIQ, the first XCC executes the packets, for all XCCs of the partition.  The other XCCs read
 * each packet, too, but only after the first XCC has executed it.
 *
 * Of an AQL queue, all XCCs execute each packet.  The last one of them completes it, and only then
 * the next packet begins.  The model needs no count of the XCCs that have done their part: the
 * position of the queue on each XCC says that, and a preemption saves the position in the MQD of
 * the XCC.  A queue that has left one XCC waits on the others until it is back there.
 */
#include "core/bits.h"
#include "engine/pm4.h"
#include "gfx9/hqd.h"

static struct vg_partition partition_of(const struct vgpu *vg, const struct vg_hqd *h)
{
	return vg_partition_of(vg, vg_queue_xcc(&h->q));
}

/*
 * The same queue on another XCC, or NULL if it is not active there.  It has the same slot there:
 * free_slot() in gfx9/hws.c.
 */
static const struct vg_hqd *twin(const struct vgpu *vg, const struct vg_hqd *h, unsigned int xcc)
{
	const struct vg_cp *cp = vg_gfx9(vg)->cp;
	const struct vg_hqd *t = &cp[xcc].hqd[h - cp[vg_queue_xcc(&h->q)].hqd];

	return t->q.active && vg_hqd_doorbell(t) == vg_hqd_doorbell(h) ? t : NULL;
}

bool vg_hqd_is_shared(const struct vg_hqd *h)
{
	return h->hiq || h->q.vmid;
}

/* ---- HIQ ---- */

bool vg_hqd_follows(const struct vgpu *vg, const struct vg_hqd *h)
{
	return h->hiq && vg_queue_xcc(&h->q) != partition_of(vg, h).first;
}

bool vg_hqd_leader_is_ahead(const struct vgpu *vg, const struct vg_hqd *h)
{
	const struct vg_hqd *leader = twin(vg, h, partition_of(vg, h).first);

	return leader && leader->q.rptr > h->q.rptr;
}

/* ---- AQL ---- */

const struct vg_hqd *vg_hqd_first(const struct vgpu *vg, const struct vg_hqd *h)
{
	const struct vg_hqd *first = twin(vg, h, partition_of(vg, h).first);

	return first ? first : h;
}

bool vg_hqd_all_at(const struct vgpu *vg, const struct vg_hqd *h, uint64_t position)
{
	struct vg_partition xcp = partition_of(vg, h);

	for (unsigned int xcc = xcp.first; xcc < xcp.first + xcp.count; xcc++) {
		const struct vg_hqd *t = twin(vg, h, xcc);

		if (!t || t->q.rptr < position)
			return false;
	}
	return true;
}

bool vg_hqd_aql_may_begin(const struct vgpu *vg, const struct vg_queue *q)
{
	return vg_hqd_all_at(vg, vg_hqd_of(q), q->rptr);
}

/*
 * While the queue is away from an XCC, nobody knows how far that XCC has come, so the others wait
 * with their parts.  Otherwise two XCCs could each believe that the other one completes the packet.
 */
enum vg_aql_part vg_hqd_aql_part(const struct vgpu *vg, const struct vg_queue *q, uint64_t end)
{
	const struct vg_hqd *h = vg_hqd_of(q);
	struct vg_partition xcp = partition_of(vg, h);
	enum vg_aql_part part = VG_AQL_LAST_PART;

	for (unsigned int xcc = xcp.first; xcc < xcp.first + xcp.count; xcc++) {
		const struct vg_hqd *t = twin(vg, h, xcc);

		if (!t)
			return VG_AQL_PART_WAITS;
		if (t != h && t->q.rptr < end)
			part = VG_AQL_PART;
	}
	return part;
}

unsigned int vg_hqd_xcc_number(const struct vgpu *vg, const struct vg_queue *q)
{
	unsigned int xcc = vg_queue_xcc(q);

	return xcc - vg_partition_of(vg, xcc).first;
}
