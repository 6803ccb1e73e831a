/* SPDX-License-Identifier: MIT */
/*
 * The page oracle compares every access of the GPU to guest memory with the events
 * that the guest's kernel reports about its pages.  The oracle never changes the
 * behaviour of the GPU.  While no guest reports events, it finds nothing.
 */
#ifndef VG_ORACLE_H
#define VG_ORACLE_H

#include "core/gpu.h"

extern const struct vg_block vg_oracle_block;

/* Make the oracle the judge of @vg; 0 or -ENOMEM. */
int vg_oracle_init(struct vgpu *vg);
void vg_oracle_free(struct vgpu *vg);

#endif
