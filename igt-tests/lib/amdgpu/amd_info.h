/* SPDX-License-Identifier: MIT */
/* Facts about the GPU that the driver reports, and lines of its log that a test expects. */
#ifndef AMD_INFO_H
#define AMD_INFO_H

#include <stdint.h>

/* Call DRM_IOCTL_AMDGPU_INFO on the device @fd; fails the test when the driver refuses. */
void amd_info(int fd, uint32_t query, void *result, uint32_t size);
/*
 * Open the GPU's file @name of debugfs for reading.  Returns -1 if there is none, also because the
 * kernel has no debugfs or the user may not mount it.
 */
int __amd_info_debugfs(int fd, const char *name);
/* Let igt_runner ignore what the kernel logs about GPU page faults that the test provokes. */
void amd_info_ignore_fault_log(void);
/*
 * Let igt_runner ignore what the kernel logs when it is short of memory, except warnings and bugs.
 */
void amd_info_ignore_memory_log(void);
/* Let igt_runner ignore what the driver logs about a reset of the GPU, except warnings and bugs. */
void amd_info_ignore_reset_log(void);
/* Let igt_runner ignore KFD's error about memory that cannot be a userptr. */
void amd_info_ignore_user_pages_log(void);

#endif
