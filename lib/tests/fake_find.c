/* SPDX-License-Identifier: MIT */
/* The part of the model that tells tests what the GPU finds at an address. */
#include "fake_kernel.h"
#include "test.h"

const struct fake_mapping *fake_find(const struct fake_kernel *fake, unsigned int device,
				     uint64_t va)
{
	const struct fake_device *dev = &fake->devices[device];
	uint32_t at = fake_search(dev, va);

	return at < dev->num_mappings && dev->mappings[at].va <= va ? &dev->mappings[at] : NULL;
}

const struct fake_bo *fake_find_bo(const struct fake_kernel *fake, unsigned int device, uint64_t va)
{
	const struct fake_mapping *mapping = fake_find(fake, device, va);

	return mapping ? &fake->devices[device].bos[mapping->handle - 1] : NULL;
}

/* The range that has byte @offset of a scatter BO. @offset becomes the offset in the range. */
static const struct amdgpu_userptr_range *range_at(const struct fake_device *device,
						   const struct fake_bo *bo, uint64_t *offset)
{
	const struct amdgpu_userptr_range *range = &device->ranges[bo->first_range];

	for (; *offset >= range->size; range++)
		*offset -= range->size;
	return range;
}

uint32_t fake_find_flags(const struct fake_kernel *fake, unsigned int device, uint64_t va)
{
	const struct fake_mapping *mapping = fake_find(fake, device, va);
	const struct fake_bo *bo = fake_find_bo(fake, device, va);
	uint64_t offset = va - mapping->va + mapping->bo_offset;
	bool readonly = bo->flags & AMDGPU_GEM_USERPTR_READONLY;

	if (bo->num_ranges)
		readonly |= range_at(&fake->devices[device], bo, &offset)->flags &
			    AMDGPU_GEM_USERPTR_RANGE_READONLY;
	return readonly ? mapping->flags & ~AMDGPU_VM_PAGE_WRITEABLE : mapping->flags;
}

uint64_t fake_translate(const struct fake_kernel *fake, unsigned int device, uint64_t va)
{
	const struct fake_mapping *mapping = fake_find(fake, device, va);
	const struct fake_bo *bo = fake_find_bo(fake, device, va);
	uint64_t offset;

	if (!mapping)
		return 0;
	offset = va - mapping->va + mapping->bo_offset;
	if (!bo->num_ranges)
		return bo->addr + offset;
	return range_at(&fake->devices[device], bo, &offset)->cpu_addr + offset;
}
