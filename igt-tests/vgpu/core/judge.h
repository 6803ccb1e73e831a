/* SPDX-License-Identifier: MIT */
/*
 * The judge checks every access of the GPU to guest memory.  core/mem.c calls it.
 * The only judge is the page oracle (oracle/oracle.c).  A judge never changes the
 * behaviour of the GPU.
 */
#ifndef VG_JUDGE_H
#define VG_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vgpu;

struct vg_judged_access {
	unsigned int vmid;
	uint64_t va; /* the engine's address, or the bus address of an untranslated access */
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
