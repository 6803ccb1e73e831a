// SPDX-License-Identifier: MIT
/* The GPU's device nodes, and files of sysfs, debugfs and /proc. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <xf86drm.h>

#include "standin.h"

enum { FIRST_RENDER = 128, END_RENDER = 192 };

static bool is_amdgpu(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool found = version && !strcmp(version->name, "amdgpu");

	drmFreeVersion(version);
	return found;
}

int drm_open_driver_render(int chipset)
{
	char path[64];
	int fd = -1;

	igt_assert_eq(chipset, DRIVER_AMDGPU);
	for (int minor = FIRST_RENDER; fd < 0 && minor < END_RENDER; minor++) {
		snprintf(path, sizeof(path), "/dev/dri/renderD%d", minor);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && !is_amdgpu(fd)) {
			close(fd);
			fd = -1;
		}
	}
	igt_skip_on_f(fd < 0, "No known gpu found for chipset flags 0x%x (amdgpu)\n", chipset);
	return fd;
}

int drm_reopen_driver(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	igt_assert_fd(fd);
	return fd;
}

int drm_close_driver(int fd)
{
	return close(fd);
}

const char *igt_debugfs_mount(void)
{
	return access("/sys/kernel/debug/dri", R_OK) ? NULL : "/sys/kernel/debug";
}

int igt_debugfs_open(int fd, const char *filename, int mode)
{
	char path[PATH_MAX], device[PATH_MAX];
	struct stat st;
	ssize_t length;

	if (fstat(fd, &st))
		return -1;
	/* DRM names the directory after the PCI device (drm_debugfs.c:drm_debugfs_dev_init()). */
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	length = readlink(path, device, sizeof(device) - 1);
	if (length < 0)
		return -1;
	device[length] = 0;
	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%s/%s", basename(device), filename);
	return open(path, mode | O_CLOEXEC);
}

int igt_sysfs_write(int dir, const char *attr, const void *data, int len)
{
	int fd = openat(dir, attr, O_WRONLY | O_CLOEXEC);
	int done = 0;

	if (fd < 0)
		return -errno;
	while (done < len) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			done = n < 0 ? -errno : done;
			break;
		}
		done += n;
	}
	close(fd);
	return done;
}

bool igt_sysfs_set(int dir, const char *attr, const char *value)
{
	int length = strlen(value);

	return igt_sysfs_write(dir, attr, value, length) == length;
}

uint64_t igt_get_total_swap_mb(void)
{
	struct sysinfo info;

	igt_assert(!sysinfo(&info));
	return ((uint64_t)info.totalswap * info.mem_unit) >> 20;
}
