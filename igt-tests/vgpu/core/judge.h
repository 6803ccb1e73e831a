/* SPDX-License-Identifier: MIT */
/*
 * The judge watches every access of the GPU to guest memory.  core/mem.c calls
 * it; the page oracle (oracle/oracle.c) is the one that there is.  A judge
 * never changes what the GPU does.
 */
#ifndef VG_JUDGE_H
#define VG_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vgpu;

struct vg_judged_access {
	unsigned int vmid;
	uint64_t va; /* as the engine said, or the bus address */
	uint64_t gpa;
	size_t len;
	bool write;
	uint64_t read_at; /* now() before the translation was read */
};

struct vg_judge {
	/* A point in the order of the events that the guest reports. */
	uint64_t (*now)(struct vgpu *vg);
	void (*access)(struct vgpu *vg, const struct vg_judged_access *access);
};

#endif
