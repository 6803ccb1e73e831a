// SPDX-License-Identifier: MIT
/* The matrix for BOs that are one range of user memory. */
#include "amd_userptr_matrix.h"

static struct amd_userptr_bo *create(struct amd_userptr_area *area)
{
	return amd_userptr_create(area->up, area->cpu, area->size, amd_userptr_area_flags(area));
}

const struct amd_userptr_bo_kind amd_userptr_matrix_kind = {
	.create = create,
	.map = amd_userptr_map,
};
