/* SPDX-License-Identifier: MIT */
/*
 * PM4 packets of the kernel's own queues, KIQ and HIQ, and of run lists.  The scheduler
 * firmware of GFX9 executes these packets.  engine/pkt_pm4.h explains the notation.
 * tests/test_pkt_vs_kernel.c compares these layouts, too, with the kernel's headers.
 */
#ifndef VG_PKT_HWS_H
#define VG_PKT_HWS_H

#include "engine/pkt_pm4.h"

enum pm4_hws_opcode {
	PM4_INVALIDATE_TLBS = 0x98,
	PM4_SET_RESOURCES = 0xa0,
	PM4_MAP_PROCESS = 0xa1,
	PM4_MAP_QUEUES = 0xa2,
	PM4_UNMAP_QUEUES = 0xa3,
	PM4_QUERY_STATUS = 0xa4,
	PM4_RUN_LIST = 0xa5,
};

struct pm4_invalidate_tlbs {
	uint32_t control;
};
PM4_BODY_IS(struct pm4_invalidate_tlbs, 1);
#define INVALIDATE_TLBS_DST    VG_BITS(3, 0) /* 1: by PASID */
#define INVALIDATE_TLBS_ALL    VG_BITS(4, 4) /* both hubs */
#define INVALIDATE_TLBS_PASID_ VG_BITS(20, 5)
#define INVALIDATE_TLBS_TYPE   VG_BITS(31, 29)

enum { PM4_INVALIDATE_BY_PASID = 1 };

struct pm4_set_resources {
	uint32_t control;
	uint32_t queue_mask_lo, queue_mask_hi;
	uint32_t gws_mask_lo, gws_mask_hi;
	uint32_t oac_mask;
	uint32_t gds_heap;
};
PM4_BODY_IS(struct pm4_set_resources, 7);
#define SET_RESOURCES_VMIDS VG_BITS(15, 0)
#define SET_RESOURCES_QUEUE VG_BITS(31, 29)

enum { PM4_RESOURCES_OF_KIQ = 0, PM4_RESOURCES_OF_HIQ = 1 };

struct pm4_map_process {
	uint32_t control;
	uint32_t root_lo, root_hi;
	uint32_t sh_mem_bases, sh_mem_config;
	uint32_t tba_lo, tba_hi, tma_lo, tma_hi;
	uint32_t reserved;
	uint32_t gds_lo, gds_hi;
	uint32_t resources;
	uint32_t spi_gdbg;
	uint32_t tcp_watch[4];
	uint32_t signal_lo, signal_hi;
};
PM4_BODY_IS(struct pm4_map_process, 20);
#define MAP_PROCESS_PASID   VG_BITS(15, 0)
#define MAP_PROCESS_QUANTUM VG_BITS(31, 25)
#define MAP_PROCESS_QUEUES  VG_BITS(31, 22) /* in @resources */

struct pm4_map_queues {
	uint32_t control;
	uint32_t doorbell;
	uint32_t mqd_lo, mqd_hi;
	uint32_t wptr_lo, wptr_hi;
};
PM4_BODY_IS(struct pm4_map_queues, 6);
#define MAP_QUEUES_SEL	  VG_BITS(5, 4)
#define MAP_QUEUES_VMID	  VG_BITS(11, 8)
#define MAP_QUEUES_QUEUE  VG_BITS(15, 13)
#define MAP_QUEUES_PIPE	  VG_BITS(17, 16)
#define MAP_QUEUES_ME	  VG_BITS(19, 18) /* 0 is ME1 */
#define MAP_QUEUES_TYPE	  VG_BITS(23, 21)
#define MAP_QUEUES_ENGINE VG_BITS(28, 26)
#define MAP_QUEUES_NUM	  VG_BITS(31, 29)
#define PM4_DOORBELL	  VG_BITS(27, 2) /* dword index */

enum { PM4_MAP_TO_SLOT = 0, PM4_MAP_HWS_CHOICE = 1 };
enum { PM4_QUEUE_NORMAL = 0, PM4_QUEUE_DEBUG = 1, PM4_QUEUE_STATIC = 2 };
enum pm4_engine {
	PM4_ENGINE_COMPUTE = 0,
	PM4_ENGINE_HIQ = 1, /* KFD maps the HIQ with it: amdgpu_amdkfd_gfx_v9.c:336 */
	PM4_ENGINE_SDMA0 = 2,
};

struct pm4_unmap_queues {
	uint32_t control;
	uint32_t doorbell0; /* if the packet selects by PASID: the PASID in bits 15:0 */
	uint32_t doorbell[3];
};
PM4_BODY_IS(struct pm4_unmap_queues, 5);
#define UNMAP_QUEUES_ACTION VG_BITS(1, 0)
#define UNMAP_QUEUES_SEL    VG_BITS(5, 4)
#define UNMAP_QUEUES_ENGINE VG_BITS(28, 26)
#define UNMAP_QUEUES_NUM    VG_BITS(31, 29)
#define UNMAP_QUEUES_PASID_ VG_BITS(15, 0)

enum pm4_unmap_action {
	PM4_UNMAP_PREEMPT = 0,
	PM4_UNMAP_RESET = 1,
	PM4_UNMAP_DISABLE_PROCESS = 2,
	PM4_UNMAP_PREEMPT_ONLY = 3,
};

struct pm4_query_status {
	uint32_t control;
	uint32_t target;
	uint32_t addr_lo, addr_hi;
	uint32_t data_lo, data_hi;
};
PM4_BODY_IS(struct pm4_query_status, 6);
#define QUERY_STATUS_COMMAND_ VG_BITS(31, 30)

enum { PM4_QUERY_FENCE_AT_ONCE = 1, PM4_QUERY_FENCE = 2 };

struct pm4_run_list {
	uint32_t base_lo, base_hi;
	uint32_t control;
};
PM4_BODY_IS(struct pm4_run_list, 3);
#define RUN_LIST_SIZE	   VG_BITS(19, 0)
#define RUN_LIST_CHAIN	   VG_BITS(20, 20)
#define RUN_LIST_VALID	   VG_BITS(23, 23)
#define RUN_LIST_PROCESSES VG_BITS(27, 24) /* the most that have VMIDs at the same time */

#endif
