/* SPDX-License-Identifier: MIT */
/*
 * Definitions of the kernel's uapi headers amdgpu_drm.h and kfd_ioctl.h. A machine may have older
 * copies of these headers, from libdrm 2.4.114 or later and from its kernel, which lack the
 * definitions. The library, its tests and the IGT tests take them from here.
 *
 * Include <amdgpu_drm.h> first where both are needed. The macros have the same text as in the
 * kernel, so the compiler accepts a second definition of them, in either order. The structs have
 * names of their own, because C has no way to ask whether a struct has a member.
 */
#ifndef AMDGPU_USERPTR_UAPI_H
#define AMDGPU_USERPTR_UAPI_H

#include <stdint.h>

/* Released, but not in libdrm 2.4.114. */
#ifndef AMDGPU_VM_PAGE_NOALLOC
#define AMDGPU_VM_PAGE_NOALLOC (1 << 9)
#endif

#ifndef AMDGPU_GEM_CREATE_DISCARDABLE
#define AMDGPU_GEM_CREATE_DISCARDABLE (1 << 12)
#endif
#ifndef AMDGPU_GEM_CREATE_COHERENT
#define AMDGPU_GEM_CREATE_COHERENT (1 << 13)
#endif
#ifndef AMDGPU_GEM_CREATE_UNCACHED
#define AMDGPU_GEM_CREATE_UNCACHED (1 << 14)
#endif
#ifndef AMDGPU_GEM_CREATE_EXT_COHERENT
#define AMDGPU_GEM_CREATE_EXT_COHERENT (1 << 15)
#endif

/* These flags came with DRM 3.65 of amdgpu, which is in no released header yet. */
#ifndef AMDGPU_GEM_USERPTR_HSA
#define AMDGPU_GEM_USERPTR_HSA (1 << 4)
#endif
#ifndef AMDGPU_GEM_USERPTR_SCATTER
#define AMDGPU_GEM_USERPTR_SCATTER (1 << 5)
#endif
#ifndef AMDGPU_GEM_USERPTR_COHERENT
#define AMDGPU_GEM_USERPTR_COHERENT (1 << 6)
#endif
#ifndef AMDGPU_GEM_USERPTR_UNCACHED
#define AMDGPU_GEM_USERPTR_UNCACHED (1 << 7)
#endif
#ifndef AMDGPU_GEM_USERPTR_EXT_COHERENT
#define AMDGPU_GEM_USERPTR_EXT_COHERENT (1 << 8)
#endif
#ifndef AMDGPU_GEM_USERPTR_RANGE_READONLY
#define AMDGPU_GEM_USERPTR_RANGE_READONLY (1 << 0)
#endif

/* Bits of drm_amdgpu_info_device.ids_flags that are released, but not in libdrm 2.4.114. */
#ifndef AMDGPU_IDS_FLAGS_MODE_MASK
#define AMDGPU_IDS_FLAGS_MODE_MASK  0x300
#define AMDGPU_IDS_FLAGS_MODE_SHIFT 0x8
#define AMDGPU_IDS_FLAGS_MODE_PF    0x0
#define AMDGPU_IDS_FLAGS_MODE_VF    0x1
#define AMDGPU_IDS_FLAGS_MODE_PT    0x2
#endif

/*
 * This operation of DRM_IOCTL_AMDGPU_GEM_OP returns a GEM handle of the MMIO remap page. The caller
 * puts the number of the page into @handle. Kernels that do not know the operation take @handle for
 * the handle of a BO and look for this BO first, so they return ENOENT for number 0, not EINVAL.
 */
#ifndef AMDGPU_GEM_OP_OPEN_GLOBAL
#define AMDGPU_GEM_OP_OPEN_GLOBAL 3
#endif
#ifndef AMDGPU_GEM_GLOBAL_MMIO_REMAP
#define AMDGPU_GEM_GLOBAL_MMIO_REMAP 0
#endif

/* struct drm_amdgpu_hdp_flush, and its ioctl */
struct amd_hdp_flush_args {
	uint32_t flags;
	uint32_t pad;
};

#define AMD_IOCTL_HDP_FLUSH DRM_IOW(DRM_COMMAND_BASE + 0x1B, struct amd_hdp_flush_args)

/*
 * A flag of drm_amdgpu_info_device.ids_flags: GEM_VA maps any GPU pages (4 KiB) of BOs in system
 * memory, also where CPU pages are larger. On a kernel without this flag a mapping of a part of a
 * CPU page gets wrong memory, or stops the kernel, so never try one.
 */
#ifndef AMDGPU_IDS_FLAGS_GPU_PAGE_VA
#define AMDGPU_IDS_FLAGS_GPU_PAGE_VA 0x20
#endif

/* A flag of drm_amdgpu_info_device.ids_flags: the kernel has AMD_IOCTL_HDP_FLUSH. */
#ifndef AMDGPU_IDS_FLAGS_HDP_FLUSH
#define AMDGPU_IDS_FLAGS_HDP_FLUSH 0x40
#endif

/* struct drm_amdgpu_gem_userptr_range */
struct amd_userptr_range {
	uint64_t addr;
	uint64_t size;
	uint32_t flags;
	uint32_t pad;
};

/*
 * struct drm_amdgpu_gem_userptr. DRM 3.65 added the members behind @handle. An older kernel does
 * not read them, and it refuses the flag that gives them a meaning.
 */
struct amd_userptr_args {
	uint64_t addr;
	uint64_t size;
	uint32_t flags;
	uint32_t handle;
	uint64_t ranges;
	uint32_t num_ranges;
	uint32_t range_stride;
};

/*
 * struct drm_amdgpu_gem_va. DRM 3.64 added the members behind @map_size, and libdrm's header has
 * them from 2.4.125 on. The request's number contains the size of the struct, so each kernel knows
 * whether the caller has the members.
 */
struct amd_gem_va_args {
	uint32_t handle;
	uint32_t _pad;
	uint32_t operation;
	uint32_t flags;
	uint64_t va_address;
	uint64_t offset_in_bo;
	uint64_t map_size;
	uint64_t vm_timeline_point;
	uint32_t vm_timeline_syncobj_out;
	uint32_t num_syncobj_handles;
	uint64_t input_fence_syncobj_handles;
};

/*
 * struct drm_amdgpu_info_hw_ip. libdrm 2.4.114 has no @ip_discovery_version. A kernel without
 * this member copies a shorter struct, so the member keeps the value that the caller gave it.
 */
struct amd_hw_ip_info {
	uint32_t hw_ip_version_major;
	uint32_t hw_ip_version_minor;
	uint64_t capabilities_flags;
	uint32_t ib_start_alignment;
	uint32_t ib_size_alignment;
	uint32_t available_rings;
	uint32_t ip_discovery_version; /* bits 23:16 major, 15:8 minor, 7:0 revision */
};

/*
 * Parts of <linux/kfd_ioctl.h>, whose version on a machine is independent of libdrm's. The names
 * there differ; lib/tests/test_evictions.c compares the values.
 */
struct amd_acquire_vm_args {
	uint32_t drm_fd;
	uint32_t gpu_id;
};

struct amd_smi_events_args {
	uint32_t gpuid;
	uint32_t anon_fd;
};

#define AMD_IOC_ACQUIRE_VM	     _IOW('K', 0x15, struct amd_acquire_vm_args)
#define AMD_IOC_SMI_EVENTS	     _IOWR('K', 0x1F, struct amd_smi_events_args)
#define AMD_SMI_EVENT_QUEUE_EVICTION 9
#define AMD_SMI_EVENT_QUEUE_RESTORE  10
#define AMD_SMI_EVENT_BIT(event)     (UINT64_C(1) << ((event) - 1))
#define AMD_SMI_EVENT_MSG_SIZE	     96
#define AMD_SMI_TRIGGER_USERPTR	     1

/* Released, but not in the headers of Linux 6.1. */
#ifndef KFD_IOC_ALLOC_MEM_FLAGS_EXT_COHERENT
#define KFD_IOC_ALLOC_MEM_FLAGS_EXT_COHERENT (1 << 24)
#endif

/*
 * KFD's interface for debuggers, which the headers of Linux 6.1 lack: struct
 * kfd_ioctl_dbg_trap_args with the operations that the tests use, and the exceptions of enum
 * kfd_dbg_trap_exception_code as bits of a mask. igt-tests/lib/tests/uapi_newest.h compares all of
 * it with the kernel's header.
 */
struct amd_dbg_event {
	uint64_t exception_mask;
	uint32_t gpu_id;
	uint32_t queue_id;
};

struct amd_dbg_trap_args {
	uint32_t pid;
	uint32_t op;
	union {
		struct {
			uint64_t exception_mask;
			uint64_t rinfo_ptr;
			uint32_t rinfo_size;
			uint32_t dbg_fd;
		} enable;
		struct amd_dbg_event query_debug_event;
		struct {
			uint64_t info_ptr;
			uint32_t info_size;
			uint32_t source_id;
			uint32_t exception_code;
			uint32_t clear_exception;
		} query_exception_info;
	};
};

/* struct kfd_runtime_info */
struct amd_dbg_runtime_info {
	uint64_t r_debug;
	uint32_t runtime_state;
	uint32_t ttmp_setup;
};

#define AMD_IOC_DBG_TRAP		_IOWR('K', 0x26, struct amd_dbg_trap_args)
#define AMD_DBG_TRAP_ENABLE		0
#define AMD_DBG_TRAP_DISABLE		1
#define AMD_DBG_TRAP_QUERY_DEBUG_EVENT	11
#define AMD_DBG_TRAP_QUERY_EXCEPTION	12
#define AMD_DBG_QUEUE_NEW		31
#define AMD_DBG_DEVICE_MEMORY_VIOLATION 33
#define AMD_DBG_MASK(exception)		(UINT64_C(1) << ((exception) - 1))

/* struct drm_amdgpu_info_gpuvm_fault, and its query, which libdrm 2.4.114 does not have. */
struct amd_gpuvm_fault {
	uint64_t addr;
	uint32_t status;
	uint32_t vmhub;
};

#define AMD_INFO_GPUVM_FAULT 0x23
#define AMD_VMHUB_TYPE_MASK  0xff
#define AMD_VMHUB_TYPE_GFX   0

/* AMDGPU_CTX_QUERY2_FLAGS_RESET_IN_PROGRESS, which libdrm 2.4.114 does not have. */
#define AMD_CTX_IN_RESET (1 << 5)

#define AMD_IOCTL_GEM_USERPTR \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDGPU_GEM_USERPTR, struct amd_userptr_args)
#define AMD_IOCTL_GEM_VA DRM_IOW(DRM_COMMAND_BASE + DRM_AMDGPU_GEM_VA, struct amd_gem_va_args)

#endif /* AMDGPU_USERPTR_UAPI_H */
