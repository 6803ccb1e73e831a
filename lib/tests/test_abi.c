/* SPDX-License-Identifier: MIT */
/* The binary interface on 64-bit machines: sizes, offsets and values of this version. */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>

#include "amdgpu_userptr.h"

#define EXIT_SKIP 77

#if UINTPTR_MAX == UINT64_MAX

#define PIN_SIZE(type, bytes) static_assert(sizeof(struct amdgpu_userptr_##type) == (bytes), #type)
#define PIN(type, member, at) \
	static_assert(offsetof(struct amdgpu_userptr_##type, member) == (at), #type "." #member)

PIN_SIZE(ctx_args, 40);
PIN(ctx_args, size, 0);
PIN(ctx_args, flags, 4);
PIN(ctx_args, devices, 8);
PIN(ctx_args, fds, 16);
PIN(ctx_args, num_devices, 24);
PIN(ctx_args, backend, 28);
PIN(ctx_args, timeout_ns, 32);

PIN_SIZE(caps, 80);
PIN(caps, size, 0);
PIN(caps, device, 4);
PIN(caps, hsa_status, 8);
PIN(caps, vm_timeline, 12);
PIN(caps, drm_major, 16);
PIN(caps, drm_minor, 20);
PIN(caps, max_ranges, 24);
PIN(caps, backend, 28);
PIN(caps, page_size, 32);
PIN(caps, granularity, 40);
PIN(caps, va_alignment, 48);
PIN(caps, va_min, 56);
PIN(caps, va_max, 64);
PIN(caps, map_flags, 72);
PIN(caps, hsa_reason, 76);

PIN_SIZE(range, 24);
PIN(range, cpu_addr, 0);
PIN(range, size, 8);
PIN(range, flags, 16);
PIN(range, reserved, 20);

PIN_SIZE(map_args, 88);
PIN(map_args, size, 0);
PIN(map_args, flags, 4);
PIN(map_args, va_mode, 8);
PIN(map_args, va_flags, 12);
PIN(map_args, fixed_va, 16);
PIN(map_args, alignment, 24);
PIN(map_args, ranges, 32);
PIN(map_args, num_ranges, 40);
PIN(map_args, range_stride, 44);
PIN(map_args, gpu_va, 48);
PIN(map_args, failed_range, 56);
PIN(map_args, failed_device, 60);
PIN(map_args, failed_stage, 64);
PIN(map_args, failed_reason, 68);
PIN(map_args, devices, 72);
PIN(map_args, failed_reachable, 80);

PIN_SIZE(attach_args, 24);
PIN(attach_args, size, 0);
PIN(attach_args, device, 4);
PIN(attach_args, failed_range, 8);
PIN(attach_args, failed_stage, 12);
PIN(attach_args, failed_reason, 16);
PIN(attach_args, reserved, 20);

PIN_SIZE(info, 112);
PIN(info, size, 0);
PIN(info, flags, 4);
PIN(info, mapping, 8);
PIN(info, mapping_va, 16);
PIN(info, mapping_size, 24);
PIN(info, cpu_addr, 32);
PIN(info, range_va, 40);
PIN(info, range_cpu_addr, 48);
PIN(info, range_size, 56);
PIN(info, range_flags, 64);
PIN(info, range_index, 68);
PIN(info, gpu_va, 72);
PIN(info, devices, 80);
PIN(info, reachable, 88);
PIN(info, span_va, 96);
PIN(info, span_size, 104);

PIN_SIZE(stats, 104);
PIN(stats, size, 0);
PIN(stats, reserved, 4);
PIN(stats, mappings, 8);
PIN(stats, bytes, 16);
PIN(stats, ranges, 24);
PIN(stats, bos, 32);
PIN(stats, map_calls, 40);
PIN(stats, map_failures, 48);
PIN(stats, map_ns, 56);
PIN(stats, unmap_calls, 64);
PIN(stats, unmap_ns, 72);
PIN(stats, ioctls, 80);
PIN(stats, scatter_bos, 88);
PIN(stats, failed_reachable, 96);

PIN_SIZE(watch_args, 16);
PIN(watch_args, size, 0);
PIN(watch_args, device, 4);
PIN(watch_args, kfd_fd, 8);
PIN(watch_args, gpu_id, 12);

PIN_SIZE(evictions, 40);
PIN(evictions, size, 0);
PIN(evictions, device, 4);
PIN(evictions, evictions, 8);
PIN(evictions, userptr_evictions, 16);
PIN(evictions, restores, 24);
PIN(evictions, failed_restores, 32);

PIN_SIZE(hdp_flush_args, 40);
PIN(hdp_flush_args, size, 0);
PIN(hdp_flush_args, device, 4);
PIN(hdp_flush_args, way, 8);
PIN(hdp_flush_args, reserved, 12);
PIN(hdp_flush_args, addr, 16);
PIN(hdp_flush_args, len, 24);
PIN(hdp_flush_args, mem_flush_cntl, 32);

PIN_SIZE(hdp, 56);
PIN(hdp, size, 0);
PIN(hdp, device, 4);
PIN(hdp, addr, 8);
PIN(hdp, way, 16);
PIN(hdp, need, 20);
PIN(hdp, status, 24);
PIN(hdp, reserved, 52);

static_assert(AMDGPU_USERPTR_HDP_AUTO == 0 && AMDGPU_USERPTR_HDP_NONE == 1 &&
		      AMDGPU_USERPTR_HDP_REMAP == 2 && AMDGPU_USERPTR_HDP_KERNEL == 3 &&
		      AMDGPU_USERPTR_HDP_SUBMIT == 4 && AMDGPU_USERPTR_HDP_READ_BACK == 5 &&
		      AMDGPU_USERPTR_HDP_DUMMY == 6 && AMDGPU_USERPTR_HDP_NUM_WAYS == 7,
	      "");
static_assert(AMDGPU_USERPTR_HDP_NEEDED == 0 && AMDGPU_USERPTR_HDP_APU == 1 &&
		      AMDGPU_USERPTR_HDP_XGMI == 2 && AMDGPU_USERPTR_HDP_SYSTEM_MEMORY == 3,
	      "");

static_assert(AMDGPU_USERPTR_NONE == 0xffffffff, "");
static_assert(AMDGPU_USERPTR_MAX_DEVICES == 64, "");
static_assert(AMDGPU_USERPTR_RANGE_READONLY == 1, "");
static_assert(AMDGPU_USERPTR_MAP_NO_COALESCE == 1 && AMDGPU_USERPTR_MAP_COHERENT == 2 &&
		      AMDGPU_USERPTR_MAP_UNCACHED == 4 && AMDGPU_USERPTR_MAP_EXT_COHERENT == 8 &&
		      AMDGPU_USERPTR_MAP_ROUND_OUT == 16,
	      "");
static_assert(AMDGPU_USERPTR_INFO_VA_CLASH == 1, "");
static_assert(AMDGPU_USERPTR_BACKEND_AUTO == 0 && AMDGPU_USERPTR_BACKEND_SCATTER == 1 &&
		      AMDGPU_USERPTR_BACKEND_RANGES == 2,
	      "");
static_assert(AMDGPU_USERPTR_VA_RESERVE == 0 && AMDGPU_USERPTR_VA_ALLOC == 1 &&
		      AMDGPU_USERPTR_VA_FIXED == 2,
	      "");
static_assert(AMDGPU_USERPTR_STAGE_NONE == 0 && AMDGPU_USERPTR_STAGE_VALIDATE == 1 &&
		      AMDGPU_USERPTR_STAGE_VA_RESERVE == 2 && AMDGPU_USERPTR_STAGE_USERPTR == 3 &&
		      AMDGPU_USERPTR_STAGE_VA_MAP == 4 && AMDGPU_USERPTR_STAGE_WAIT == 5,
	      "");

static_assert(AMDGPU_USERPTR_REASON_NONE == 0 && AMDGPU_USERPTR_REASON_OTHER == 1 &&
		      AMDGPU_USERPTR_REASON_ARGUMENT == 2 && AMDGPU_USERPTR_REASON_LIMIT == 3 &&
		      AMDGPU_USERPTR_REASON_NO_MEMORY == 4 &&
		      AMDGPU_USERPTR_REASON_NO_ADDRESSES == 5 &&
		      AMDGPU_USERPTR_REASON_ADDRESS_IN_USE == 6 &&
		      AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD == 7 &&
		      AMDGPU_USERPTR_REASON_NO_KFD_VM == 8 &&
		      AMDGPU_USERPTR_REASON_FOREIGN_VM == 9 && AMDGPU_USERPTR_REASON_MEMORY == 10 &&
		      AMDGPU_USERPTR_REASON_SVM == 11 && AMDGPU_USERPTR_REASON_XNACK == 12 &&
		      AMDGPU_USERPTR_REASON_BUSY == 13 && AMDGPU_USERPTR_REASON_TIMEOUT == 14 &&
		      AMDGPU_USERPTR_REASON_RESET == 15 &&
		      AMDGPU_USERPTR_REASON_GRANULARITY == 16 &&
		      AMDGPU_USERPTR_REASON_KFD_LIMIT == 17,
	      "");

int main(void)
{
	return 0;
}

#else

int main(void)
{
	puts("the machine has no addresses of 64 bits");
	return EXIT_SKIP;
}

#endif
