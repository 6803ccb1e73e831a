/* SPDX-License-Identifier: MIT */
#ifndef VG_HOST_IMAGES_H
#define VG_HOST_IMAGES_H

struct vg_config;

/* Write the files that the driver requests for a GPU with @config below @dir/amdgpu; 0 or -errno.
 */
int vg_images_write(const struct vg_config *config, const char *dir);

#endif
