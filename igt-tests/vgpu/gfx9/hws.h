/* SPDX-License-Identifier: MIT */
/* Hardware scheduler (HWS): its state, and the functions that hws.c and runlist.c share. */
#ifndef VG_HWS_H
#define VG_HWS_H

#include "core/queue.h"

struct vg_hws_process {
	unsigned int pasid;
	uint64_t root; /* root of its page tables */
	unsigned int quantum;
};

/* The turn of some processes of a run list that needs turns. */
struct vg_hws_turn {
	bool needed; /* the list in force ends with a packet that leads to its begin */
	uint64_t base;
	uint32_t size;
	unsigned int max_processes;
	unsigned int quantum; /* the longest one of the processes that have the turn */
	bool full;	      /* there is no room for the next entry of the list */
	uint64_t ends;	      /* if @full: the virtual time at which the turn ends */
};

/* The state of the HWS: its resources, and the process whose queues it maps now. */
struct vg_hws {
	uint32_t vmid_mask;  /* VMIDs that the driver lets the HWS use (SET_RESOURCES) */
	uint64_t queue_mask; /* slots that the driver lets the HWS use (SET_RESOURCES) */
	uint32_t vmids_used; /* VMIDs that the current run list uses, or the current turn */
	struct vg_hws_process process; /* of the last MAP_PROCESS; MAP_QUEUES adds queues to it */
	unsigned int vmid;	       /* VMID of @process */
	const struct vg_queue *hiq;    /* the queue that submitted the current run list */
	struct vg_hws_turn turn;
};

struct vg_unmap;
struct pm4_map_process;
struct pm4_run_list;

/*
 * Each XCC has a queue that executes run lists, with the list as its IB.  The functions below work
 * on the queue of the XCC @xcc.  Only the queue on the first XCC of a partition ever has a list,
 * because the CP of that XCC runs the HWS.
 */
void vg_run_list_init(struct vgpu *vg, unsigned int xcc);
void vg_run_list_reset(struct vgpu *vg, unsigned int xcc);
/* Does the HWS still have entries of a run list to execute? */
bool vg_run_list_in_force(const struct vgpu *vg, unsigned int xcc);
/* Execute the run list that the packet @p in the queue @hiq names. */
enum vg_result vg_run_list_start(struct vgpu *vg, struct vg_queue *hiq,
				 const struct pm4_run_list *p);
/* Begin the list again, because its last packet @p asks for that. */
enum vg_result vg_run_list_again(struct vgpu *vg, struct vg_queue *q, const struct pm4_run_list *p);
/*
 * Call this when the list needs turns and the current turn has no room for the next entry.  Returns
 * VG_WAIT until the turn is over, and then gives the process of the last MAP_PROCESS a VMID in the
 * next turn.
 */
enum vg_result vg_run_list_next_turn(struct vgpu *vg, struct vg_queue *q);
/* Drop the rest of the run list; its queues stay mapped. */
void vg_run_list_drop(struct vgpu *vg, unsigned int xcc);
enum vg_result vg_run_list_map_process(struct vgpu *vg, struct vg_queue *q,
				       const struct pm4_map_process *p);

/*
 * Ask all user queues of the partition of @xcc that match to stop.  With @reset, reset the compute
 * queues at once instead.  Returns how many queues have not stopped yet, so call again until it
 * returns 0.
 */
unsigned int vg_hws_unmap(struct vgpu *vg, unsigned int xcc, const struct vg_unmap *which,
			  bool reset);

#endif
