/* SPDX-License-Identifier: MIT */
/*
 * Ranges that do not begin and end at CPU pages.
 *
 * The kernel registers whole CPU pages for a BO. A VA mapping of a part of the BO begins and ends
 * at multiples of the granularity: of GPU pages of 4 KiB if the kernel says that it can map parts
 * of CPU pages, else of CPU pages. So there are three cases:
 *
 * - All ranges are CPU pages. The kernel gets the caller's array, and a VA mapping has a whole BO.
 *
 * - Only the start of the first range and the end of the last one are inside of a CPU page. The
 *   kernel gets the CPU pages that have the ranges, and the VA mappings leave out the bytes before
 *   the first unit (@lead of struct au_layout) and behind the last one.
 *
 * - The layout is packed: two ranges do not meet at the edge of CPU pages, or several ranges have
 *   parts of the CPU page in which the map begins or ends. The library registers each CPU page
 *   once, in the order of addresses, so that the kernel watches it once. A list of pieces says
 *   which parts of the BOs follow each other in the map.
 *
 * Within a unit the GPU sees the same bytes as the CPU. So two ranges can meet inside of a unit
 * only if the second one continues the first one in memory. Otherwise the first one must end, and
 * the second one begin, at the edge of a unit.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

static uint64_t round_down(uint64_t value, uint64_t unit)
{
	return value & ~(unit - 1);
}

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return round_down(value + unit - 1, unit);
}

static uint64_t end_of(const struct amdgpu_userptr_range *range)
{
	return range->cpu_addr + range->size;
}

/* ------------------------------------------------------------------------------------------- */
/* Checks										       */

/*
 * The CPU pages around the range must not be the first page, because the kernel refuses address 0.
 * They must not reach the end of 64 bits either, because their end would overflow.
 */
static int check_pages(const struct amdgpu_userptr_range *range, uint64_t page_size)
{
	if (range->cpu_addr < page_size)
		return -EINVAL;
	return end_of(range) > UINT64_MAX - page_size + 1 ? -EOVERFLOW : 0;
}

static bool seam_is_good(const struct amdgpu_userptr_range *range, uint64_t unit)
{
	if (!((end_of(&range[0]) | range[1].cpu_addr) & (unit - 1)))
		return true;
	return end_of(&range[0]) == range[1].cpu_addr && range[0].flags == range[1].flags;
}

/* Whether au_ranges_check() refuses the range only because it does not begin and end at units. */
static bool only_misaligned(const struct amdgpu_userptr_range *range)
{
	uint64_t total;
	uint32_t bad;

	return !au_ranges_check(range, 1, 1, &total, &bad);
}

static bool has_page(const struct amdgpu_userptr_range *range, uint64_t page, uint64_t page_size)
{
	return range->cpu_addr < page + page_size && end_of(range) > page;
}

/* Whether the layout has to be packed: see the top of the file. */
static bool must_pack(const struct amdgpu_userptr_range *ranges, uint32_t count, uint64_t page_size)
{
	const uint64_t end = end_of(&ranges[count - 1]);
	const uint64_t first = round_down(ranges[0].cpu_addr, page_size);
	const uint64_t last = round_down(end - 1, page_size);
	const bool partial_first = first != ranges[0].cpu_addr;
	const bool partial_last = last + page_size != end;

	for (uint32_t i = 0; i + 1 < count; i++) {
		if ((end_of(&ranges[i]) | ranges[i + 1].cpu_addr) & (page_size - 1) ||
		    (partial_first && has_page(&ranges[i + 1], first, page_size)) ||
		    (partial_last && has_page(&ranges[i], last, page_size)))
			return true;
	}
	return false;
}

int au_layout_check(const struct amdgpu_userptr_ctx *ctx, const struct amdgpu_userptr_range *ranges,
		    uint32_t count, uint32_t map_flags, struct au_layout *layout,
		    struct au_failure *failure)
{
	const uint64_t unit = ctx->granularity;
	const bool round_out = map_flags & AMDGPU_USERPTR_MAP_ROUND_OUT;
	int ret;

	*layout = (struct au_layout){ 0 };
	if (au_ranges_are_pages(ranges, count, ctx->page_size, &layout->bytes)) {
		layout->size = layout->bytes;
		return 0;
	}
	ret = au_ranges_check(ranges, count, round_out ? 1 : unit, &layout->bytes, &failure->range);
	if (ret == -EINVAL && only_misaligned(&ranges[failure->range]))
		failure->reason = AMDGPU_USERPTR_REASON_GRANULARITY;
	for (uint32_t i = 0; !ret && i < count; i++) {
		failure->range = i;
		ret = check_pages(&ranges[i], ctx->page_size);
		if (!ret && i && !seam_is_good(&ranges[i - 1], unit)) {
			failure->reason = AMDGPU_USERPTR_REASON_GRANULARITY;
			ret = -EINVAL;
		}
	}
	if (ret)
		return ret;
	failure->range = AMDGPU_USERPTR_NONE;
	layout->head = ranges[0].cpu_addr & (unit - 1);
	/* round_up() must not wrap around: a map without a byte would corrupt the table of maps. */
	if (layout->bytes > UINT64_MAX - (unit - 1) - layout->head)
		return -EOVERFLOW;
	layout->size = round_up(layout->head + layout->bytes, unit);
	layout->partial = true;
	layout->packed = must_pack(ranges, count, ctx->page_size);
	if (!layout->packed)
		layout->lead = (ranges[0].cpu_addr & (ctx->page_size - 1)) - layout->head;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* The CPU pages that the kernel registers						       */

static struct amdgpu_userptr_range cover(const struct amdgpu_userptr_range *range, uint64_t unit)
{
	const uint64_t start = round_down(range->cpu_addr, unit);

	return (struct amdgpu_userptr_range){
		.cpu_addr = start,
		.size = round_up(end_of(range), unit) - start,
		.flags = range->flags,
	};
}

/* The start or the end of the CPU pages of a range. */
struct edge {
	uint64_t addr;
	bool starts;
	bool readonly;
};

/* By address; an end comes before a start at the same address. */
static int compare_edges(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->starts - y->starts;
}

/*
 * Add the pages [start, end) to the runs. @joined: a range has both these pages and the pages
 * before them. Return the number of runs.
 */
static uint32_t add_run(struct amdgpu_userptr_range *runs, uint32_t num_runs, uint64_t start,
			uint64_t end, uint32_t flags, bool joined)
{
	struct amdgpu_userptr_range *last = num_runs ? &runs[num_runs - 1] : NULL;

	if (last && joined && last->flags == flags) {
		last->size += end - start;
		return num_runs;
	}
	runs[num_runs] = (struct amdgpu_userptr_range){
		.cpu_addr = start,
		.size = end - start,
		.flags = flags,
	};
	return num_runs + 1;
}

/*
 * Make runs of pages out of the sorted edges. A page is read-only if all ranges that have a part of
 * it are read-only. If two runs follow each other, but no range has pages of both, do not join them
 * here, because au_ranges_to_bos() decides whether they share a BO.
 */
static uint32_t make_runs(const struct edge *edges, uint32_t num_edges,
			  struct amdgpu_userptr_range *runs)
{
	uint32_t open[2] = { 0, 0 }; /* ranges at this address that are writeable, or read-only */
	uint32_t num_runs = 0;

	for (uint32_t i = 0; i < num_edges;) {
		const uint64_t addr = edges[i].addr;
		bool joined;

		for (; i < num_edges && edges[i].addr == addr && !edges[i].starts; i++)
			open[edges[i].readonly]--;
		joined = open[false] || open[true];
		for (; i < num_edges && edges[i].addr == addr; i++)
			open[edges[i].readonly]++;
		/* A range that is open here ends at a later edge, so edges[i] exists. */
		if (open[false] || open[true])
			num_runs = add_run(runs, num_runs, addr, edges[i].addr,
					   open[false] ? 0 : AMDGPU_USERPTR_RANGE_READONLY, joined);
	}
	return num_runs;
}

/* Register each CPU page once. */
static int register_once(struct au_layout *layout, const struct amdgpu_userptr_range *ranges,
			 uint32_t count, uint64_t page_size)
{
	struct edge *edges = reallocarray(NULL, 2 * (size_t)count, sizeof(*edges));

	/* Each edge can begin a run. */
	layout->registered = reallocarray(NULL, 2 * (size_t)count, sizeof(*layout->registered));
	if (!edges || !layout->registered) {
		free(edges);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct amdgpu_userptr_range pages = cover(&ranges[i], page_size);
		const bool readonly = pages.flags & AMDGPU_USERPTR_RANGE_READONLY;

		edges[2 * i] = (struct edge){ pages.cpu_addr, true, readonly };
		edges[2 * i + 1] = (struct edge){ end_of(&pages), false, readonly };
	}
	qsort(edges, 2 * (size_t)count, sizeof(*edges), compare_edges);
	layout->num_registered = make_runs(edges, 2 * count, layout->registered);
	free(edges);
	return 0;
}

int au_layout_register(struct au_layout *layout, const struct amdgpu_userptr_range *ranges,
		       uint32_t count, uint64_t page_size)
{
	if (!layout->partial)
		return 0;
	if (layout->packed)
		return register_once(layout, ranges, count, page_size);
	layout->registered = reallocarray(NULL, count, sizeof(*layout->registered));
	if (!layout->registered)
		return -ENOMEM;
	layout->num_registered = count;
	for (uint32_t i = 0; i < count; i++)
		layout->registered[i] = cover(&ranges[i], page_size);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* The pieces of a packed layout							       */

struct pieces {
	struct au_piece *array; /* NULL: only count */
	uint32_t count;
	struct au_piece last;
	uint64_t offset; /* where the next piece begins in the map */
};

static void add_piece(struct pieces *pieces, uint32_t bo, uint64_t bo_offset, uint64_t size,
		      uint32_t flags)
{
	struct au_piece *last = &pieces->last;

	if (pieces->count && last->bo == bo && last->bo_offset + last->size == bo_offset &&
	    last->flags == flags) {
		last->size += size;
	} else {
		*last = (struct au_piece){
			.offset = pieces->offset,
			.bo_offset = bo_offset,
			.size = size,
			.bo = bo,
			.flags = flags,
		};
		pieces->count++;
	}
	pieces->offset += size;
	if (pieces->array)
		pieces->array[pieces->count - 1] = *last;
}

/* Index of the run that has the address. All addresses of ranges are in a run. */
static uint32_t run_of(const struct amdgpu_userptr_range *runs, uint32_t count, uint64_t addr)
{
	uint32_t low = 0, high = count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (runs[middle].cpu_addr <= addr)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Index of the BO that has the byte at @offset of all registered pages. */
static uint32_t bo_of(const struct amdgpu_userptr_mapping *map, uint64_t offset)
{
	uint32_t low = 0, high = map->num_bos;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (map->bos[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Add the memory [addr, end), which can be in several runs and BOs. */
static void add_memory(struct pieces *pieces, const struct amdgpu_userptr_mapping *map,
		       const struct au_range *placed, uint64_t addr, uint64_t end, uint32_t flags)
{
	const struct amdgpu_userptr_range *runs = map->layout.registered;
	uint32_t index = run_of(runs, map->layout.num_registered, addr);

	while (addr < end) {
		const uint64_t offset = placed[index].offset + (addr - runs[index].cpu_addr);
		const uint32_t bo = bo_of(map, offset);
		uint64_t size = (end < end_of(&runs[index]) ? end : end_of(&runs[index])) - addr;

		if (size > map->bos[bo].offset + map->bos[bo].size - offset)
			size = map->bos[bo].offset + map->bos[bo].size - offset;
		add_piece(pieces, bo, offset - map->bos[bo].offset, size, flags);
		addr += size;
		if (addr == end_of(&runs[index]))
			index++;
	}
}

/* Ranges that meet inside of a unit are one piece of memory, so add them together. */
static void add_all(struct pieces *pieces, const struct amdgpu_userptr_mapping *map,
		    const struct au_range *placed, const struct amdgpu_userptr_range *ranges,
		    uint32_t count)
{
	const uint64_t unit = map->ctx->granularity;

	for (uint32_t i = 0; i < count; i++) {
		const uint64_t start = round_down(ranges[i].cpu_addr, unit);

		while (i + 1 < count && ranges[i + 1].cpu_addr & (unit - 1))
			i++;
		add_memory(pieces, map, placed, start, round_up(end_of(&ranges[i]), unit),
			   ranges[i].flags);
	}
}

int au_map_make_pieces(struct amdgpu_userptr_mapping *map,
		       const struct amdgpu_userptr_range *ranges, uint32_t count)
{
	struct au_range *placed = reallocarray(NULL, map->layout.num_registered, sizeof(*placed));
	struct pieces pieces = { 0 };

	if (!placed)
		return -ENOMEM;
	au_ranges_place(map->layout.registered, map->layout.num_registered, placed);
	add_all(&pieces, map, placed, ranges, count);
	map->num_pieces = pieces.count;
	map->pieces = reallocarray(NULL, pieces.count, sizeof(*map->pieces));
	if (map->pieces) {
		pieces = (struct pieces){ .array = map->pieces };
		add_all(&pieces, map, placed, ranges, count);
	}
	free(placed);
	return map->pieces ? 0 : -ENOMEM;
}
