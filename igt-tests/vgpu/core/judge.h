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
	uint64_t va; /* the engine's address; if the GPU did not translate it, the same as @addr */
	uint64_t addr; /* bus address */
	uint64_t gpa;  /* guest physical address, or VG_DMA_UNKNOWN */
	size_t len;
	bool write;
	uint64_t read_at; /* result of now() before the GPU read the translation */
};

struct vg_judge {
	/*
	 * Counts the events that the guest has reported so far.  core/mem.c calls this
	 * before a page walk, so that the judge can tell whether the kernel took the
	 * page back after the TLB had cached its translation.
	 */
	uint64_t (*now)(struct vgpu *vg);
	void (*access)(struct vgpu *vg, const struct vg_judged_access *access);
};

#endif
