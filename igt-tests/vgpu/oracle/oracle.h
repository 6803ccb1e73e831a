/* SPDX-License-Identifier: MIT */
/*
 * The page oracle: judges every access of the GPU to guest memory by what the
 * guest's kernel says of its pages.  It observes and never changes what the
 * device does.  Without a guest that reports it is silent.
 */
#ifndef VG_ORACLE_H
#define VG_ORACLE_H

#include "core/model.h"

struct vg_oracle_access {
	unsigned int vmid;
	uint64_t va;		/* as the engine said, or the bus address */
	uint64_t gpa;
	size_t len;
	bool write;
	uint64_t read_at;	/* vg_oracle_now() before the translation was read */
};

extern const struct vg_block vg_oracle_block;

/* 0 or -ENOMEM; before anything else of @vg is set up. */
int vg_oracle_init(struct vgpu *vg);
/* Point in the order of events, for vg_oracle_access.read_at. */
uint64_t vg_oracle_now(struct vgpu *vg);
void vg_oracle_judge(struct vgpu *vg, const struct vg_oracle_access *access);
/* The part of the run that the guest has begun, 0 before the first. */
uint32_t vg_oracle_mark(const struct vgpu *vg);

#endif
