/* SPDX-License-Identifier: MIT */
/*
 * One interface for the three kinds of userptrs that KFD's queues can reach, so that a test can run
 * with each of them.
 */
#ifndef AMD_USERPTR_MAPPED_H
#define AMD_USERPTR_MAPPED_H

#include "lib/amdgpu/amd_userptr.h"

enum amd_userptr_kind {
	AMD_USERPTR_KIND_SINGLE,  /* a BO of one range */
	AMD_USERPTR_KIND_SCATTER, /* a BO of many ranges, in reverse order */
	AMD_USERPTR_KIND_KFD,	  /* KFD's own userptr */
	AMD_USERPTR_NUM_KINDS,
};

/* Ends of subtest names: "", "-scatter", "-kfd". */
extern const char *const amd_userptr_kind_suffix[AMD_USERPTR_NUM_KINDS];

/* Byte x at cpu is byte x at va, whatever the kind. */
struct amd_userptr_mapped {
	enum amd_userptr_kind kind;
	void *cpu;
	uint64_t size;
	uint64_t va;		/* 0: not mapped */
	uint32_t handle;	/* of the BO, if it is one of the first two kinds */
	struct amd_kfd_mem mem; /* KFD's userptr, if it is the last kind */
};

/*
 * Map [cpu, cpu + size) for the GPU; 0 or -errno.  After an error nothing is mapped.  @up does
 * not remember the mapping, so the subtest's clean-up does not remove it, and the caller has to
 * drop it.
 */
int __amd_userptr_mapped_make(struct amd_userptr *up, enum amd_userptr_kind kind, void *cpu,
			      uint64_t size, struct amd_userptr_mapped *mapped);
int __amd_userptr_mapped_drop(struct amd_userptr *up, struct amd_userptr_mapped *mapped);

/*
 * make_at() maps at the GPU address @va, which the caller has reserved.  close() removes the
 * mapping and keeps the reservation.  Both functions are for tests in which another thread holds
 * mmap_lock: only the driver may take the lock, the functions themselves do not.
 */
int __amd_userptr_mapped_make_at(struct amd_userptr *up, enum amd_userptr_kind kind, void *cpu,
				 uint64_t size, uint64_t va, struct amd_userptr_mapped *mapped);
int __amd_userptr_mapped_close(struct amd_userptr *up, struct amd_userptr_mapped *mapped);

/* Unmap the memory that make() has mapped, and map it again at the same address; 0 or -errno. */
int __amd_userptr_mapped_unmap(struct amd_userptr *up, struct amd_userptr_mapped *mapped);
int __amd_userptr_mapped_map(struct amd_userptr *up, struct amd_userptr_mapped *mapped);

/*
 * Like __amd_userptr_mapped_make() and __amd_userptr_mapped_drop(), but both assert success.
 * amd_userptr_mapped_make() skips when @kind needs AMDGPU_GEM_USERPTR_HSA and the kernel lacks it.
 */
void amd_userptr_mapped_make(struct amd_userptr *up, enum amd_userptr_kind kind, void *cpu,
			     uint64_t size, struct amd_userptr_mapped *mapped);
void amd_userptr_mapped_drop(struct amd_userptr *up, struct amd_userptr_mapped *mapped);

#endif
