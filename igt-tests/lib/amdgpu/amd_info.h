/* SPDX-License-Identifier: MIT */
/* Facts about the GPU that the driver reports, and lines of its log that a test expects. */
#ifndef AMD_INFO_H
#define AMD_INFO_H

#include <stdint.h>

/*
 * The size of a GPU page, whatever the CPU's page size is (AMDGPU_GPU_PAGE_SIZE,
 * drivers/gpu/drm/amd/amdgpu/amdgpu_gart.h).
 */
#define AMD_GPU_PAGE_SIZE 4096u

/* Call DRM_IOCTL_AMDGPU_INFO on the device @fd; fails the test when the driver refuses. */
void amd_info(int fd, uint32_t query, void *result, uint32_t size);
/*
 * Open the GPU's file @name of debugfs for reading.  Returns -1 if there is no such file, if the
 * kernel has no debugfs, or if the user may not mount debugfs.
 */
int __amd_info_debugfs(int fd, const char *name);
/*
 * Returns the bytes of a statistic of the file @fd, such as "drm-resident-gtt:", from fdinfo
 * (Documentation/gpu/drm-usage-stats.rst).  Fails the test if there is no such statistic.
 */
uint64_t amd_info_memory(int fd, const char *statistic);
/*
 * Skip if CPU pages are larger than 4 KiB and the kernel lacks AMDGPU_IDS_FLAGS_GPU_PAGE_VA, by
 * which a kernel says that it can map parts of CPU pages.  Other kernels would map wrong pages or
 * reach a BUG_ON(), so a test must not ask them for that.
 */
void amd_info_require_gpu_page_va(int fd);
/* Let igt_runner ignore the kernel's messages about GPU page faults that the test provokes. */
void amd_info_ignore_fault_log(void);
/*
 * Let igt_runner ignore all messages of a kernel that is short of memory, except warnings and bugs.
 */
void amd_info_ignore_memory_log(void);
/*
 * Let igt_runner ignore the driver's messages about a reset of the GPU, except warnings and bugs.
 */
void amd_info_ignore_reset_log(void);
/* Let igt_runner ignore KFD's error about memory that cannot be a userptr. */
void amd_info_ignore_user_pages_log(void);

#endif
