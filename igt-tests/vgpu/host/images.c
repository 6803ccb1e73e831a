// SPDX-License-Identifier: MIT
/* Writes the files that the guest's driver loads. */
#include "images.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vgpu.h"

static int write_file(int dir, const char *name, const uint8_t *data, size_t size)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t done = 0;
	int ret = 0;

	if (fd < 0)
		return -errno;
	while (done < size && !ret) {
		ssize_t n = write(fd, data + done, size - done);

		if (n >= 0)
			done += n;
		else if (errno != EINTR)
			ret = -errno;
	}
	if (close(fd) < 0 && !ret)
		ret = -errno;
	return ret;
}

int vg_images_write(const struct vg_config *config, const char *dir)
{
	char path[PATH_MAX];
	int fd, ret = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/amdgpu", dir) >= sizeof(path))
		return -ENAMETOOLONG;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; !ret; i++) {
		uint8_t buf[VG_IMAGE_MAX] = { 0 };
		const char *name;
		size_t size = vgpu_image(config, i, &name, buf);

		if (!size)
			break;
		ret = write_file(fd, name, buf, size);
	}
	close(fd);
	return ret;
}
