/* SPDX-License-Identifier: MIT */
/* Hardware scheduler (HWS): its state, and the functions that hws.c and runlist.c share. */
#ifndef VG_HWS_H
#define VG_HWS_H

#include "core/queue.h"

/* The state of the HWS: its resources, and the process whose queues it maps now. */
struct vg_hws {
	uint32_t vmid_mask;	    /* VMIDs that the driver lets the HWS use (SET_RESOURCES) */
	uint64_t queue_mask;	    /* slots that the driver lets the HWS use (SET_RESOURCES) */
	uint32_t vmids_used;	    /* VMIDs that the current run list uses */
	unsigned int vmid;	    /* VMID of the last MAP_PROCESS; MAP_QUEUES adds queues to it */
	const struct vg_queue *hiq; /* the queue that submitted the current run list */
};

struct pm4_map_process;
struct pm4_run_list;

/* The queue that executes run lists, and has the list as its IB. */
void vg_run_list_init(struct vgpu *vg);
void vg_run_list_reset(struct vgpu *vg);
void vg_run_list_free(struct vgpu *vg);
/* Does the HWS still have entries of a run list to execute? */
bool vg_run_list_in_force(const struct vgpu *vg);
/* Execute the run list that the packet @p in the queue @hiq names. */
enum vg_result vg_run_list_start(struct vgpu *vg, struct vg_queue *hiq,
				 const struct pm4_run_list *p);
/* Drop the rest of the run list; its queues stay mapped. */
void vg_run_list_drop(struct vgpu *vg);
enum vg_result vg_run_list_map_process(struct vgpu *vg, struct vg_queue *q,
				       const struct pm4_map_process *p);

#endif
