/* SPDX-License-Identifier: MIT */
/* Attach and detach: one more device for a map, or one less. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/* Whether the device can be attached. Call with map->lock held. */
static int check_attach(const struct amdgpu_userptr_mapping *map, uint32_t index,
			struct au_failure *failure)
{
	const uint64_t mask = au_device_bit(index);
	int ret = 0;

	pthread_mutex_lock(&map->ctx->lock);
	/*
	 * Not ready: an unmap has timed out. Reachable: a detach or the roll back of an attach has
	 * timed out, or an earlier call failed and may have left page table entries on the device.
	 */
	if (!map->ready || map->reachable & mask)
		ret = -EBUSY;
	else if (map->attached & mask)
		ret = -EEXIST;
	pthread_mutex_unlock(&map->ctx->lock);
	if (!ret)
		ret = au_check_devices(map->ctx, mask, failure);
	return ret ? ret : au_check_va(map->ctx, mask, &map->space, failure);
}

/*
 * Record whether the device has the map now, and whether it may still reach the memory. Call with
 * map->lock held.
 */
static void set_attached(struct amdgpu_userptr_mapping *map, uint32_t index, bool attached)
{
	const uint64_t mask = au_device_bit(index);

	pthread_mutex_lock(&map->ctx->lock);
	if (attached != !!(map->attached & mask)) {
		map->attached ^= mask;
		au_maps_count_bos(map, mask, attached);
	}
	map->reachable = (map->reachable & ~mask) | au_map_pending(map, mask);
	pthread_mutex_unlock(&map->ctx->lock);
}

static void free_handles(struct au_map_device *at)
{
	free(at->handles);
	at->handles = NULL;
}

/*
 * Set map->given to the array of ranges for the kernel. The map keeps this array only if it differs
 * from the ranges that the caller of map() gave. Otherwise make the array again from these ranges.
 * attach() then frees @own.
 */
static int give_ranges(struct amdgpu_userptr_mapping *map, struct amdgpu_userptr_range **own)
{
	*own = NULL;
	map->given = map->layout.registered;
	if (map->given)
		return 0;
	*own = reallocarray(NULL, map->num_ranges, sizeof(**own));
	if (!*own)
		return -ENOMEM;
	for (uint32_t i = 0; i < map->num_ranges; i++)
		(*own)[i] = au_map_range(map, i);
	map->given = *own;
	return 0;
}

/* Call with map->lock held. */
static int attach(struct amdgpu_userptr_mapping *map, uint32_t index, struct au_failure *failure)
{
	struct au_map_device *at = &map->devices[index];
	struct amdgpu_userptr_range *ranges;
	struct au_timer timer = { 0 };
	int ret;

	ret = check_attach(map, index, failure);
	if (ret)
		return ret;
	at->handles = calloc(map->num_bos, sizeof(*at->handles));
	ret = give_ranges(map, &ranges);
	if (!at->handles)
		ret = -ENOMEM;
	if (ret)
		goto free_ranges;
	ret = au_map_build(map, au_device_bit(index), &timer, failure);
	map->given = NULL;
	/* If the roll back ends with -ETIME, a later detach() or unmap() continues it. */
	if (ret)
		au_map_take_down(map, au_device_bit(index), &timer);
	set_attached(map, index, !ret);
free_ranges:
	free(ranges);
	if (ret && !at->num_handles)
		free_handles(at);
	return ret;
}

AU_PUBLIC
int amdgpu_userptr_attach(struct amdgpu_userptr_mapping *map,
			  struct amdgpu_userptr_attach_args *user)
{
	struct au_failure failure = {
		.range = AMDGPU_USERPTR_NONE,
		.device = AMDGPU_USERPTR_NONE,
		.stage = AMDGPU_USERPTR_STAGE_VALIDATE,
	};
	struct amdgpu_userptr_attach_args args;
	const int saved_errno = errno;
	int ret;

	if (!map || !user)
		return -EINVAL;
	ret = au_ctx_check_owner(map->ctx);
	if (!ret)
		ret = au_struct_get(user, &args, sizeof(args), sizeof(args));
	if (ret)
		return ret;

	ret = -EINVAL;
	if (args.device < map->ctx->num_devices && !args.reserved) {
		pthread_mutex_lock(&map->lock);
		ret = attach(map, args.device, &failure);
		pthread_mutex_unlock(&map->lock);
	}
	user->failed_range = failure.range;
	user->failed_stage = ret ? failure.stage : (uint32_t)AMDGPU_USERPTR_STAGE_NONE;
	user->failed_reason = au_reason(ret, failure.stage, failure.probe);
	errno = saved_errno;
	return ret;
}

/*
 * These errors of detach() tell its caller that the call has changed nothing. If the kernel returns
 * one of them, the map has left the device all the same, so return another error.
 */
static int removal_error(int error)
{
	switch (error) {
	case -EINVAL:
	case -EPERM:
	case -ENOENT:
	case -EBUSY:
		return -EIO;
	default:
		return error;
	}
}

/* Call with map->lock held. */
static int detach(struct amdgpu_userptr_mapping *map, uint32_t index)
{
	struct au_map_device *at = &map->devices[index];
	struct au_timer timer = { 0 };
	int ret = 0;

	pthread_mutex_lock(&map->ctx->lock);
	if (!map->ready)
		ret = -EBUSY;
	else if (!(map->attached & au_device_bit(index)) && !at->num_handles)
		ret = -ENOENT;
	pthread_mutex_unlock(&map->ctx->lock);
	if (ret)
		return ret;
	ret = au_map_take_down(map, au_device_bit(index), &timer);
	set_attached(map, index, false);
	if (!at->num_handles)
		free_handles(at);
	return removal_error(ret);
}

AU_PUBLIC
int amdgpu_userptr_detach(struct amdgpu_userptr_mapping *map, uint32_t device)
{
	const int saved_errno = errno;
	int ret;

	if (!map)
		return -EINVAL;
	ret = au_ctx_check_owner(map->ctx);
	if (ret)
		return ret;
	if (device >= map->ctx->num_devices)
		return -EINVAL;
	pthread_mutex_lock(&map->lock);
	ret = detach(map, device);
	pthread_mutex_unlock(&map->lock);
	errno = saved_errno;
	return ret;
}
