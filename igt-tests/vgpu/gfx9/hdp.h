/* SPDX-License-Identifier: MIT */
/* Host data path (HDP): the way of the CPU's accesses to VRAM. */
#ifndef VG_HDP_H
#define VG_HDP_H

#include <stddef.h>
#include <stdint.h>

struct vgpu;

/* The CPU's access to [at, at + len), which lies in VRAM. */
void vg_hdp_read(struct vgpu *vg, uint64_t at, void *data, size_t len);
void vg_hdp_write(struct vgpu *vg, uint64_t at, const void *data, size_t len);

#endif
