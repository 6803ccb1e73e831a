/* SPDX-License-Identifier: MIT */
/*
 * The files that amdgpu requests from user space for this GPU.  Each function writes
 * one file to @buf, which has VG_IMAGE_MAX zero bytes, and returns the file's size.  Of @config
 * they need the number of XCCs.
 */
#ifndef VG_IMAGES_H
#define VG_IMAGES_H

#include <stddef.h>
#include <stdint.h>

struct vg_config;

size_t vg_image_discovery(const struct vg_config *config, uint8_t *buf);
size_t vg_image_mec(const struct vg_config *config, uint8_t *buf);
size_t vg_image_rlc(const struct vg_config *config, uint8_t *buf);
size_t vg_image_sdma(const struct vg_config *config, uint8_t *buf);

#endif
