/* SPDX-License-Identifier: MIT */
/*
 * The files amdgpu requests of user space for this GPU.  Each function lays
 * one out in @buf, which is zero, and returns its size; no file is larger than
 * VG_IMAGE_MAX.
 */
#ifndef VG_IMAGES_H
#define VG_IMAGES_H

#include <stddef.h>
#include <stdint.h>

enum { VG_IMAGE_MAX = 8192 };

size_t vg_image_discovery(uint8_t *buf);
size_t vg_image_mec(uint8_t *buf);
size_t vg_image_rlc(uint8_t *buf);
size_t vg_image_sdma(uint8_t *buf);

#endif
