/* SPDX-License-Identifier: MIT */
/* Command processor: compute queues (HQDs), and the hardware scheduler (HWS). */
#ifndef VG_CP_H
#define VG_CP_H

#include <stddef.h>

#include "core/queue.h"
#include "engine/pm4.h"
#include "gfx9/hws.h"

enum {
	VG_NUM_MECS = 2, /* ME1 and ME2 */
	VG_NUM_PIPES = 4,
	VG_NUM_HQDS_PER_PIPE = 8,
	VG_NUM_HQDS = VG_NUM_MECS * VG_NUM_PIPES * VG_NUM_HQDS_PER_PIPE,
	VG_HQD_REGS = 59, /* CP_MQD_BASE_ADDR .. CP_HQD_AQL_DISPATCH_ID_HI */
};

struct vg_hqd {
	struct vg_queue q;
	unsigned int me, pipe, queue; /* me counts from 1 */
	uint32_t regs[VG_HQD_REGS];
	bool dynamic;	/* the HWS has mapped the queue to a slot of its choice */
	bool is_static; /* UNMAP_QUEUES with VG_UNMAP_NON_STATIC must not unmap the queue */
	bool hiq;	/* the queue is the HIQ, or its copy on another XCC of the partition */
	bool idle;	/* another XCC of the partition executes the packets of this PM4 queue */
};

/*
 * The command processor of one XCC.  A partition has one hardware scheduler, which the command
 * processor of its first XCC runs for all of its XCCs.
 */
struct vg_cp {
	struct vg_hqd hqd[VG_NUM_HQDS];
	struct vg_hws hws;
	struct vg_queue run_list; /* executes the run list of the HWS */
};

/* The XCCs that CP_HYP_XCP_CTL joins.  The driver sees a partition as one device. */
struct vg_partition {
	unsigned int first, count;
};

/* The queues that an UNMAP_QUEUES packet selects. */
struct vg_unmap {
	enum { VG_UNMAP_DOORBELL, VG_UNMAP_PASID, VG_UNMAP_ALL, VG_UNMAP_NON_STATIC } sel;
	uint32_t doorbell[4]; /* the queues' doorbells, as dword indices */
	unsigned int num_doorbells;
	unsigned int pasid;
};

static inline struct vg_hqd *vg_hqd_of(const struct vg_queue *q)
{
	return (struct vg_hqd *)((char *)q - offsetof(struct vg_hqd, q));
}

/* The path by which the CP of an XCC accesses memory. */
extern const struct vg_port vg_cp_port[VG_MAX_XCCS];

/* The partition of an XCC; while the driver has not set it up, the XCC is alone in it. */
struct vg_partition vg_partition_of(const struct vgpu *vg, unsigned int xcc);
/* Has the driver set up the partition of the XCC? */
bool vg_partition_is_set(const struct vgpu *vg, unsigned int xcc);
/* Do the registers of all XCCs agree on the partition of @xcc? */
bool vg_partition_is_agreed(const struct vgpu *vg, unsigned int xcc);
/* The XCC whose CP works on a compute queue or on a run list. */
static inline unsigned int vg_queue_xcc(const struct vg_queue *q)
{
	return vg_hub_xcc(q->port.hub);
}

void vg_cp_init(struct vgpu *vg);
void vg_cp_free(struct vgpu *vg);
/* The queue in a slot of an XCC; @me counts from 1. */
struct vg_hqd *vg_cp_hqd(struct vgpu *vg, unsigned int xcc, unsigned int me, unsigned int pipe,
			 unsigned int queue);
/* Returns true when a queue has claimed the doorbell; @offset is the doorbell's dword index. */
bool vg_cp_doorbell(struct vgpu *vg, uint32_t offset, uint64_t value, unsigned int size);

/* Fill the registers from the MQD at @mqd (VMID 0); 0 or -EFAULT. */
int vg_hqd_load(struct vgpu *vg, struct vg_hqd *h, uint64_t mqd);
/* Read from the MQD at @mqd (VMID 0) how far it is to the MQD of the next XCC; 0 or -EFAULT. */
int vg_mqd_stride(struct vgpu *vg, unsigned int xcc, uint64_t mqd, uint32_t *stride);
/* Start the queue that the registers describe. */
void vg_hqd_activate(struct vgpu *vg, struct vg_hqd *h);
/* Take the queue off at once, without saving its state. */
void vg_hqd_reset(struct vgpu *vg, struct vg_hqd *h);
uint32_t vg_hqd_doorbell(const struct vg_hqd *h);
/* The address of the MQD, where a preemption saves the registers. */
uint64_t vg_hqd_mqd(const struct vg_hqd *h);
/*
 * MAP_QUEUES overrides registers from the MQD: it names and enables the doorbell.  For user
 * queues it also gives the VMID and the address of the write pointer.
 */
void vg_hqd_set_doorbell(struct vg_hqd *h, uint32_t doorbell);
void vg_hqd_set_user(struct vg_hqd *h, unsigned int vmid, uint64_t wptr_addr);

/* Queues that are on several XCCs, gfx9/xcc_queue.c. */

/* Is this a queue that KFD maps on all XCCs of the partition: a HIQ, or a queue of a user? */
bool vg_hqd_is_shared(const struct vg_hqd *h);
/* Is this the copy of a HIQ, whose packets the first XCC of the partition executes? */
bool vg_hqd_follows(const struct vgpu *vg, const struct vg_hqd *h);
/* For the copy of a HIQ: has the first XCC executed the packet at the queue's position? */
bool vg_hqd_leader_is_ahead(const struct vgpu *vg, const struct vg_hqd *h);
/*
 * The queue on the first XCC of the partition, which publishes the read index of an AQL queue; @h
 * itself if it is not active there.
 */
const struct vg_hqd *vg_hqd_first(const struct vgpu *vg, const struct vg_hqd *h);
/* Is the AQL queue active on all XCCs of the partition, and has each come as far as @position? */
bool vg_hqd_all_at(const struct vgpu *vg, const struct vg_hqd *h, uint64_t position);
/* gfx9/chip.c puts these three functions into its struct vg_pm4_chip. */
unsigned int vg_hqd_xcc_number(const struct vgpu *vg, const struct vg_queue *q);
enum vg_aql_part vg_hqd_aql_part(const struct vgpu *vg, const struct vg_queue *q, uint64_t end);
bool vg_hqd_aql_may_begin(const struct vgpu *vg, const struct vg_queue *q);

/* gfx9/chip.c puts these functions into its struct vg_pm4_chip. */
uint64_t vg_hqd_rptr_report(const struct vg_queue *q);
void vg_hqd_end_of_pipe(struct vgpu *vg, const struct vg_queue *q, unsigned int vmid,
			uint32_t ctxid);

/* The packets that only KIQ, HIQ and run lists have; gfx9/hws.c executes them. */
extern const struct vg_pm4_table vg_hws_packets;

#endif
