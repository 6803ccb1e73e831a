/* SPDX-License-Identifier: MIT */
/*
 * The files that amdgpu requests from user space for this GPU.  Each function writes
 * one file to @buf, which has VG_IMAGE_MAX zero bytes, and returns the file's size.
 */
#ifndef VG_IMAGES_H
#define VG_IMAGES_H

#include <stddef.h>
#include <stdint.h>

size_t vg_image_discovery(uint8_t *buf);
size_t vg_image_mec(uint8_t *buf);
size_t vg_image_rlc(uint8_t *buf);
size_t vg_image_sdma(uint8_t *buf);

#endif
