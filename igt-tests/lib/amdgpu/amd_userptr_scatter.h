/* SPDX-License-Identifier: MIT */
/*
 * GEM userptrs of many ranges (AMDGPU_GEM_USERPTR_SCATTER): the uapi, which
 * libdrm does not have yet, and traffic that is compared range by range.
 */
#ifndef AMD_USERPTR_SCATTER_H
#define AMD_USERPTR_SCATTER_H

#include <xf86drm.h>

#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_scatter_uapi.h"

/* Ranges that follow one another in a BO. */
struct amd_userptr_scatter {
	struct amd_userptr *up;
	struct amd_userptr_range *ranges;	/* until the clean-up */
	unsigned int count;
	struct amd_userptr_bo *bo;		/* NULL: none; its cpu is NULL */
	uint64_t va;				/* of the BO's first byte, for traffic */
};

/* Room for @count ranges. */
void amd_userptr_scatter_init(struct amd_userptr_scatter *scatter, struct amd_userptr *up,
			      unsigned int count);
/* The next range is [cpu, cpu + size). */
void amd_userptr_scatter_add(struct amd_userptr_scatter *scatter, void *cpu, uint64_t size,
			     uint32_t flags);
/* Reverse or, by any seed but 0, shuffle them. */
void amd_userptr_scatter_reverse(struct amd_userptr_scatter *scatter);
void amd_userptr_scatter_shuffle(struct amd_userptr_scatter *scatter, uint64_t seed);

/*
 * Fresh memory whose pages are ranges in shuffled order, no two of which are
 * neighbours in the address space, nor may become a huge page; returns its
 * start.  Page i is at the start + 2 * i pages, filled with the pattern of i.
 */
char *amd_userptr_scatter_pages(struct amd_userptr_scatter *scatter, struct amd_userptr *up,
				unsigned int pages);

/* The arguments that make a BO of them. */
struct amd_userptr_args amd_userptr_scatter_args(const struct amd_userptr_scatter *scatter,
						 uint32_t flags);
/* The ioctl as it is; the handle is in @args.  0 or -errno. */
int __amd_userptr_ioctl(int fd, struct amd_userptr_args *args);
/* A BO with AMD_USERPTR_TRACKED and @flags; the same, mapped. */
void amd_userptr_scatter_create(struct amd_userptr_scatter *scatter, uint32_t flags);
void amd_userptr_scatter_map(struct amd_userptr_scatter *scatter, uint32_t flags);

uint64_t amd_userptr_scatter_size(const struct amd_userptr_scatter *scatter);
/* Where in the BO range @index begins. */
uint64_t amd_userptr_scatter_offset(const struct amd_userptr_scatter *scatter, unsigned int index);
/* The byte of user memory that byte @offset of the BO is. */
char *amd_userptr_scatter_byte(const struct amd_userptr_scatter *scatter, uint64_t offset);

/* The GPU reads [offset, offset + size) of the BO: what the CPU finds in the ranges. */
void amd_userptr_scatter_reads(struct amd_userptr_scatter *scatter, uint64_t offset,
			       uint64_t size);
/* The GPU stores the pattern of @seed there; the CPU finds it, where no two ranges overlap. */
void amd_userptr_scatter_writes(struct amd_userptr_scatter *scatter, uint64_t offset,
				uint64_t size, uint32_t seed);
/* Both, for all of it. */
void amd_userptr_scatter_roundtrip(struct amd_userptr_scatter *scatter, uint32_t seed);

#endif
