/* SPDX-License-Identifier: MIT */
/* Command processor: compute queues (HQDs) and the packets they carry. */
#ifndef VG_CP_H
#define VG_CP_H

#include "core/model.h"

static inline struct vg_hqd *vg_hqd_of(struct vg_queue *q)
{
	return (struct vg_hqd *)((char *)q - offsetof(struct vg_hqd, q));
}

/* @me counts from 1. */
struct vg_hqd *vg_cp_hqd(struct vgpu *vg, unsigned int me, unsigned int pipe,
			 unsigned int queue);
void vg_cp_init(struct vgpu *vg);

/* Fill the registers from the MQD at @mqd (VMID 0); 0 or -EFAULT. */
int vg_hqd_load(struct vgpu *vg, struct vg_hqd *h, uint64_t mqd);
/* Start with what the registers say. */
void vg_hqd_activate(struct vgpu *vg, struct vg_hqd *h);
/* Stop at once and forget, without saving. */
void vg_hqd_reset(struct vgpu *vg, struct vg_hqd *h);
bool vg_hqd_active(const struct vg_hqd *h);
uint32_t vg_hqd_doorbell(const struct vg_hqd *h);
/* MAP_QUEUES overrides what the MQD says: the doorbell, which it also enables,
 * and for user queues VMID and write pointer address. */
void vg_hqd_set_doorbell(struct vg_hqd *h, uint32_t doorbell);
void vg_hqd_set_user(struct vg_hqd *h, unsigned int vmid, uint64_t wptr_addr);
/* Where the read pointer goes, which is the read index of an HSA queue. */
uint64_t vg_hqd_rptr_report(const struct vg_hqd *h);
/* EOP interrupt, if the queue's pipe has it enabled. */
void vg_hqd_end_of_pipe(struct vgpu *vg, struct vg_hqd *h, unsigned int vmid,
			uint32_t ctxid);

/* Packets: engine hooks in engine/pm4.c, handlers in one file per family. */
unsigned int vg_pm4_length(struct vgpu *vg, struct vg_queue *q,
			   const uint32_t *packet, unsigned int n);
enum vg_result vg_pm4_execute(struct vgpu *vg, struct vg_queue *q,
			      const uint32_t *packet, unsigned int n);
/* The same for HSA queues, engine/aql.c; their pointers count packets. */
unsigned int vg_aql_length(struct vgpu *vg, struct vg_queue *q,
			   const uint32_t *packet, unsigned int n);
enum vg_result vg_aql_execute(struct vgpu *vg, struct vg_queue *q,
			      const uint32_t *packet, unsigned int n);
void vg_aql_doorbell(struct vgpu *vg, struct vg_queue *q, uint64_t value,
		     unsigned int size);
void vg_aql_set_wptr(struct vgpu *vg, struct vg_queue *q, uint64_t packets);
/* Registers by the numbers that packets use; stop for a user's packet. */
bool vg_pm4_reg_read(struct vgpu *vg, struct vg_queue *q, uint32_t reg,
		     uint32_t *value);
bool vg_pm4_reg_write(struct vgpu *vg, struct vg_queue *q, uint32_t reg,
		      uint32_t value);

typedef enum vg_result (*vg_pm4_fn)(struct vgpu *vg, struct vg_queue *q,
				    const uint32_t *body, unsigned int n);

struct vg_pm4_op {
	uint8_t opcode;
	const char *name;
	unsigned int min_body;	/* dwords */
	bool privileged;	/* only from VMID 0 */
	vg_pm4_fn execute;
};

extern const struct vg_pm4_op vg_pm4_table[];
extern const size_t vg_pm4_table_size;

enum vg_result vg_pm4_write_data(struct vgpu *, struct vg_queue *,
				 const uint32_t *, unsigned int);
enum vg_result vg_pm4_copy_data(struct vgpu *, struct vg_queue *,
				const uint32_t *, unsigned int);
enum vg_result vg_pm4_dma_data(struct vgpu *, struct vg_queue *,
			       const uint32_t *, unsigned int);
enum vg_result vg_pm4_atomic_mem(struct vgpu *, struct vg_queue *,
				 const uint32_t *, unsigned int);
enum vg_result vg_pm4_wait_reg_mem(struct vgpu *, struct vg_queue *,
				   const uint32_t *, unsigned int);
enum vg_result vg_pm4_release_mem(struct vgpu *, struct vg_queue *,
				  const uint32_t *, unsigned int);
enum vg_result vg_pm4_set_sh_reg(struct vgpu *, struct vg_queue *,
				 const uint32_t *, unsigned int);
enum vg_result vg_pm4_set_uconfig_reg(struct vgpu *, struct vg_queue *,
				      const uint32_t *, unsigned int);
enum vg_result vg_hws_invalidate_tlbs(struct vgpu *, struct vg_queue *,
				      const uint32_t *, unsigned int);
enum vg_result vg_hws_set_resources(struct vgpu *, struct vg_queue *,
				    const uint32_t *, unsigned int);
enum vg_result vg_hws_map_process(struct vgpu *, struct vg_queue *,
				  const uint32_t *, unsigned int);
enum vg_result vg_hws_map_queues(struct vgpu *, struct vg_queue *,
				 const uint32_t *, unsigned int);
enum vg_result vg_hws_unmap_queues(struct vgpu *, struct vg_queue *,
				   const uint32_t *, unsigned int);
enum vg_result vg_hws_query_status(struct vgpu *, struct vg_queue *,
				   const uint32_t *, unsigned int);
enum vg_result vg_hws_run_list(struct vgpu *, struct vg_queue *,
			       const uint32_t *, unsigned int);

#endif
