/* SPDX-License-Identifier: MIT */
/*
 * Makes the headers of Debian 12 (libdrm 2.4.114, Linux 6.1) out of the installed ones: it removes
 * each name that libdrm and KFD's header have got since then. The test headers-oldest includes this
 * file before each file of the tests, and so checks that they compile with these headers.
 */
#ifndef UAPI_OLDEST_H
#define UAPI_OLDEST_H

#include "../../../lib/tests/oldest.h"

/* Members of struct kfd_ioctl_create_queue_args and struct kfd_hsa_signal_event_data. */
#define sdma_engine_id	   newer_engine
#define metadata_ring_size newer_size
#define last_event_age	   newer_age
#include <linux/kfd_ioctl.h>
#undef sdma_engine_id
#undef metadata_ring_size
#undef last_event_age

#undef AMDKFD_IOC_CREATE_PROCESS
#undef AMDKFD_IOC_DBG_TRAP
#undef AMDKFD_IOC_EXPORT_DMABUF
#undef AMDKFD_IOC_PROFILER
#undef AMDKFD_IOC_RUNTIME_ENABLE
#undef KFD_DBG_EC_IS_VALID
#undef KFD_DBG_EC_TYPE_IS_DEVICE
#undef KFD_DBG_EC_TYPE_IS_PACKET
#undef KFD_DBG_EC_TYPE_IS_PROCESS
#undef KFD_DBG_EC_TYPE_IS_QUEUE
#undef KFD_DBG_QUEUE_ERROR_BIT
#undef KFD_DBG_QUEUE_ERROR_MASK
#undef KFD_DBG_QUEUE_INVALID_BIT
#undef KFD_DBG_QUEUE_INVALID_MASK
#undef KFD_EC_MASK
#undef KFD_EC_MASK_DEVICE
#undef KFD_EC_MASK_PACKET
#undef KFD_EC_MASK_PROCESS
#undef KFD_EC_MASK_QUEUE
#undef KFD_EVENT_FMT_MIGRATE_END
#undef KFD_EVENT_FMT_MIGRATE_START
#undef KFD_EVENT_FMT_PAGEFAULT_END
#undef KFD_EVENT_FMT_PAGEFAULT_START
#undef KFD_EVENT_FMT_PROCESS
#undef KFD_EVENT_FMT_QUEUE_EVICTION
#undef KFD_EVENT_FMT_QUEUE_RESTORE
#undef KFD_EVENT_FMT_THERMAL_THROTTLING
#undef KFD_EVENT_FMT_UNMAP_FROM_GPU
#undef KFD_EVENT_FMT_UPDATE_GPU_RESET
#undef KFD_EVENT_FMT_VMFAULT
#undef KFD_IOCTL_SVM_FLAG_EXT_COHERENT
#undef KFD_IOC_ALLOC_MEM_FLAGS_CONTIGUOUS
#undef KFD_IOC_ALLOC_MEM_FLAGS_EXT_COHERENT
#undef KFD_IOC_PROFILER_VERSION_NUM
#undef KFD_IOC_QUEUE_TYPE_SDMA_BY_ENG_ID
#undef KFD_PROC_FLAG_MFMA_HIGH_PRECISION
#undef KFD_RUNTIME_ENABLE_MODE_ENABLE_MASK
#undef KFD_RUNTIME_ENABLE_MODE_TTMP_SAVE_MASK

/*
 * The preprocessor cannot remove structs, enums and their constants. So let each use of their names
 * be an error.
 */
#pragma GCC poison DEBUG_RUNTIME_STATE_DISABLED
#pragma GCC poison DEBUG_RUNTIME_STATE_ENABLED
#pragma GCC poison DEBUG_RUNTIME_STATE_ENABLED_BUSY
#pragma GCC poison DEBUG_RUNTIME_STATE_ENABLED_ERROR
#pragma GCC poison EC_DEVICE_FATAL_HALT
#pragma GCC poison EC_DEVICE_MEMORY_VIOLATION
#pragma GCC poison EC_DEVICE_NEW
#pragma GCC poison EC_DEVICE_QUEUE_DELETE
#pragma GCC poison EC_DEVICE_RAS_ERROR
#pragma GCC poison EC_MAX
#pragma GCC poison EC_NONE
#pragma GCC poison EC_PROCESS_DEVICE_REMOVE
#pragma GCC poison EC_PROCESS_RUNTIME
#pragma GCC poison EC_QUEUE_NEW
#pragma GCC poison EC_QUEUE_PACKET_DISPATCH_CODE_INVALID
#pragma GCC poison EC_QUEUE_PACKET_DISPATCH_DIM_INVALID
#pragma GCC poison EC_QUEUE_PACKET_DISPATCH_GROUP_SEGMENT_SIZE_INVALID
#pragma GCC poison EC_QUEUE_PACKET_DISPATCH_REGISTER_INVALID
#pragma GCC poison EC_QUEUE_PACKET_DISPATCH_WORK_GROUP_SIZE_INVALID
#pragma GCC poison EC_QUEUE_PACKET_RESERVED
#pragma GCC poison EC_QUEUE_PACKET_UNSUPPORTED
#pragma GCC poison EC_QUEUE_PACKET_VENDOR_UNSUPPORTED
#pragma GCC poison EC_QUEUE_PREEMPTION_ERROR
#pragma GCC poison EC_QUEUE_WAVE_ABORT
#pragma GCC poison EC_QUEUE_WAVE_APERTURE_VIOLATION
#pragma GCC poison EC_QUEUE_WAVE_ILLEGAL_INSTRUCTION
#pragma GCC poison EC_QUEUE_WAVE_MATH_ERROR
#pragma GCC poison EC_QUEUE_WAVE_MEMORY_VIOLATION
#pragma GCC poison EC_QUEUE_WAVE_TRAP
#pragma GCC poison KFD_DBG_TRAP_ADDRESS_WATCH_MODE_ALL
#pragma GCC poison KFD_DBG_TRAP_ADDRESS_WATCH_MODE_ATOMIC
#pragma GCC poison KFD_DBG_TRAP_ADDRESS_WATCH_MODE_NONREAD
#pragma GCC poison KFD_DBG_TRAP_ADDRESS_WATCH_MODE_READ
#pragma GCC poison KFD_DBG_TRAP_FLAG_LDS_OUT_OF_ADDR_RANGE
#pragma GCC poison KFD_DBG_TRAP_FLAG_SINGLE_ALU_OP
#pragma GCC poison KFD_DBG_TRAP_FLAG_SINGLE_MEM_OP
#pragma GCC poison KFD_DBG_TRAP_MASK_DBG_ADDRESS_WATCH
#pragma GCC poison KFD_DBG_TRAP_MASK_DBG_MEMORY_VIOLATION
#pragma GCC poison KFD_DBG_TRAP_MASK_FP_DIVIDE_BY_ZERO
#pragma GCC poison KFD_DBG_TRAP_MASK_FP_INEXACT
#pragma GCC poison KFD_DBG_TRAP_MASK_FP_INPUT_DENORMAL
#pragma GCC poison KFD_DBG_TRAP_MASK_FP_INVALID
#pragma GCC poison KFD_DBG_TRAP_MASK_FP_OVERFLOW
#pragma GCC poison KFD_DBG_TRAP_MASK_FP_UNDERFLOW
#pragma GCC poison KFD_DBG_TRAP_MASK_INT_DIVIDE_BY_ZERO
#pragma GCC poison KFD_DBG_TRAP_MASK_TRAP_ON_WAVE_END
#pragma GCC poison KFD_DBG_TRAP_MASK_TRAP_ON_WAVE_START
#pragma GCC poison KFD_DBG_TRAP_OVERRIDE_OR
#pragma GCC poison KFD_DBG_TRAP_OVERRIDE_REPLACE
#pragma GCC poison KFD_DBG_TRAP_WAVE_LAUNCH_MODE_DEBUG
#pragma GCC poison KFD_DBG_TRAP_WAVE_LAUNCH_MODE_HALT
#pragma GCC poison KFD_DBG_TRAP_WAVE_LAUNCH_MODE_NORMAL
#pragma GCC poison KFD_IOC_DBG_TRAP_CLEAR_NODE_ADDRESS_WATCH
#pragma GCC poison KFD_IOC_DBG_TRAP_DISABLE
#pragma GCC poison KFD_IOC_DBG_TRAP_ENABLE
#pragma GCC poison KFD_IOC_DBG_TRAP_GET_DEVICE_SNAPSHOT
#pragma GCC poison KFD_IOC_DBG_TRAP_GET_QUEUE_SNAPSHOT
#pragma GCC poison KFD_IOC_DBG_TRAP_QUERY_DEBUG_EVENT
#pragma GCC poison KFD_IOC_DBG_TRAP_QUERY_EXCEPTION_INFO
#pragma GCC poison KFD_IOC_DBG_TRAP_RESUME_QUEUES
#pragma GCC poison KFD_IOC_DBG_TRAP_SEND_RUNTIME_EVENT
#pragma GCC poison KFD_IOC_DBG_TRAP_SET_EXCEPTIONS_ENABLED
#pragma GCC poison KFD_IOC_DBG_TRAP_SET_FLAGS
#pragma GCC poison KFD_IOC_DBG_TRAP_SET_NODE_ADDRESS_WATCH
#pragma GCC poison KFD_IOC_DBG_TRAP_SET_WAVE_LAUNCH_MODE
#pragma GCC poison KFD_IOC_DBG_TRAP_SET_WAVE_LAUNCH_OVERRIDE
#pragma GCC poison KFD_IOC_DBG_TRAP_SUSPEND_QUEUES
#pragma GCC poison KFD_IOC_PROFILER_PMC
#pragma GCC poison KFD_IOC_PROFILER_PTL_CONTROL
#pragma GCC poison KFD_IOC_PROFILER_VERSION
#pragma GCC poison KFD_SMI_EVENT_PROCESS_END
#pragma GCC poison KFD_SMI_EVENT_PROCESS_START
#pragma GCC poison kfd_context_save_area_header
#pragma GCC poison kfd_dbg_device_info_entry
#pragma GCC poison kfd_dbg_runtime_state
#pragma GCC poison kfd_dbg_trap_address_watch_mode
#pragma GCC poison kfd_dbg_trap_exception_code
#pragma GCC poison kfd_dbg_trap_flags
#pragma GCC poison kfd_dbg_trap_mask
#pragma GCC poison kfd_dbg_trap_operations
#pragma GCC poison kfd_dbg_trap_override_mode
#pragma GCC poison kfd_dbg_trap_wave_launch_mode
#pragma GCC poison kfd_hsa_signal_event_data
#pragma GCC poison kfd_ioctl_dbg_trap_args
#pragma GCC poison kfd_ioctl_dbg_trap_clear_node_address_watch_args
#pragma GCC poison kfd_ioctl_dbg_trap_device_snapshot_args
#pragma GCC poison kfd_ioctl_dbg_trap_enable_args
#pragma GCC poison kfd_ioctl_dbg_trap_query_debug_event_args
#pragma GCC poison kfd_ioctl_dbg_trap_query_exception_info_args
#pragma GCC poison kfd_ioctl_dbg_trap_queue_snapshot_args
#pragma GCC poison kfd_ioctl_dbg_trap_resume_queues_args
#pragma GCC poison kfd_ioctl_dbg_trap_send_runtime_event_args
#pragma GCC poison kfd_ioctl_dbg_trap_set_exceptions_enabled_args
#pragma GCC poison kfd_ioctl_dbg_trap_set_flags_args
#pragma GCC poison kfd_ioctl_dbg_trap_set_node_address_watch_args
#pragma GCC poison kfd_ioctl_dbg_trap_set_wave_launch_mode_args
#pragma GCC poison kfd_ioctl_dbg_trap_set_wave_launch_override_args
#pragma GCC poison kfd_ioctl_dbg_trap_suspend_queues_args
#pragma GCC poison kfd_ioctl_export_dmabuf_args
#pragma GCC poison kfd_ioctl_pmc_settings
#pragma GCC poison kfd_ioctl_profiler_args
#pragma GCC poison kfd_ioctl_ptl_control
#pragma GCC poison kfd_ioctl_runtime_enable_args
#pragma GCC poison kfd_profiler_ops
#pragma GCC poison kfd_queue_snapshot_entry
#pragma GCC poison kfd_runtime_info

#endif /* UAPI_OLDEST_H */
