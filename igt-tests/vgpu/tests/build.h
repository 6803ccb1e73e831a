/* SPDX-License-Identifier: MIT */
/* Functions with which the tests append PM4 packets to a queue's ring. */
#ifndef BUILD_H
#define BUILD_H

#include <string.h>

#include "gfx9/pkt_hws.h"
#include "tests/fake_host.h"

enum { BUILD_MAX_BODY = 4096 };

static inline void build_packet(struct fake_queue *q, unsigned int op, const void *body,
				unsigned int dwords)
{
	uint32_t header = pm4_header(op, dwords);

	fake_emit(q, &header, 1);
	fake_emit(q, body, dwords);
}

static inline void build_write_data(struct fake_queue *q, uint64_t va, const uint32_t *data,
				    unsigned int dwords)
{
	uint32_t body[BUILD_MAX_BODY] = {
		VG_PREP(WRITE_DATA_DST, PM4_SEL_MEMORY) | WRITE_DATA_CONFIRM,
		vg_lo(va),
		vg_hi(va),
	};

	memcpy(body + 3, data, 4 * dwords);
	build_packet(q, PM4_WRITE_DATA, body, 3 + dwords);
}

static inline void build_write32(struct fake_queue *q, uint64_t va, uint32_t value)
{
	build_write_data(q, va, &value, 1);
}

static inline void build_write_reg(struct fake_queue *q, uint32_t reg, uint32_t value)
{
	const uint32_t body[] = {
		VG_PREP(WRITE_DATA_DST, PM4_SEL_REGISTER),
		reg,
		0,
		value,
	};

	build_packet(q, PM4_WRITE_DATA, body, VG_COUNT(body));
}

static inline void build_dma(struct fake_queue *q, uint64_t dst, uint64_t src, uint32_t bytes)
{
	const struct pm4_dma_data body = {
		.src_lo = vg_lo(src),
		.src_hi = vg_hi(src),
		.dst_lo = vg_lo(dst),
		.dst_hi = vg_hi(dst),
		.command = VG_PREP(DMA_DATA_BYTES, bytes),
	};

	build_packet(q, PM4_DMA_DATA, &body, PM4_DWORDS(body));
}

static inline void build_wait_mem(struct fake_queue *q, uint64_t va,
				  enum pm4_wait_function function, uint32_t reference)
{
	const struct pm4_wait_reg_mem body = {
		.control = VG_PREP(WAIT_REG_MEM_FUNC, function) |
			   VG_PREP(WAIT_REG_MEM_SPACE, PM4_SPACE_MEMORY),
		.addr_lo = vg_lo(va),
		.addr_hi = vg_hi(va),
		.reference = reference,
		.mask = ~0u,
	};

	build_packet(q, PM4_WAIT_REG_MEM, &body, PM4_DWORDS(body));
}

static inline void build_release(struct fake_queue *q, uint64_t va, uint64_t value,
				 enum pm4_release_data data, enum pm4_release_int interrupt,
				 uint32_t ctxid)
{
	const struct pm4_release_mem body = {
		.control = VG_PREP(RELEASE_MEM_DATA, data) | VG_PREP(RELEASE_MEM_INT, interrupt),
		.addr_lo = vg_lo(va),
		.addr_hi = vg_hi(va),
		.data_lo = vg_lo(value),
		.data_hi = vg_hi(value),
		.int_ctxid = ctxid,
	};

	build_packet(q, PM4_RELEASE_MEM, &body, PM4_DWORDS(body));
}

static inline void build_ib(struct fake_queue *q, uint64_t va, uint32_t dwords, unsigned int vmid)
{
	const struct pm4_indirect_buffer body = {
		.base_lo = vg_lo(va),
		.base_hi = vg_hi(va),
		.control = VG_PREP(IB_SIZE, dwords) | VG_PREP(IB_VMID, vmid) | IB_VALID,
	};

	build_packet(q, PM4_INDIRECT_BUFFER, &body, PM4_DWORDS(body));
}

static inline void build_invalidate(struct fake_queue *q, unsigned int pasid, bool all_hubs)
{
	const struct pm4_invalidate_tlbs body = {
		.control = VG_PREP(INVALIDATE_TLBS_DST, PM4_INVALIDATE_BY_PASID) |
			   VG_PREP(INVALIDATE_TLBS_ALL, all_hubs) |
			   VG_PREP(INVALIDATE_TLBS_PASID_, pasid),
	};

	build_packet(q, PM4_INVALIDATE_TLBS, &body, PM4_DWORDS(body));
}

static inline void build_query_status(struct fake_queue *q, uint64_t va, uint64_t value)
{
	const struct pm4_query_status body = {
		.control = VG_PREP(QUERY_STATUS_COMMAND_, PM4_QUERY_FENCE),
		.addr_lo = vg_lo(va),
		.addr_hi = vg_hi(va),
		.data_lo = vg_lo(value),
		.data_hi = vg_hi(value),
	};

	build_packet(q, PM4_QUERY_STATUS, &body, PM4_DWORDS(body));
}

static inline void build_unmap(struct fake_queue *q, unsigned int sel, uint32_t doorbell_or_pasid)
{
	struct pm4_unmap_queues body = {
		.control = VG_PREP(UNMAP_QUEUES_SEL, sel) | VG_PREP(UNMAP_QUEUES_NUM, 1),
	};

	body.doorbell0 = sel == VG_UNMAP_DOORBELL ? VG_PREP(PM4_DOORBELL, doorbell_or_pasid)
						  : doorbell_or_pasid;
	build_packet(q, PM4_UNMAP_QUEUES, &body, PM4_DWORDS(body));
}

static inline void build_map_process_for(struct fake_queue *q, unsigned int pasid, uint64_t root,
					 unsigned int quantum)
{
	const struct pm4_map_process body = {
		.control = VG_PREP(MAP_PROCESS_PASID, pasid) |
			   VG_PREP(MAP_PROCESS_QUANTUM, quantum),
		.root_lo = vg_lo(root),
		.root_hi = vg_hi(root),
	};

	build_packet(q, PM4_MAP_PROCESS, &body, PM4_DWORDS(body));
}

static inline void build_map_process(struct fake_queue *q, unsigned int pasid, uint64_t root)
{
	build_map_process_for(q, pasid, root, 0);
}

static inline void build_map_queue_of(struct fake_queue *q, enum pm4_engine engine,
				      uint32_t doorbell, uint64_t mqd, uint64_t wptr)
{
	const struct pm4_map_queues body = {
		.control = VG_PREP(MAP_QUEUES_SEL, PM4_MAP_HWS_CHOICE) |
			   VG_PREP(MAP_QUEUES_ENGINE, engine) | VG_PREP(MAP_QUEUES_NUM, 1),
		.doorbell = VG_PREP(PM4_DOORBELL, doorbell),
		.mqd_lo = vg_lo(mqd),
		.mqd_hi = vg_hi(mqd),
		.wptr_lo = vg_lo(wptr),
		.wptr_hi = vg_hi(wptr),
	};

	build_packet(q, PM4_MAP_QUEUES, &body, PM4_DWORDS(body));
}

static inline void build_map_queue(struct fake_queue *q, uint32_t doorbell, uint64_t mqd,
				   uint64_t wptr)
{
	build_map_queue_of(q, PM4_ENGINE_COMPUTE, doorbell, mqd, wptr);
}

/* @flags are further bits of the control dword. */
static inline void build_run_list_with(struct fake_queue *q, uint64_t va, uint32_t dwords,
				       uint32_t flags)
{
	const struct pm4_run_list body = {
		.base_lo = vg_lo(va),
		.base_hi = vg_hi(va),
		.control = VG_PREP(RUN_LIST_SIZE, dwords) | RUN_LIST_VALID | flags,
	};

	build_packet(q, PM4_RUN_LIST, &body, PM4_DWORDS(body));
}

static inline void build_run_list(struct fake_queue *q, uint64_t va, uint32_t dwords)
{
	build_run_list_with(q, va, dwords, 0);
}

static inline void build_resources(struct fake_queue *q, uint32_t vmids, uint64_t queues)
{
	const struct pm4_set_resources body = {
		.control = VG_PREP(SET_RESOURCES_VMIDS, vmids) |
			   VG_PREP(SET_RESOURCES_QUEUE, PM4_RESOURCES_OF_HIQ),
		.queue_mask_lo = vg_lo(queues),
		.queue_mask_hi = vg_hi(queues),
	};

	build_packet(q, PM4_SET_RESOURCES, &body, PM4_DWORDS(body));
}

#endif
