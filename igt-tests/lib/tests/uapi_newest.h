/* SPDX-License-Identifier: MIT */
/*
 * Takes the headers of a kernel tree. The installed headers have the same include guards, so the
 * compiler skips them. The test headers-newest includes this file before each file of the tests,
 * with the paths of both headers in KERNEL_DRM and KERNEL_KFD. So the test checks that
 * lib/src/uapi.h defines nothing in another way than the kernel does, and that the names which only
 * lib/src/uapi.h has (AMD_*) have the kernel's values.
 */
#ifndef UAPI_NEWEST_H
#define UAPI_NEWEST_H

#include <stddef.h>

#include KERNEL_DRM
#include KERNEL_KFD

#include "../../../lib/src/uapi.h"

#define SAME(name, kernels)	 _Static_assert((name) == (kernels), #name)
#define SAME_SIZE(type, kernels) _Static_assert(sizeof(type) == sizeof(kernels), #type)
#define SAME_PLACE(type, kernels, member) \
	_Static_assert(offsetof(type, member) == offsetof(kernels, member), #type "." #member)

SAME(AMD_IOC_DBG_TRAP, AMDKFD_IOC_DBG_TRAP);
SAME(AMD_DBG_TRAP_ENABLE, KFD_IOC_DBG_TRAP_ENABLE);
SAME(AMD_DBG_TRAP_DISABLE, KFD_IOC_DBG_TRAP_DISABLE);
SAME(AMD_DBG_TRAP_QUERY_DEBUG_EVENT, KFD_IOC_DBG_TRAP_QUERY_DEBUG_EVENT);
SAME(AMD_DBG_TRAP_QUERY_EXCEPTION, KFD_IOC_DBG_TRAP_QUERY_EXCEPTION_INFO);
SAME(AMD_DBG_MASK(AMD_DBG_QUEUE_NEW), KFD_EC_MASK(EC_QUEUE_NEW));
SAME(AMD_DBG_MASK(AMD_DBG_DEVICE_MEMORY_VIOLATION), KFD_EC_MASK(EC_DEVICE_MEMORY_VIOLATION));

SAME_PLACE(struct amd_dbg_trap_args, struct kfd_ioctl_dbg_trap_args, op);
SAME_PLACE(struct amd_dbg_trap_args, struct kfd_ioctl_dbg_trap_args, enable.exception_mask);
SAME_PLACE(struct amd_dbg_trap_args, struct kfd_ioctl_dbg_trap_args, enable.rinfo_ptr);
SAME_PLACE(struct amd_dbg_trap_args, struct kfd_ioctl_dbg_trap_args, enable.rinfo_size);
SAME_PLACE(struct amd_dbg_trap_args, struct kfd_ioctl_dbg_trap_args, enable.dbg_fd);
SAME_PLACE(struct amd_dbg_trap_args, struct kfd_ioctl_dbg_trap_args, query_exception_info.info_ptr);
SAME_PLACE(struct amd_dbg_trap_args, struct kfd_ioctl_dbg_trap_args,
	   query_exception_info.info_size);
SAME_PLACE(struct amd_dbg_trap_args, struct kfd_ioctl_dbg_trap_args,
	   query_exception_info.source_id);
SAME_PLACE(struct amd_dbg_trap_args, struct kfd_ioctl_dbg_trap_args,
	   query_exception_info.exception_code);
SAME_PLACE(struct amd_dbg_trap_args, struct kfd_ioctl_dbg_trap_args,
	   query_exception_info.clear_exception);

SAME_SIZE(struct amd_dbg_event, struct kfd_ioctl_dbg_trap_query_debug_event_args);
SAME_PLACE(struct amd_dbg_event, struct kfd_ioctl_dbg_trap_query_debug_event_args, gpu_id);
SAME_PLACE(struct amd_dbg_event, struct kfd_ioctl_dbg_trap_query_debug_event_args, queue_id);
SAME_SIZE(struct amd_dbg_runtime_info, struct kfd_runtime_info);
SAME_PLACE(struct amd_dbg_runtime_info, struct kfd_runtime_info, runtime_state);
SAME_PLACE(struct amd_dbg_runtime_info, struct kfd_runtime_info, ttmp_setup);

SAME(AMD_INFO_GPUVM_FAULT, AMDGPU_INFO_GPUVM_FAULT);
SAME(AMD_VMHUB_TYPE_MASK, AMDGPU_VMHUB_TYPE_MASK);
SAME(AMD_VMHUB_TYPE_GFX, AMDGPU_VMHUB_TYPE_GFX);
SAME_SIZE(struct amd_gpuvm_fault, struct drm_amdgpu_info_gpuvm_fault);
SAME_PLACE(struct amd_gpuvm_fault, struct drm_amdgpu_info_gpuvm_fault, status);
SAME_PLACE(struct amd_gpuvm_fault, struct drm_amdgpu_info_gpuvm_fault, vmhub);

#endif /* UAPI_NEWEST_H */
