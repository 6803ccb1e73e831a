/* SPDX-License-Identifier: MIT */
/*
 * Page table updates.
 *
 * GEM_VA only starts an update. Each one gets the next point of the device's timeline syncobj, so
 * one wait for the last point covers all before it, including the TLB flush of what was removed.
 */
#include "internal.h"

static int va_op(struct au_device *device, struct amd_gem_va_args *args, uint64_t *point)
{
	int ret;

	pthread_mutex_lock(&device->timeline_lock);
	args->vm_timeline_syncobj_out = device->syncobj;
	args->vm_timeline_point = device->timeline_point + 1;
	ret = au_gem_va(device, args);
	if (!ret)
		*point = ++device->timeline_point;
	pthread_mutex_unlock(&device->timeline_lock);
	return ret;
}

int au_va_map(struct au_device *device, uint32_t handle, uint64_t va, uint64_t size,
	      uint32_t va_flags, uint64_t *point)
{
	struct amd_gem_va_args args = {
		.handle = handle,
		.operation = AMDGPU_VA_OP_MAP,
		.flags = va_flags,
		.va_address = va,
		.map_size = size,
	};

	return va_op(device, &args, point);
}

int au_va_clear(struct au_device *device, uint64_t va, uint64_t size, uint64_t *point)
{
	struct amd_gem_va_args args = {
		.operation = AMDGPU_VA_OP_CLEAR,
		.va_address = va,
		.map_size = size,
	};

	return va_op(device, &args, point);
}

int au_va_wait(struct au_device *device, uint64_t point)
{
	return au_syncobj_wait(device, device->syncobj, point);
}
