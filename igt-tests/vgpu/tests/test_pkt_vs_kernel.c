/* SPDX-License-Identifier: MIT */
/*
 * Tests that the opcodes, body sizes and field positions in engine/pkt_pm4.h and
 * gfx9/pkt_hws.h are those of the kernel's headers.  The test builds packets with the kernel's
 * macros or bit fields, and decodes them with the model's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "gfx9/pkt_hws.h"
#include "soc15d.h"
#include "tests/check.h"
#include "../amdkfd/kfd_pm4_headers_ai.h"
#include "../amdkfd/kfd_pm4_headers_aldebaran.h"
#include "../amdkfd/kfd_pm4_opcodes.h"

/* Compare bodies.  The kernel's structures begin with the packet's header, the model's do not. */
#define SAME_SIZE(ours, kernels) CHECK(sizeof(struct ours) + 4 == sizeof(struct kernels))
#define SAME_PLACE(ours, field, kernels, kfield) \
	CHECK(offsetof(struct ours, field) + 4 == offsetof(struct kernels, kfield))

static void opcodes(void)
{
	CHECK(PM4_NOP == PACKET3_NOP);
	CHECK(PM4_ATOMIC_MEM == PACKET3_ATOMIC_MEM);
	CHECK(PM4_PRED_EXEC == PACKET3_PRED_EXEC);
	CHECK(PRED_EXEC_COUNT == PACKET3_PRED_EXEC__EXEC_COUNT(~0u));
	CHECK(PRED_EXEC_XCCS == PACKET3_PRED_EXEC__VIRTUAL_XCC_ID_SELECT(~0u));
	CHECK(PM4_WRITE_DATA == PACKET3_WRITE_DATA);
	CHECK(PM4_WAIT_REG_MEM == PACKET3_WAIT_REG_MEM);
	CHECK(PM4_INDIRECT_BUFFER == PACKET3_INDIRECT_BUFFER);
	CHECK(PM4_COPY_DATA == PACKET3_COPY_DATA);
	CHECK(PM4_EVENT_WRITE == PACKET3_EVENT_WRITE);
	CHECK(PM4_RELEASE_MEM == PACKET3_RELEASE_MEM);
	CHECK(PM4_DMA_DATA == PACKET3_DMA_DATA);
	CHECK(PM4_ACQUIRE_MEM == PACKET3_ACQUIRE_MEM);
	CHECK(PM4_SET_SH_REG == PACKET3_SET_SH_REG);
	CHECK(PM4_SET_UCONFIG_REG == PACKET3_SET_UCONFIG_REG);
	CHECK(PM4_INVALIDATE_TLBS == PACKET3_INVALIDATE_TLBS);
	CHECK(PM4_SET_RESOURCES == PACKET3_SET_RESOURCES);
	CHECK((int)PM4_MAP_PROCESS == IT_MAP_PROCESS);
	CHECK(PM4_MAP_QUEUES == PACKET3_MAP_QUEUES);
	CHECK(PM4_UNMAP_QUEUES == PACKET3_UNMAP_QUEUES);
	CHECK(PM4_QUERY_STATUS == PACKET3_QUERY_STATUS);
	CHECK((int)PM4_RUN_LIST == IT_RUN_LIST);
}

static void header(void)
{
	union PM4_MES_TYPE_3_HEADER h = {
		.opcode = 0xa5,
		.count = 0x1234,
		.type = 3,
	};

	CHECK(VG_GET(PM4_OPCODE, h.u32All) == 0xa5);
	CHECK(VG_GET(PM4_COUNT, h.u32All) == 0x1234);
	CHECK(VG_GET(PM4_TYPE, h.u32All) == PM4_TYPE3);
	CHECK(CP_PACKET_GET_TYPE(pm4_header(PM4_WRITE_DATA, 4)) == PACKET_TYPE3);
	CHECK(CP_PACKET_GET_COUNT(pm4_header(PM4_WRITE_DATA, 4)) == 3);
	CHECK(CP_PACKET3_GET_OPCODE(pm4_header(PM4_WRITE_DATA, 4)) == PACKET3_WRITE_DATA);
	CHECK(VG_PREP(PM4_TYPE, PM4_TYPE2) == CP_PACKET2);
}

static void sizes_and_places(void)
{
	SAME_SIZE(pm4_set_resources, pm4_mes_set_resources);
	SAME_SIZE(pm4_run_list, pm4_mes_runlist);
	SAME_SIZE(pm4_map_process, pm4_mes_map_process_aldebaran);
	SAME_SIZE(pm4_map_queues, pm4_mes_map_queues);
	SAME_SIZE(pm4_query_status, pm4_mes_query_status);
	SAME_SIZE(pm4_unmap_queues, pm4_mes_unmap_queues);
	SAME_SIZE(pm4_release_mem, pm4_mec_release_mem);
	SAME_PLACE(pm4_set_resources, queue_mask_lo, pm4_mes_set_resources, queue_mask_lo);
	SAME_PLACE(pm4_map_process, root_lo, pm4_mes_map_process_aldebaran,
		   vm_context_page_table_base_addr_lo32);
	SAME_PLACE(pm4_map_process, signal_lo, pm4_mes_map_process_aldebaran, completion_signal_lo);
	SAME_PLACE(pm4_map_queues, mqd_lo, pm4_mes_map_queues, mqd_addr_lo);
	SAME_PLACE(pm4_map_queues, wptr_lo, pm4_mes_map_queues, wptr_addr_lo);
	SAME_PLACE(pm4_query_status, addr_lo, pm4_mes_query_status, addr_lo);
	SAME_PLACE(pm4_query_status, data_lo, pm4_mes_query_status, data_lo);
	SAME_PLACE(pm4_release_mem, data_lo, pm4_mec_release_mem, data_lo);
	SAME_PLACE(pm4_release_mem, int_ctxid, pm4_mec_release_mem, int_ctxid);
}

static void scheduling_fields(void)
{
	struct pm4_mes_set_resources r = { 0 };
	struct pm4_mes_runlist l = { 0 };
	struct pm4_mes_map_process_aldebaran p = { 0 };
	struct pm4_mes_map_queues m = { 0 };

	r.bitfields2.vmid_mask = 0xff00;
	r.bitfields2.queue_type = queue_type__mes_set_resources__hsa_interface_queue_hiq;
	CHECK(VG_GET(SET_RESOURCES_VMIDS, r.ordinal2) == 0xff00);
	CHECK(VG_GET(SET_RESOURCES_QUEUE, r.ordinal2) == PM4_RESOURCES_OF_HIQ);

	l.bitfields4.ib_size = 0xabcde;
	l.bitfields4.chain = 1;
	l.bitfields4.valid = 1;
	CHECK(VG_GET(RUN_LIST_SIZE, l.ordinal4) == 0xabcde);
	CHECK(VG_GET(RUN_LIST_CHAIN, l.ordinal4) == 1);
	CHECK(VG_GET(RUN_LIST_VALID, l.ordinal4) == 1);
	l.bitfields4.process_cnt = 0xa;
	CHECK(VG_GET(RUN_LIST_PROCESSES, l.ordinal4) == 0xa);

	p.bitfields2.pasid = 0x8123;
	p.bitfields2.process_quantum = 0x55;
	p.bitfields14.num_queues = 0x155;
	CHECK(VG_GET(MAP_PROCESS_PASID, p.ordinal2) == 0x8123);
	CHECK(VG_GET(MAP_PROCESS_QUANTUM, p.ordinal2) == 0x55);
	CHECK(VG_GET(MAP_PROCESS_QUEUES, p.ordinal14) == 0x155);

	m.bitfields2.queue_sel = queue_sel__mes_map_queues__map_to_hws_determined_queue_slots_vi;
	m.bitfields2.queue_type = queue_type__mes_map_queues__normal_latency_static_queue_vi;
	m.bitfields2.engine_sel = engine_sel__mes_map_queues__sdma0_vi;
	m.bitfields2.num_queues = 1;
	m.bitfields3.doorbell_offset = 0x1234567;
	CHECK(VG_GET(MAP_QUEUES_SEL, m.ordinal2) == PM4_MAP_HWS_CHOICE);
	CHECK(VG_GET(MAP_QUEUES_TYPE, m.ordinal2) == PM4_QUEUE_STATIC);
	CHECK(VG_GET(MAP_QUEUES_ENGINE, m.ordinal2) == PM4_ENGINE_SDMA0);
	CHECK(VG_GET(MAP_QUEUES_NUM, m.ordinal2) == 1);
	CHECK(VG_GET(PM4_DOORBELL, m.ordinal3) == 0x1234567);
	CHECK(MAP_QUEUES_QUEUE == PACKET3_MAP_QUEUES_QUEUE(7u));
	CHECK(MAP_QUEUES_PIPE == PACKET3_MAP_QUEUES_PIPE(3u));
	CHECK(MAP_QUEUES_ME == PACKET3_MAP_QUEUES_ME(3u));
	CHECK(MAP_QUEUES_VMID == PACKET3_MAP_QUEUES_VMID(15u));
}

static void unmapping_fields(void)
{
	struct pm4_mes_unmap_queues u = { 0 };
	struct pm4_mes_query_status s = { 0 };

	u.bitfields2.action = action__mes_unmap_queues__reset_queues;
	u.bitfields2.queue_sel = queue_sel__mes_unmap_queues__unmap_all_non_static_queues;
	u.bitfields2.engine_sel = engine_sel__mes_unmap_queues__sdma0;
	u.bitfields2.num_queues = 3;
	CHECK(VG_GET(UNMAP_QUEUES_ACTION, u.ordinal2) == PM4_UNMAP_RESET);
	CHECK(VG_GET(UNMAP_QUEUES_SEL, u.ordinal2) == 3);
	CHECK(VG_GET(UNMAP_QUEUES_ENGINE, u.ordinal2) == PM4_ENGINE_SDMA0);
	CHECK(VG_GET(UNMAP_QUEUES_NUM, u.ordinal2) == 3);
	u.bitfields3b.doorbell_offset0 = 0x1234567;
	CHECK(VG_GET(PM4_DOORBELL, u.ordinal3) == 0x1234567);
	u.ordinal3 = 0;
	u.bitfields3a.pasid = 0x8123;
	CHECK(VG_GET(UNMAP_QUEUES_PASID_, u.ordinal3) == 0x8123);
	CHECK(VG_GET(UNMAP_QUEUES_ACTION, PACKET3_UNMAP_QUEUES_ACTION(3)) ==
	      PM4_UNMAP_PREEMPT_ONLY);

	s.bitfields2.command = command__mes_query_status__fence_only_after_write_ack;
	CHECK(VG_GET(QUERY_STATUS_COMMAND_, s.ordinal2) == PM4_QUERY_FENCE);

	CHECK(INVALIDATE_TLBS_ALL == PACKET3_INVALIDATE_TLBS_ALL_HUB(1u));
	CHECK(INVALIDATE_TLBS_PASID_ == PACKET3_INVALIDATE_TLBS_PASID(0xffffu));
	CHECK(INVALIDATE_TLBS_TYPE == PACKET3_INVALIDATE_TLBS_FLUSH_TYPE(7u));
	CHECK(VG_GET(INVALIDATE_TLBS_DST, PACKET3_INVALIDATE_TLBS_DST_SEL(1)) ==
	      PM4_INVALIDATE_BY_PASID);
}

static void data_fields(void)
{
	struct pm4_mec_release_mem r = { 0 };
	struct pm4_mec_write_data_mmio w = { 0 };

	r.bitfields3.dst_sel = dst_sel__mec_release_mem__tc_l2;
	r.bitfields3.int_sel = int_sel__mec_release_mem__send_interrupt_after_write_confirm;
	r.bitfields3.data_sel = data_sel__mec_release_mem__send_gpu_clock_counter;
	CHECK(VG_GET(RELEASE_MEM_DST, r.ordinal3) == 1);
	CHECK(VG_GET(RELEASE_MEM_INT, r.ordinal3) == PM4_INT_AFTER_WRITE);
	CHECK(VG_GET(RELEASE_MEM_DATA, r.ordinal3) == PM4_DATA_CLOCK);

	w.bitfields2.dst_sel = dst_sel___write_data__memory;
	w.bitfields2.addr_incr = 1;
	w.bitfields2.wr_confirm = 1;
	CHECK(VG_GET(WRITE_DATA_DST, w.ordinal2) == PM4_SEL_MEMORY);
	CHECK(VG_GET(WRITE_DATA_ONE_ADDR, w.ordinal2) == 1);
	CHECK(VG_GET(WRITE_DATA_CONFIRM, w.ordinal2) == 1);

	CHECK(COPY_DATA_SRC == PACKET3_COPY_DATA__SRC_SEL(~0u));
	CHECK(COPY_DATA_DST == PACKET3_COPY_DATA__DST_SEL(~0u));
	CHECK(COPY_DATA_64BIT == PACKET3_COPY_DATA__COUNT_SEL(~0u));
	CHECK(PM4_SEL_CLOCK == PACKET3_COPY_DATA__SRC_SEL__GPU_CLOCK_COUNT);
	CHECK(PM4_SEL_IMMEDIATE == PACKET3_COPY_DATA__SRC_SEL__IMMEDIATE_DATA);

	CHECK(DMA_DATA_DST == PACKET3_DMA_DATA_DST_SEL(3u));
	CHECK(DMA_DATA_SRC == PACKET3_DMA_DATA_SRC_SEL(3u));
	CHECK(DMA_DATA_SRC_REGISTER == PACKET3_DMA_DATA_CMD_SAS);
	CHECK(DMA_DATA_DST_REGISTER == PACKET3_DMA_DATA_CMD_DAS);
	CHECK(DMA_DATA_SRC_NO_INC == PACKET3_DMA_DATA_CMD_SAIC);
	CHECK(DMA_DATA_DST_NO_INC == PACKET3_DMA_DATA_CMD_DAIC);

	CHECK(ATOMIC_MEM_COMMAND == PACKET3_ATOMIC_MEM__COMMAND(~0u));
	CHECK(PM4_ATOMIC_UNTIL_EQUAL == PACKET3_ATOMIC_MEM__COMMAND__LOOP_UNTIL_COMPARE_SATISFIED);

	CHECK(WAIT_REG_MEM_FUNC == PACKET3_WAIT_REG_MEM__FUNCTION(~0u));
	CHECK(WAIT_REG_MEM_SPACE == PACKET3_WAIT_REG_MEM__MEM_SPACE(~0u));
	CHECK(WAIT_REG_MEM_OPER == PACKET3_WAIT_REG_MEM__OPERATION(~0u));
	CHECK(PM4_WAIT_GREATER == PACKET3_WAIT_REG_MEM__FUNCTION__GREATER_THAN_REFERENCE_VALUE);

	CHECK(IB_SIZE == PACKET3_INDIRECT_BUFFER__IB_SIZE(~0u));
	CHECK(IB_CHAIN == PACKET3_INDIRECT_BUFFER__CHAIN(~0u));
	CHECK(IB_VMID == PACKET3_INDIRECT_BUFFER__VMID(~0u));
	CHECK(IB_VALID == INDIRECT_BUFFER_VALID);

	CHECK(PM4_SH_REG_BASE == PACKET3_SET_SH_REG_START);
	CHECK(PM4_SH_REG_END == PACKET3_SET_SH_REG_END);
	CHECK(PM4_UCONFIG_REG_BASE == PACKET3_SET_UCONFIG_REG_START);
	CHECK(PM4_UCONFIG_REG_END == PACKET3_SET_UCONFIG_REG_END);
}

int main(void)
{
	opcodes();
	header();
	sizes_and_places();
	scheduling_fields();
	unmapping_fields();
	data_fields();
	return 0;
}
