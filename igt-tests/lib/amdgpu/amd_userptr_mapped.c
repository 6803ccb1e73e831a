// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_mapped.h"
#include "lib/amdgpu/amd_userptr_scatter.h"

const char *const amd_userptr_kind_suffix[AMD_USERPTR_NUM_KINDS] = {
	[AMD_USERPTR_KIND_SINGLE] = "",
	[AMD_USERPTR_KIND_SCATTER] = "-scatter",
	[AMD_USERPTR_KIND_KFD] = "-kfd",
};

/*
 * Cut the memory into ranges and make a BO of them in reverse order, because the driver would merge
 * ranges in the order of their addresses into one.
 */
static int create_scatter(struct amd_userptr *up, struct amd_userptr_mapped *mapped)
{
	const uint64_t step = amd_userptr_scatter_step(mapped->size);
	const unsigned int count = mapped->size / step;
	struct amd_userptr_range ranges[AMD_USERPTR_SCATTER_PARTS];
	struct amd_userptr_args args = {
		.size = mapped->size,
		.flags = AMD_USERPTR_TRACKED | AMDGPU_GEM_USERPTR_SCATTER,
		.ranges = (uintptr_t)ranges,
		.num_ranges = count,
		.range_stride = sizeof(ranges[0]),
	};
	int ret;

	if (!count || count > AMD_USERPTR_SCATTER_PARTS || mapped->size % step)
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++)
		ranges[i] = (struct amd_userptr_range){
			.addr = (uintptr_t)mapped->cpu + (count - 1 - i) * step,
			.size = step,
		};
	ret = __amd_userptr_ioctl(up->fd, &args);
	mapped->handle = args.handle;
	return ret;
}

/* Map or unmap each range on its own, so that GPU addresses have the order of the memory. */
static int each_range(struct amd_userptr *up, struct amd_userptr_mapped *mapped, uint32_t operation,
		      uint32_t flags)
{
	const uint64_t size = mapped->size;
	const uint64_t step =
		mapped->kind == AMD_USERPTR_KIND_SCATTER ? amd_userptr_scatter_step(size) : size;
	int ret = 0;

	for (uint64_t at = 0; at < size && !ret; at += step)
		ret = __amd_userptr_va(up, operation, mapped->handle, mapped->va + at,
				       size - step - at, step, flags);
	return ret;
}

int __amd_userptr_mapped_map(struct amd_userptr *up, struct amd_userptr_mapped *mapped)
{
	if (mapped->kind == AMD_USERPTR_KIND_KFD)
		return __amd_kfd_map_memory(&up->kfd, mapped->mem.handle);
	return each_range(up, mapped, AMDGPU_VA_OP_MAP, AMD_USERPTR_RW);
}

int __amd_userptr_mapped_unmap(struct amd_userptr *up, struct amd_userptr_mapped *mapped)
{
	if (mapped->kind == AMD_USERPTR_KIND_KFD)
		return __amd_kfd_unmap_memory(&up->kfd, mapped->mem.handle);
	return each_range(up, mapped, AMDGPU_VA_OP_UNMAP, 0);
}

static int make_bo(struct amd_userptr *up, struct amd_userptr_mapped *mapped)
{
	int ret;

	if (mapped->kind == AMD_USERPTR_KIND_SCATTER)
		ret = create_scatter(up, mapped);
	else
		ret = __amd_userptr_create(up->fd, mapped->cpu, mapped->size, AMD_USERPTR_TRACKED,
					   &mapped->handle);
	if (ret)
		return ret;
	ret = __amd_userptr_mapped_map(up, mapped);
	if (ret)
		__amd_userptr_close_handle(up->fd, mapped->handle);
	return ret;
}

int __amd_userptr_mapped_make_at(struct amd_userptr *up, enum amd_userptr_kind kind, void *cpu,
				 uint64_t size, uint64_t va, struct amd_userptr_mapped *mapped)
{
	int ret;

	*mapped = (struct amd_userptr_mapped){ .kind = kind, .cpu = cpu, .size = size, .va = va };
	if (kind == AMD_USERPTR_KIND_KFD)
		ret = __amd_kfd_register(&up->kfd, cpu, size, va, &mapped->mem);
	else
		ret = make_bo(up, mapped);
	if (ret)
		memset(mapped, 0, sizeof(*mapped));
	return ret;
}

int __amd_userptr_mapped_make(struct amd_userptr *up, enum amd_userptr_kind kind, void *cpu,
			      uint64_t size, struct amd_userptr_mapped *mapped)
{
	const uint64_t va = amd_kfd_va_reserve(size, 0);
	int ret;

	memset(mapped, 0, sizeof(*mapped));
	if (!va)
		return -ENOMEM;
	ret = __amd_userptr_mapped_make_at(up, kind, cpu, size, va, mapped);
	if (ret)
		amd_kfd_va_release(va, size);
	return ret;
}

int __amd_userptr_mapped_close(struct amd_userptr *up, struct amd_userptr_mapped *mapped)
{
	if (mapped->kind == AMD_USERPTR_KIND_KFD)
		return __amd_kfd_free(&up->kfd, &mapped->mem);
	return __amd_userptr_close_handle(up->fd, mapped->handle);
}

int __amd_userptr_mapped_drop(struct amd_userptr *up, struct amd_userptr_mapped *mapped)
{
	int ret;

	if (!mapped->va)
		return 0;
	ret = __amd_userptr_mapped_close(up, mapped);
	amd_kfd_va_release(mapped->va, mapped->size);
	memset(mapped, 0, sizeof(*mapped));
	return ret;
}

void amd_userptr_mapped_make(struct amd_userptr *up, enum amd_userptr_kind kind, void *cpu,
			     uint64_t size, struct amd_userptr_mapped *mapped)
{
	igt_require_f(kind == AMD_USERPTR_KIND_KFD || up->supported,
		      "This kernel does not know AMDGPU_GEM_USERPTR_HSA\n");
	igt_assert_eq(__amd_userptr_mapped_make(up, kind, cpu, size, mapped), 0);
}

void amd_userptr_mapped_drop(struct amd_userptr *up, struct amd_userptr_mapped *mapped)
{
	igt_assert_eq(__amd_userptr_mapped_drop(up, mapped), 0);
}
