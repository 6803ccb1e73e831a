// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <amdgpu_drm.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "../../../lib/src/uapi.h"

/* Matches a line that has none of these words, which the kernel logs for bugs. */
#define NO_BUG \
	"(?!.*(WARNING:|BUG:|Oops|UBSAN:|KASAN:|KFENCE:|refcount_t:|corruption|" \
	"general protection fault|blocked for more than))"

void amd_info(int fd, uint32_t query, void *result, uint32_t size)
{
	struct drm_amdgpu_info args = {
		.return_pointer = (uintptr_t)result,
		.return_size = size,
		.query = query,
	};

	igt_assert_f(drmIoctl(fd, DRM_IOCTL_AMDGPU_INFO, &args) == 0, "info %#x: %s\n", query,
		     strerror(errno));
}

void amd_info_require_gpu_page_va(int fd)
{
	struct drm_amdgpu_info_device info = {};

	amd_info(fd, AMDGPU_INFO_DEV_INFO, &info, sizeof(info));
	igt_require_f(getpagesize() == AMD_GPU_PAGE_SIZE ||
			      info.ids_flags & AMDGPU_IDS_FLAGS_GPU_PAGE_VA,
		      "This kernel does not have AMDGPU_IDS_FLAGS_GPU_PAGE_VA\n");
}

int __amd_info_debugfs(int fd, const char *name)
{
	return igt_debugfs_mount() ? igt_debugfs_open(fd, name, O_RDONLY) : -1;
}

uint64_t amd_info_memory(int fd, const char *statistic)
{
	char path[64], line[128], unit[8];
	unsigned long long number = 0;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	igt_assert_f(file, "%s: %s\n", path, strerror(errno));
	while (!found && fgets(line, sizeof(line), file)) {
		unit[0] = '\0';
		found = !strncmp(line, statistic, strlen(statistic)) &&
			sscanf(line + strlen(statistic), "%llu %7s", &number, unit) >= 1;
	}
	fclose(file);
	igt_assert_f(found, "%s has no %s\n", path, statistic);
	if (!strcmp(unit, "KiB"))
		number <<= 10;
	else if (!strcmp(unit, "MiB"))
		number <<= 20;
	return number;
}

void amd_info_ignore_fault_log(void)
{
	/*
	 * The lines of gmc_v9_0.c:gmc_v9_0_process_interrupt() about a fault, its line about
	 * suppressed messages, and the line of mm/memory-failure.c when a test makes a page fail.
	 */
	igt_emit_ignore_dmesg_regex("amdgpu [0-9a-f:.]+: .*(page fault|Process |in page starting|"
				    "cookie node_id|VM_L2_PROTECTION_FAULT_STATUS|Faulty UTCL2|"
				    "MORE_FAULTS|WALKER_ERROR|PERMISSION_FAULTS|MAPPING_ERROR|"
				    "RW: )|_process_interrupt: [0-9]+ callbacks suppressed|"
				    "Memory failure: ");
}

/*
 * A kernel that is short of memory logs messages about that, sometimes with all its statistics of
 * memory.  Ignore every line that reports no bug.
 */
void amd_info_ignore_memory_log(void)
{
	igt_emit_ignore_dmesg_regex("^" NO_BUG);
}

/* The messages of amdgpu_device_gpu_recover() and of the functions that it calls. */
void amd_info_ignore_reset_log(void)
{
	igt_emit_ignore_dmesg_regex("^" NO_BUG ".*(amdgpu|kfd|GPU reset|drm)");
}

void amd_info_ignore_user_pages_log(void)
{
	igt_emit_ignore_dmesg_regex("init_user_pages: Failed to get user pages: -14");
}
