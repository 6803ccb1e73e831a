/* SPDX-License-Identifier: MIT */
/* The GPU addresses of maps. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

static uint64_t good_alignment(const struct amdgpu_userptr_ctx *ctx, uint64_t size)
{
	uint64_t alignment = ctx->page_size;

	for (uint32_t i = 0; i < ctx->num_devices; i++) {
		if (ctx->devices[i].va_alignment > alignment)
			alignment = ctx->devices[i].va_alignment;
	}
	if (size >= AU_LARGE_ALIGNMENT && alignment < AU_LARGE_ALIGNMENT)
		alignment = AU_LARGE_ALIGNMENT;
	return alignment;
}

/*
 * Reserve more than the map's size, so that the map fits behind an aligned address. Round the size
 * up to CPU pages, because the units of a map can be smaller.
 */
static int reserve(struct amdgpu_userptr_ctx *ctx, struct au_space *space, uint64_t alignment,
		   uint32_t *stage)
{
	const uint64_t slack = alignment - ctx->page_size;
	uint64_t size;
	int ret;

	if (__builtin_add_overflow(space->size, slack + ctx->page_size - 1, &size) ||
	    size > SIZE_MAX)
		return -ENOMEM;
	size &= ~(ctx->page_size - 1);
	space->reservation = calloc(1, sizeof(*space->reservation));
	if (!space->reservation) {
		*stage = AMDGPU_USERPTR_STAGE_VALIDATE;
		return -ENOMEM;
	}
	ret = au_reserve(ctx, size, space->reservation);
	if (ret) {
		free(space->reservation);
		return ret;
	}
	space->va = align_up(space->reservation->addr, alignment);
	return 0;
}

int au_space_get(struct amdgpu_userptr_ctx *ctx, struct au_space *space, uint64_t alignment,
		 uint32_t *stage)
{
	int ret = 0;

	*stage = AMDGPU_USERPTR_STAGE_VA_RESERVE;
	if (!alignment)
		alignment = good_alignment(ctx, space->size);
	switch (space->mode) {
	case AMDGPU_USERPTR_VA_FIXED:
		break;
	case AMDGPU_USERPTR_VA_RESERVE:
		ret = reserve(ctx, space, alignment, stage);
		break;
	case AMDGPU_USERPTR_VA_ALLOC:
		ret = ctx->ops->va_alloc(ctx->ops_priv, ctx->devices[0].handle, space->size,
					 alignment, &space->va, &space->handle);
		break;
	}
	return ret;
}

void au_space_put(struct amdgpu_userptr_ctx *ctx, struct au_space *space)
{
	switch (space->mode) {
	case AMDGPU_USERPTR_VA_FIXED:
		break;
	case AMDGPU_USERPTR_VA_RESERVE:
		au_release(ctx, space->reservation);
		break;
	case AMDGPU_USERPTR_VA_ALLOC:
		ctx->ops->va_free(ctx->ops_priv, space->handle);
		break;
	}
}

void au_space_abandon(struct au_space *space)
{
	if (space->mode == AMDGPU_USERPTR_VA_RESERVE)
		free(space->reservation);
}

static bool inside(uint64_t va, uint64_t size, uint64_t min, uint64_t max)
{
	return va >= min && va < max && size <= max - va;
}

bool au_device_has_va(const struct au_device *device, uint64_t va, uint64_t size)
{
	return inside(va, size, device->va_min, device->va_max) ||
	       inside(va, size, device->high_va_min, device->high_va_max);
}

bool au_device_has_size(const struct au_device *device, uint64_t size)
{
	return size <= device->va_max - device->va_min ||
	       size <= device->high_va_max - device->high_va_min;
}
