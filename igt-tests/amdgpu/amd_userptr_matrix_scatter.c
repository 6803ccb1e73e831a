// SPDX-License-Identifier: MIT
/*
 * The matrix for BOs of many ranges.  The ranges are pieces of the area: its pages, or 64 KiB each
 * if the area is as large as a huge page.  The BO has the ranges in reverse order, because the
 * driver would merge ranges that continue one another into one segment.  Each range has a GPU
 * mapping of its own, so that GPU addresses have the order of the area.
 */
#include "igt.h"

#include "lib/amdgpu/amd_userptr_scatter.h"

#include "amd_userptr_matrix.h"

static struct amd_userptr_bo *create(struct amd_userptr_area *area)
{
	const uint64_t step = amd_userptr_scatter_step(area->size);
	struct amd_userptr_scatter scatter;

	amd_userptr_scatter_init(&scatter, area->up, area->size / step);
	for (uint64_t at = 0; at < area->size; at += step)
		amd_userptr_scatter_add(&scatter, area->cpu + at, step, 0);
	amd_userptr_scatter_reverse(&scatter);
	amd_userptr_scatter_create(&scatter, amd_userptr_area_flags(area));
	scatter.bo->cpu = area->cpu;
	return scatter.bo;
}

static void map(struct amd_userptr *up, struct amd_userptr_bo *bo)
{
	const uint64_t step = amd_userptr_scatter_step(bo->size);

	bo->va = amd_kfd_va_reserve(bo->size, 0);
	igt_assert(bo->va);
	for (uint64_t at = 0; at < bo->size; at += step)
		igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, bo->handle, bo->va + at,
					       bo->size - step - at, step, AMD_USERPTR_RW),
			      0);
}

const struct amd_userptr_bo_kind amd_userptr_matrix_kind = { .create = create, .map = map };
