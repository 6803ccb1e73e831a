/* SPDX-License-Identifier: MIT */
/*
 * GEM userptrs of many ranges (AMDGPU_GEM_USERPTR_SCATTER): functions that make lists of ranges and
 * BOs of them, and let the GPU read and write them and compare the result range by range.
 */
#ifndef AMD_USERPTR_SCATTER_H
#define AMD_USERPTR_SCATTER_H

#include <xf86drm.h>

#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_scatter_uapi.h"

/* Ranges in the order that they have in the BO. */
struct amd_userptr_scatter {
	struct amd_userptr *up;
	struct amd_userptr_range *ranges; /* amd_userptr_cleanup() frees them */
	unsigned int count;
	struct amd_userptr_bo *bo; /* NULL before the BO is made; bo->cpu stays NULL */
	uint64_t va;		   /* GPU address of the BO's first byte */
};

/* Make room for @count ranges. */
void amd_userptr_scatter_init(struct amd_userptr_scatter *scatter, struct amd_userptr *up,
			      unsigned int count);
/* Append the range [cpu, cpu + size). */
void amd_userptr_scatter_add(struct amd_userptr_scatter *scatter, void *cpu, uint64_t size,
			     uint32_t flags);
/* Reverse the ranges, or shuffle them; @seed must not be 0. */
void amd_userptr_scatter_reverse(struct amd_userptr_scatter *scatter);
void amd_userptr_scatter_shuffle(struct amd_userptr_scatter *scatter, uint64_t seed);

/*
 * Map new memory and make every second page of it a range, in shuffled order, so no two ranges are
 * neighbours in the address space.  Page i is at the returned start + 2 * i pages and contains the
 * pattern of seed i.
 */
char *amd_userptr_scatter_pages(struct amd_userptr_scatter *scatter, struct amd_userptr *up,
				unsigned int pages);

/*
 * Returns the size of each range when memory of @size bytes is cut into ranges: a page, or @size
 * divided by AMD_USERPTR_SCATTER_PARTS if that is more.
 */
enum { AMD_USERPTR_SCATTER_PARTS = 32 };
uint64_t amd_userptr_scatter_step(uint64_t size);

/* Returns the arguments of the ioctl that makes a BO of the ranges. */
struct amd_userptr_args amd_userptr_scatter_args(const struct amd_userptr_scatter *scatter,
						 uint32_t flags);
/* Call the ioctl with these arguments; 0 and the handle in @args, or -errno. */
int __amd_userptr_ioctl(int fd, struct amd_userptr_args *args);
/*
 * Make a BO of the ranges with AMD_USERPTR_TRACKED and @flags; the second function maps it as well.
 */
void amd_userptr_scatter_create(struct amd_userptr_scatter *scatter, uint32_t flags);
void amd_userptr_scatter_map(struct amd_userptr_scatter *scatter, uint32_t flags);

uint64_t amd_userptr_scatter_size(const struct amd_userptr_scatter *scatter);
/* Returns the offset in the BO at which range @index begins. */
uint64_t amd_userptr_scatter_offset(const struct amd_userptr_scatter *scatter, unsigned int index);
/* Returns the CPU address of byte @offset of the BO. */
char *amd_userptr_scatter_byte(const struct amd_userptr_scatter *scatter, uint64_t offset);

/*
 * Let the GPU read [offset, offset + size) of the BO, and assert that the CPU finds the same bytes
 * in the ranges.
 */
void amd_userptr_scatter_reads(struct amd_userptr_scatter *scatter, uint64_t offset, uint64_t size);
/*
 * Let the GPU store the pattern of @seed to [offset, offset + size) of the BO, and assert that the
 * CPU finds the pattern in the ranges, which must not overlap.  After each AMD_USERPTR_STAGE bytes
 * comes the pattern of the next seed.
 */
void amd_userptr_scatter_writes(struct amd_userptr_scatter *scatter, uint64_t offset, uint64_t size,
				uint32_t seed);
/*
 * Let the GPU write all of the BO and the CPU compare the ranges.  Then let the CPU write the
 * ranges and compare the bytes that the GPU reads.
 */
void amd_userptr_scatter_roundtrip(struct amd_userptr_scatter *scatter, uint32_t seed);

#endif
