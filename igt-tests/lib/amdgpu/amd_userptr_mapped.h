/* SPDX-License-Identifier: MIT */
/*
 * User memory that KFD's queues reach, by whichever of the ways there are: what
 * is true of one of them should be true of all.
 */
#ifndef AMD_USERPTR_MAPPED_H
#define AMD_USERPTR_MAPPED_H

#include "lib/amdgpu/amd_userptr.h"

enum amd_userptr_kind {
	AMD_USERPTR_KIND_SINGLE,	/* a BO of one range */
	AMD_USERPTR_KIND_SCATTER,	/* a BO of many ranges, the last one first */
	AMD_USERPTR_KIND_KFD,		/* KFD's own userptr */
	AMD_USERPTR_NUM_KINDS,
};

/* For names of subtests: "", "-scatter", "-kfd". */
extern const char *const amd_userptr_kind_suffix[AMD_USERPTR_NUM_KINDS];

/* Byte x of the memory is byte x at the GPU address. */
struct amd_userptr_mapped {
	enum amd_userptr_kind kind;
	void *cpu;
	uint64_t size;
	uint64_t va;			/* 0: not mapped */
	uint32_t handle;		/* of the BO */
	struct amd_kfd_mem mem;		/* of KFD's */
};

/*
 * 0 or -errno; what was made until then is taken back.  Maps nothing on the CPU
 * but the reservation of the GPU's addresses, and belongs to no clean-up.
 */
int __amd_userptr_mapped_make(struct amd_userptr *up, enum amd_userptr_kind kind, void *cpu,
			      uint64_t size, struct amd_userptr_mapped *mapped);
int __amd_userptr_mapped_drop(struct amd_userptr *up, struct amd_userptr_mapped *mapped);

/* The same, asserting success; the first skips when the kernel lacks the flag. */
void amd_userptr_mapped_make(struct amd_userptr *up, enum amd_userptr_kind kind, void *cpu,
			     uint64_t size, struct amd_userptr_mapped *mapped);
void amd_userptr_mapped_drop(struct amd_userptr *up, struct amd_userptr_mapped *mapped);

#endif
