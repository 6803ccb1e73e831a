/* SPDX-License-Identifier: MIT */
/*
 * Makes the headers of libdrm 2.4.114 out of the installed ones: it removes each name that libdrm
 * has added since then. The build includes this file before each file of the library, its tool,
 * examples and tests, and so checks that they compile with libdrm 2.4.114.
 */
#ifndef OLDEST_H
#define OLDEST_H

/* Members of struct drm_amdgpu_gem_va. */
#define vm_timeline_point	    newer_point
#define vm_timeline_syncobj_out	    newer_syncobj
#define num_syncobj_handles	    newer_handles
#define input_fence_syncobj_handles newer_fences
#include <amdgpu_drm.h>
#undef vm_timeline_point
#undef vm_timeline_syncobj_out
#undef num_syncobj_handles
#undef input_fence_syncobj_handles

#include <amdgpu.h>
#include <xf86drm.h>

#undef AMDGPU_CHUNK_ID_CP_GFX_SHADOW
#undef AMDGPU_CS_CHUNK_CP_GFX_SHADOW_FLAGS_INIT_SHADOW
#undef AMDGPU_CTX_QUERY2_FLAGS_RESET_IN_PROGRESS
#undef AMDGPU_FAMILY_GC_10_3_6
#undef AMDGPU_FAMILY_GC_10_3_7
#undef AMDGPU_FAMILY_GC_11_0_0
#undef AMDGPU_FAMILY_GC_11_0_1
#undef AMDGPU_FAMILY_GC_11_5_0
#undef AMDGPU_FAMILY_GC_12_0_0
#undef AMDGPU_GEM_CREATE_COHERENT
#undef AMDGPU_GEM_CREATE_DISCARDABLE
#undef AMDGPU_GEM_CREATE_EXT_COHERENT
#undef AMDGPU_GEM_CREATE_UNCACHED
#undef AMDGPU_GEM_DOMAIN_DOORBELL
#undef AMDGPU_HW_IP_VPE
#undef AMDGPU_IDS_FLAGS_CONFORMANT_TRUNC_COORD
#undef AMDGPU_IDS_FLAGS_MODE_MASK
#undef AMDGPU_IDS_FLAGS_MODE_PF
#undef AMDGPU_IDS_FLAGS_MODE_PT
#undef AMDGPU_IDS_FLAGS_MODE_SHIFT
#undef AMDGPU_IDS_FLAGS_MODE_VF
#undef AMDGPU_INFO_GPUVM_FAULT
#undef AMDGPU_INFO_MAX_IBS
#undef AMDGPU_INFO_UQ_FW_AREAS
#undef AMDGPU_TILING_GFX12_DCC_DATA_FORMAT_MASK
#undef AMDGPU_TILING_GFX12_DCC_DATA_FORMAT_SHIFT
#undef AMDGPU_TILING_GFX12_DCC_MAX_COMPRESSED_BLOCK_MASK
#undef AMDGPU_TILING_GFX12_DCC_MAX_COMPRESSED_BLOCK_SHIFT
#undef AMDGPU_TILING_GFX12_DCC_NUMBER_TYPE_MASK
#undef AMDGPU_TILING_GFX12_DCC_NUMBER_TYPE_SHIFT
#undef AMDGPU_TILING_GFX12_SWIZZLE_MODE_MASK
#undef AMDGPU_TILING_GFX12_SWIZZLE_MODE_SHIFT
#undef AMDGPU_USERQ_CREATE_FLAGS_QUEUE_PRIORITY_HIGH
#undef AMDGPU_USERQ_CREATE_FLAGS_QUEUE_PRIORITY_LOW
#undef AMDGPU_USERQ_CREATE_FLAGS_QUEUE_PRIORITY_MASK
#undef AMDGPU_USERQ_CREATE_FLAGS_QUEUE_PRIORITY_NORMAL_HIGH
#undef AMDGPU_USERQ_CREATE_FLAGS_QUEUE_PRIORITY_NORMAL_LOW
#undef AMDGPU_USERQ_CREATE_FLAGS_QUEUE_PRIORITY_SHIFT
#undef AMDGPU_USERQ_CREATE_FLAGS_QUEUE_SECURE
#undef AMDGPU_USERQ_OP_CREATE
#undef AMDGPU_USERQ_OP_FREE
#undef AMDGPU_VMHUB_IDX_MASK
#undef AMDGPU_VMHUB_IDX_SHIFT
#undef AMDGPU_VMHUB_TYPE_GFX
#undef AMDGPU_VMHUB_TYPE_MASK
#undef AMDGPU_VMHUB_TYPE_MM0
#undef AMDGPU_VMHUB_TYPE_MM1
#undef AMDGPU_VMHUB_TYPE_SHIFT
#undef AMDGPU_VM_PAGE_NOALLOC
#undef AMDGPU_VRAM_TYPE_LPDDR4
#undef AMDGPU_VRAM_TYPE_LPDDR5
#undef DRM_AMDGPU_USERQ
#undef DRM_AMDGPU_USERQ_SIGNAL
#undef DRM_AMDGPU_USERQ_WAIT
#undef DRM_IOCTL_AMDGPU_USERQ
#undef DRM_IOCTL_AMDGPU_USERQ_SIGNAL
#undef DRM_IOCTL_AMDGPU_USERQ_WAIT
#undef DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP
#undef DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT
#undef DRM_CLIENT_CAP_PLANE_COLOR_PIPELINE
#undef DRM_CLIENT_NAME_MAX_LEN
#undef DRM_IOCTL_GEM_CHANGE_HANDLE
#undef DRM_IOCTL_MODE_CLOSEFB
#undef DRM_IOCTL_SET_CLIENT_NAME
#undef DRM_IOCTL_SYNCOBJ_EVENTFD
#undef DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_TIMELINE
#undef DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE
#undef DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE
#undef DRM_BUS_FAUX
#undef DRM_FAUX_DEVICE_NAME_LEN
#undef AMDGPU_VA_MGR_RESERVE_HALF_VA_FOR_PRT

#pragma GCC poison amdgpu_bo_va_op_raw2
#pragma GCC poison amdgpu_create_userqueue
#pragma GCC poison amdgpu_device_initialize2
#pragma GCC poison amdgpu_free_userqueue
#pragma GCC poison amdgpu_query_gpuvm_fault_info
#pragma GCC poison amdgpu_query_uq_fw_area_info
#pragma GCC poison amdgpu_userq_signal
#pragma GCC poison amdgpu_userq_wait
#pragma GCC poison amdgpu_va_get_start_addr
#pragma GCC poison amdgpu_va_manager_alloc
#pragma GCC poison amdgpu_va_manager_deinit
#pragma GCC poison amdgpu_va_manager_init
#pragma GCC poison amdgpu_va_manager_init2
#pragma GCC poison amdgpu_va_manager_query_sw_info
#pragma GCC poison amdgpu_va_range_alloc2
#pragma GCC poison drmGetNodeTypeFromDevId
#pragma GCC poison drmSyncobjEventfd

#endif /* OLDEST_H */
