/* SPDX-License-Identifier: MIT */
#ifndef VG_HOST_IMAGES_H
#define VG_HOST_IMAGES_H

/* Write the files that the driver requests below @dir/amdgpu; 0 or -errno. */
int vg_images_write(const char *dir);

#endif
