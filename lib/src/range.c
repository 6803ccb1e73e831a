/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic on ranges. Nothing here allocates, locks or calls the kernel.
 *
 * Two loops run over all ranges of a usual map: au_ranges_are_pages() checks the ranges, and
 * au_ranges_place() keeps them. These loops are most of the library's own work for a map of many
 * ranges. So the compiler unrolls them, which saves a fifth of their instructions.
 */
#include <errno.h>

#include "internal.h"

/*
 * Neither the sum of AU_MAX_RANGES sizes below SMALL_SIZE nor the sum of one such size and an
 * address below SMALL_ADDR overflows.
 */
#define SMALL_ADDR (UINT64_C(1) << 63)
#define SMALL_SIZE (UINT64_MAX / AU_MAX_RANGES / 2)

static int range_check(const struct amdgpu_userptr_range *range, uint64_t unit)
{
	uint64_t end;

	if (range->flags & ~AMDGPU_USERPTR_RANGE_READONLY || range->reserved)
		return -EINVAL;
	/* The kernel refuses address 0, too, but with an error that does not name the range. */
	if (!range->cpu_addr || !range->size || (range->cpu_addr | range->size) & (unit - 1))
		return -EINVAL;
	if (__builtin_add_overflow(range->cpu_addr, range->size, &end))
		return -EOVERFLOW;
	return 0;
}

/*
 * Check for the usual case: nothing is wrong, and no address or size is so large that a sum could
 * overflow. This loop has half of the instructions of a loop that calls range_check(). That is a
 * clear gain for a million ranges.
 */
bool au_ranges_are_pages(const struct amdgpu_userptr_range *ranges, uint32_t count,
			 uint64_t page_size, uint64_t *total)
{
	uint64_t addrs = 0, addrs_less_one = 0, sizes = 0, sizes_less_one = 0, sum = 0;
	uint32_t flags = 0, reserved = 0;

#pragma GCC unroll 4
	for (uint32_t i = 0; i < count; i++) {
		addrs |= ranges[i].cpu_addr;
		addrs_less_one |= ranges[i].cpu_addr - 1; /* address 0 becomes UINT64_MAX */
		sizes |= ranges[i].size;
		sizes_less_one |= ranges[i].size - 1; /* size 0 becomes UINT64_MAX */
		flags |= ranges[i].flags;
		reserved |= ranges[i].reserved;
		sum += ranges[i].size;
	}
	*total = sum;
	return !(flags & ~AMDGPU_USERPTR_RANGE_READONLY) && !reserved &&
	       !((addrs | sizes) & (page_size - 1)) && addrs < SMALL_ADDR &&
	       addrs_less_one < SMALL_ADDR && sizes_less_one < SMALL_SIZE;
}

int au_ranges_check(const struct amdgpu_userptr_range *ranges, uint32_t count, uint64_t unit,
		    uint64_t *total, uint32_t *bad)
{
	if (au_ranges_are_pages(ranges, count, unit, total))
		return 0;
	*total = 0;
	for (uint32_t i = 0; i < count; i++) {
		int ret = range_check(&ranges[i], unit);

		if (!ret && __builtin_add_overflow(*total, ranges[i].size, total))
			ret = -EOVERFLOW;
		if (ret) {
			*bad = i;
			return ret;
		}
	}
	return 0;
}

uint64_t au_ranges_place(const struct amdgpu_userptr_range *ranges, uint32_t count,
			 struct au_range *placed)
{
	uint64_t offset = 0;

#pragma GCC unroll 4
	for (uint32_t i = 0; i < count; i++) {
		placed[i] = (struct au_range){
			.offset = offset,
			.flags = ranges[i].flags,
			.cpu_addr = ranges[i].cpu_addr,
		};
		offset += ranges[i].size;
	}
	return offset;
}

static uint32_t common_flags(const struct amdgpu_userptr_range *ranges, uint32_t count)
{
	uint32_t flags = ranges[0].flags;

	for (uint32_t i = 1; flags && i < count; i++)
		flags &= ranges[i].flags;
	return flags;
}

/* Whether the BO can take the range as its next one. */
static bool bo_continues(const struct au_bo *bo, const struct amdgpu_userptr_range *range,
			 enum au_division division, const struct au_bo_limits *limits)
{
	if (division == AU_PER_RANGE || range->size > limits->size - bo->size)
		return false;
	if (division == AU_SCATTER)
		return bo->scatter && bo->end_range - bo->first_range < limits->num_ranges;
	return bo->range_flags == range->flags && bo->cpu_addr + bo->size == range->cpu_addr;
}

uint64_t au_ranges_to_bos(const struct amdgpu_userptr_range *ranges, uint32_t count,
			  enum au_division division, const struct au_bo_limits *limits,
			  uint64_t total, struct au_bo *bos, uint64_t max)
{
	struct au_bo bo = { 0 };
	uint64_t num_bos = 0;

	/* The usual case: all ranges fit into one BO. */
	if (division == AU_SCATTER && count <= limits->num_ranges && total <= limits->size) {
		if (max)
			bos[0] = (struct au_bo){
				.size = total,
				.range_flags = common_flags(ranges, count),
				.end_range = count,
				.scatter = true,
			};
		return 1;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct amdgpu_userptr_range *range = &ranges[i];
		uint64_t done = 0;

		if (num_bos && bo_continues(&bo, range, division, limits)) {
			bo.size += range->size;
			bo.range_flags &= range->flags;
			bo.end_range = i + 1;
			if (max)
				bos[num_bos - 1] = bo;
			continue;
		}
		/* A range that is too large for one BO takes more than one round. */
		for (; done < range->size; done += bo.size) {
			bo = (struct au_bo){
				.offset = bo.offset + bo.size,
				.size = range->size - done < limits->size ? range->size - done
									  : limits->size,
				.range_flags = range->flags,
				.first_range = i,
				.end_range = i + 1,
				.scatter = division == AU_SCATTER && range->size <= limits->size,
			};
			if (!bo.scatter)
				bo.cpu_addr = range->cpu_addr + done;
			if (max && num_bos == max)
				return max + 1;
			if (max)
				bos[num_bos] = bo;
			num_bos++;
		}
	}
	return num_bos;
}

struct au_bo au_bo_part(const struct au_bo *bo, const struct amdgpu_userptr_range *ranges,
			uint32_t first, uint32_t end)
{
	const uint64_t bo_end = bo->cpu_addr + bo->size;
	const uint64_t tail = ranges[end - 1].cpu_addr + ranges[end - 1].size;
	struct au_bo part = *bo;

	part.first_range = first;
	part.end_range = end;
	if (bo->scatter) {
		part.size = 0;
		for (uint32_t i = first; i < end; i++)
			part.size += ranges[i].size;
		return part;
	}
	/* The BO may begin and end in the middle of a range. Its ranges are one piece of memory. */
	if (part.cpu_addr < ranges[first].cpu_addr)
		part.cpu_addr = ranges[first].cpu_addr;
	part.size = (tail < bo_end ? tail : bo_end) - part.cpu_addr;
	part.offset += part.cpu_addr - bo->cpu_addr;
	return part;
}

uint32_t au_ranges_find(const struct au_range *placed, uint32_t count, uint64_t offset)
{
	uint32_t low = 0, high = count;

	/* The last range that begins at or before the offset. */
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (placed[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int range_cover(const struct amdgpu_userptr_ctx *ctx, uint64_t addr, uint64_t len,
		       struct amdgpu_userptr_range *range, uint64_t *offset)
{
	const uint64_t mask = ctx->granularity - 1;
	uint64_t end;

	if (!len)
		return -EINVAL;
	if (__builtin_add_overflow(addr, len, &end) || __builtin_add_overflow(end, mask, &end))
		return -EOVERFLOW;
	*offset = addr & mask;
	*range = (struct amdgpu_userptr_range){
		.cpu_addr = addr & ~mask,
		.size = (end & ~mask) - (addr & ~mask),
	};
	return 0;
}

AU_PUBLIC
int amdgpu_userptr_range_cover(struct amdgpu_userptr_ctx *ctx, const void *addr, uint64_t len,
			       struct amdgpu_userptr_range *range, uint64_t *offset)
{
	int ret;

	if (!ctx || !range || !offset)
		return -EINVAL;
	ret = au_ctx_check_owner(ctx);
	return ret ? ret : range_cover(ctx, (uintptr_t)addr, len, range, offset);
}
