/* SPDX-License-Identifier: MIT */
/* GEM_VA: the GPU mappings of the model. */
#include "fake_kernel.h"
#include "test.h"

void *fake_grow(void *array, uint32_t used, uint32_t *max, size_t size)
{
	if (used < *max)
		return array;
	*max = *max ? 2 * *max : 64;
	array = realloc(array, *max * size);
	t_assert(array);
	return array;
}

uint32_t fake_search(const struct fake_device *device, uint64_t va)
{
	uint32_t low = 0, high = device->num_mappings;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (device->mappings[middle].va + (device->mappings[middle].size - 1) < va)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int do_map(struct fake_device *device, const struct amd_gem_va_args *args)
{
	uint32_t at = fake_search(device, args->va_address);
	struct fake_bo *bo = &device->bos[args->handle - 1];

	t_assert(args->handle && args->handle <= device->num_bos && bo->open);
	t_assert(args->offset_in_bo < bo->size && args->map_size <= bo->size - args->offset_in_bo);
	if (at < device->num_mappings &&
	    device->mappings[at].va <= args->va_address + (args->map_size - 1))
		return -EINVAL;

	device->mappings = fake_grow(device->mappings, device->num_mappings, &device->max_mappings,
				     sizeof(*device->mappings));
	memmove(&device->mappings[at + 1], &device->mappings[at],
		(device->num_mappings - at) * sizeof(*device->mappings));
	device->mappings[at] = (struct fake_mapping){
		.va = args->va_address,
		.size = args->map_size,
		.bo_offset = args->offset_in_bo,
		.handle = args->handle,
		.flags = args->flags,
	};
	device->num_mappings++;
	bo->num_mappings++;
	return 0;
}

void fake_remove_mappings(struct fake_device *device, uint32_t first, uint32_t end, uint64_t point)
{
	for (uint32_t i = first; i < end; i++) {
		struct fake_bo *bo = &device->bos[device->mappings[i].handle - 1];

		bo->num_mappings--;
		bo->removed = point;
		device->stale = fake_grow(device->stale, device->num_stale, &device->max_stale,
					  sizeof(*device->stale));
		device->stale[device->num_stale++] = (struct fake_stale){
			.va = device->mappings[i].va,
			.size = device->mappings[i].size,
			.point = point,
		};
	}
	memmove(&device->mappings[first], &device->mappings[end],
		(device->num_mappings - end) * sizeof(*device->mappings));
	device->num_mappings -= end - first;
}

static void do_clear(struct fake_device *device, uint64_t va, uint64_t size, uint64_t point)
{
	uint32_t first = fake_search(device, va), end = first;

	/* The library clears only whole mappings. */
	while (end < device->num_mappings && device->mappings[end].va < va + size) {
		const struct fake_mapping *mapping = &device->mappings[end++];

		t_assert(mapping->va >= va && mapping->va + mapping->size <= va + size);
	}
	t_assert(end > first);
	fake_remove_mappings(device, first, end, point);
}

int fake_gem_va(struct fake_kernel *fake, struct fake_device *device,
		const struct amd_gem_va_args *args)
{
	/* A kernel without AMDGPU_IDS_FLAGS_GPU_PAGE_VA may crash on a part of a CPU page. */
	const uint64_t unit = fake->gpu_page_va && !device->no_gpu_page_va ? 4096 : fake->page_size;
	int ret = 0;

	t_assert(!args->_pad && !args->num_syncobj_handles && !args->input_fence_syncobj_handles);
	t_assert(args->map_size &&
		 !((args->va_address | args->map_size | args->offset_in_bo) & (unit - 1)));
	t_assert(args->vm_timeline_syncobj_out && device->syncobj);
	t_assert(args->vm_timeline_point == device->point + 1);
	/*
	 * The kernel may drop an update that begins during a reset. If it has reported the reset
	 * already, no query shows that it has dropped the update. So the library must not begin an
	 * update then.
	 */
	t_assert(!device->reset_polls || device->reset || fake->failed);

	if (args->operation == AMDGPU_VA_OP_MAP) {
		ret = do_map(device, args);
	} else if (device->refused_clears) {
		device->refused_clears--;
		ret = device->clear_error;
	} else {
		t_equal(args->operation, AMDGPU_VA_OP_CLEAR);
		do_clear(device, args->va_address, args->map_size, args->vm_timeline_point);
	}
	if (!ret)
		device->point = args->vm_timeline_point;
	return ret;
}
