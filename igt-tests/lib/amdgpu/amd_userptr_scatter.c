// SPDX-License-Identifier: MIT
#include <errno.h>
#include <unistd.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_stamp.h"
#include "lib/amdgpu/amd_userptr_scatter.h"

void amd_userptr_scatter_init(struct amd_userptr_scatter *scatter, struct amd_userptr *up,
			      unsigned int count)
{
	const size_t bytes = count * sizeof(scatter->ranges[0]);

	memset(scatter, 0, sizeof(*scatter));
	scatter->up = up;
	scatter->ranges =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	amd_userptr_adopt(up, scatter->ranges, bytes);
}

void amd_userptr_scatter_add(struct amd_userptr_scatter *scatter, void *cpu, uint64_t size,
			     uint32_t flags)
{
	scatter->ranges[scatter->count++] = (struct amd_userptr_range){
		.addr = (uintptr_t)cpu,
		.size = size,
		.flags = flags,
	};
}

static void swap_ranges(struct amd_userptr_scatter *scatter, unsigned int a, unsigned int b)
{
	const struct amd_userptr_range range = scatter->ranges[a];

	scatter->ranges[a] = scatter->ranges[b];
	scatter->ranges[b] = range;
}

void amd_userptr_scatter_reverse(struct amd_userptr_scatter *scatter)
{
	for (unsigned int i = 0; i < scatter->count / 2; i++)
		swap_ranges(scatter, i, scatter->count - 1 - i);
}

void amd_userptr_scatter_shuffle(struct amd_userptr_scatter *scatter, uint64_t seed)
{
	for (unsigned int i = scatter->count; i > 1; i--)
		swap_ranges(scatter, i - 1, amd_stamp_pick(&seed, i));
}

char *amd_userptr_scatter_pages(struct amd_userptr_scatter *scatter, struct amd_userptr *up,
				unsigned int pages)
{
	const size_t page = getpagesize(), size = 2 * page * pages;
	char *cpu = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	amd_userptr_adopt(up, cpu, size);
	igt_assert_eq(madvise(cpu, size, MADV_NOHUGEPAGE), 0);
	amd_userptr_scatter_init(scatter, up, pages);
	for (unsigned int i = 0; i < pages; i++) {
		amd_pattern_fill(cpu + 2 * i * page, page, i);
		amd_userptr_scatter_add(scatter, cpu + 2 * i * page, page, 0);
	}
	amd_userptr_scatter_shuffle(scatter, pages);
	return cpu;
}

uint64_t amd_userptr_scatter_step(uint64_t size)
{
	const uint64_t page = getpagesize();

	return size / AMD_USERPTR_SCATTER_PARTS > page ? size / AMD_USERPTR_SCATTER_PARTS : page;
}

uint64_t amd_userptr_scatter_offset(const struct amd_userptr_scatter *scatter, unsigned int index)
{
	uint64_t offset = 0;

	for (unsigned int i = 0; i < index; i++)
		offset += scatter->ranges[i].size;
	return offset;
}

uint64_t amd_userptr_scatter_size(const struct amd_userptr_scatter *scatter)
{
	return amd_userptr_scatter_offset(scatter, scatter->count);
}

char *amd_userptr_scatter_byte(const struct amd_userptr_scatter *scatter, uint64_t offset)
{
	for (unsigned int i = 0; i < scatter->count; i++) {
		if (offset < scatter->ranges[i].size)
			return (char *)(uintptr_t)scatter->ranges[i].addr + offset;
		offset -= scatter->ranges[i].size;
	}
	igt_assert_f(false, "behind the last range\n");
	return NULL;
}

struct amd_userptr_args amd_userptr_scatter_args(const struct amd_userptr_scatter *scatter,
						 uint32_t flags)
{
	return (struct amd_userptr_args){
		.size = amd_userptr_scatter_size(scatter),
		.flags = AMD_USERPTR_TRACKED | AMDGPU_GEM_USERPTR_SCATTER | flags,
		.ranges = (uintptr_t)scatter->ranges,
		.num_ranges = scatter->count,
		.range_stride = sizeof(scatter->ranges[0]),
	};
}

int __amd_userptr_ioctl(int fd, struct amd_userptr_args *args)
{
	return drmIoctl(fd, AMD_IOCTL_GEM_USERPTR, args) ? -errno : 0;
}

void amd_userptr_scatter_create(struct amd_userptr_scatter *scatter, uint32_t flags)
{
	struct amd_userptr_args args = amd_userptr_scatter_args(scatter, flags);

	igt_assert_eq(__amd_userptr_ioctl(scatter->up->fd, &args), 0);
	scatter->bo = amd_userptr_adopt_bo(scatter->up, args.handle, NULL, args.size);
}

void amd_userptr_scatter_map(struct amd_userptr_scatter *scatter, uint32_t flags)
{
	amd_userptr_scatter_create(scatter, flags);
	amd_userptr_map(scatter->up, scatter->bo);
	scatter->va = scatter->bo->va;
}

/* Compare bytes that the GPU has read or should have written with the memory of the ranges. */
static void compare(const struct amd_userptr_scatter *scatter, uint64_t offset, uint64_t size,
		    const char *found, const char *who)
{
	uint64_t start = 0;

	for (unsigned int i = 0; i < scatter->count && start < offset + size; i++) {
		const struct amd_userptr_range *range = &scatter->ranges[i];
		const uint64_t from = start > offset ? start : offset;
		const uint64_t end = start + range->size < offset + size ? start + range->size
									 : offset + size;

		if (from < end)
			igt_assert_f(!memcmp(found + (from - offset),
					     (char *)(uintptr_t)range->addr + (from - start),
					     end - from),
				     "%s: range %u of %u, bytes %#llx to %#llx of the BO\n", who, i,
				     scatter->count, (unsigned long long)from,
				     (unsigned long long)end);
		start += range->size;
	}
}

void amd_userptr_scatter_reads(struct amd_userptr_scatter *scatter, uint64_t offset, uint64_t size)
{
	struct amd_userptr *up = scatter->up;

	for (uint64_t done = 0, n; done < size; done += n) {
		n = size - done < AMD_USERPTR_STAGE ? size - done : AMD_USERPTR_STAGE;
		/*
		 * No pattern and no new page consists of bytes 0xff. So the comparison fails if the
		 * GPU copies nothing.
		 */
		memset(up->out.cpu, 0xff, n);
		amd_kfd_queue_copy(up->queue, up->out.va, scatter->va + offset + done, n);
		amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
		compare(scatter, offset + done, n, up->out.cpu, "read by the GPU");
	}
}

void amd_userptr_scatter_writes(struct amd_userptr_scatter *scatter, uint64_t offset, uint64_t size,
				uint32_t seed)
{
	struct amd_userptr *up = scatter->up;

	for (uint64_t done = 0, n; done < size; done += n) {
		n = size - done < AMD_USERPTR_STAGE ? size - done : AMD_USERPTR_STAGE;
		amd_userptr_gpu_fill(up, scatter->va + offset + done, n, seed++);
		compare(scatter, offset + done, n, up->in.cpu, "written by the GPU");
	}
}

void amd_userptr_scatter_roundtrip(struct amd_userptr_scatter *scatter, uint32_t seed)
{
	const uint64_t size = amd_userptr_scatter_size(scatter);

	amd_userptr_scatter_writes(scatter, 0, size, seed);
	for (unsigned int i = 0; i < scatter->count; i++)
		amd_pattern_fill((void *)(uintptr_t)scatter->ranges[i].addr,
				 scatter->ranges[i].size, seed + 1 + i);
	amd_userptr_scatter_reads(scatter, 0, size);
}
