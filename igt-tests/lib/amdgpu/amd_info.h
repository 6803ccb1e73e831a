/* SPDX-License-Identifier: MIT */
/* Facts that the driver tells about the GPU, and lines that it logs. */
#ifndef AMD_INFO_H
#define AMD_INFO_H

#include <stdint.h>

/* DRM_IOCTL_AMDGPU_INFO of the device @fd; fails the test when the driver refuses. */
void amd_info(int fd, uint32_t query, void *result, uint32_t size);
/* Keep the runner from counting the kernel's report of wanted faults as a problem. */
void amd_info_ignore_fault_log(void);
/* The same for the lines of a kernel that is short of memory, but not for warnings and bugs. */
void amd_info_ignore_memory_log(void);
/* The same for KFD's complaint about memory that cannot be a userptr. */
void amd_info_ignore_user_pages_log(void);

#endif
