/* SPDX-License-Identifier: MIT */
/*
 * The page oracle judges every access of the GPU to guest memory by the events
 * that the guest's kernel reports of its pages.  It never changes what the GPU
 * does.  While no guest reports, it is silent.
 */
#ifndef VG_ORACLE_H
#define VG_ORACLE_H

#include "core/gpu.h"

extern const struct vg_block vg_oracle_block;

/* Makes the oracle the judge of @vg.  0 or -ENOMEM. */
int vg_oracle_init(struct vgpu *vg);
void vg_oracle_free(struct vgpu *vg);

#endif
