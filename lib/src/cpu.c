/* SPDX-License-Identifier: MIT */
/*
 * The maps of a context by CPU address.
 *
 * A search first finds maps and then ranges in each of these maps. The maps are in a treap, ordered
 * by their lowest CPU address. Each node has the highest CPU address of its subtree, so the search
 * skips a subtree whose maps all end before the address or begin after it. The ranges of a map are
 * in a sorted array. The search uses the array as a balanced tree, too: the root is the middle of
 * the array, and each element has the highest CPU address of its subtree.
 *
 * Most users never look up a CPU address. Reading a million ranges takes long, and sorting them
 * takes longer than the rest of the library's own work for a map. So a new map is in a list until
 * the next look-up, which finds the lowest and highest CPU address of the map and puts the map into
 * the treap. The map has no array until a look-up gets to it.
 *
 * The callers of all functions hold ctx->lock.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/* In a map of at most this many ranges a look-up tries each range, so the map needs no array. */
#define FEW_RANGES 8

/* An element of the array of a map: a range. */
struct au_cpu_entry {
	uint64_t first;	      /* CPU address of the range */
	uint64_t subtree_end; /* highest CPU address of all ranges in the subtree */
	uint32_t index;	      /* of the range in the map */
};

/* A look-up of the byte at @addr, which keeps the lowest GPU address found at or above @min_va. */
struct search {
	uint64_t addr;
	uint64_t min_va;
	struct amdgpu_userptr_mapping *map; /* NULL: nothing found yet */
	uint64_t va;
};

static uint64_t last_byte(const struct amdgpu_userptr_range *range)
{
	return range->cpu_addr + (range->size - 1);
}

static void find_bounds(struct amdgpu_userptr_mapping *map)
{
	uint64_t first = UINT64_MAX, last = 0;

	for (uint32_t i = 0; i < map->num_ranges; i++) {
		const struct amdgpu_userptr_range range = au_map_range(map, i);

		if (first > range.cpu_addr)
			first = range.cpu_addr;
		if (last < last_byte(&range))
			last = last_byte(&range);
	}
	map->cpu.first = first;
	map->cpu.last = last;
}

/* ------------------------------------------------------------------------------------------- */
/* The treap of maps									       */

static bool is_before(const struct amdgpu_userptr_mapping *a,
		      const struct amdgpu_userptr_mapping *b)
{
	if (a->cpu.first != b->cpu.first)
		return a->cpu.first < b->cpu.first;
	return a->space.va < b->space.va;
}

static void update(struct amdgpu_userptr_mapping *map)
{
	map->cpu.subtree_last = map->cpu.last;
	for (unsigned int i = 0; i < 2; i++) {
		const struct amdgpu_userptr_mapping *child = map->cpu.child[i];

		if (child && map->cpu.subtree_last < child->cpu.subtree_last)
			map->cpu.subtree_last = child->cpu.subtree_last;
	}
}

/* All maps of @low are before those of @high. */
static struct amdgpu_userptr_mapping *join(struct amdgpu_userptr_mapping *low,
					   struct amdgpu_userptr_mapping *high)
{
	if (!low || !high)
		return low ? low : high;
	if (low->cpu.priority > high->cpu.priority) {
		low->cpu.child[1] = join(low->cpu.child[1], high);
		update(low);
		return low;
	}
	high->cpu.child[0] = join(low, high->cpu.child[0]);
	update(high);
	return high;
}

/* @low: out: the maps of @tree before @at. @high: out: the others. */
static void split(struct amdgpu_userptr_mapping *tree, const struct amdgpu_userptr_mapping *at,
		  struct amdgpu_userptr_mapping **low, struct amdgpu_userptr_mapping **high)
{
	if (!tree) {
		*low = *high = NULL;
		return;
	}
	if (is_before(tree, at)) {
		split(tree->cpu.child[1], at, &tree->cpu.child[1], high);
		*low = tree;
	} else {
		split(tree->cpu.child[0], at, low, &tree->cpu.child[0]);
		*high = tree;
	}
	update(tree);
}

/*
 * Priorities have to look random, because then the treap is balanced even if the caller maps in the
 * order of addresses.
 */
static uint64_t next_priority(struct amdgpu_userptr_ctx *ctx)
{
	/* Marsaglia's xorshift64. It is good enough for that. */
	ctx->priority ^= ctx->priority << 13;
	ctx->priority ^= ctx->priority >> 7;
	ctx->priority ^= ctx->priority << 17;
	return ctx->priority;
}

static void insert(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_mapping *map)
{
	struct amdgpu_userptr_mapping *low, *high;

	find_bounds(map);
	map->cpu.child[0] = map->cpu.child[1] = NULL;
	map->cpu.priority = next_priority(ctx);
	update(map);
	split(ctx->by_cpu, map, &low, &high);
	ctx->by_cpu = join(join(low, map), high);
}

static struct amdgpu_userptr_mapping *without(struct amdgpu_userptr_mapping *tree,
					      const struct amdgpu_userptr_mapping *map)
{
	struct amdgpu_userptr_mapping **child;

	if (tree == map)
		return join(tree->cpu.child[0], tree->cpu.child[1]);
	child = &tree->cpu.child[is_before(tree, map)];
	*child = without(*child, map);
	update(tree);
	return tree;
}

/* ------------------------------------------------------------------------------------------- */
/* The list of new maps									       */

void au_cpu_insert(struct amdgpu_userptr_mapping *map)
{
	struct amdgpu_userptr_ctx *ctx = map->ctx;
	struct amdgpu_userptr_mapping *next = ctx->new_by_cpu;

	map->cpu.next_new = next;
	map->cpu.at_new = &ctx->new_by_cpu;
	if (next)
		next->cpu.at_new = &map->cpu.next_new;
	ctx->new_by_cpu = map;
}

static void take_off_list(struct amdgpu_userptr_mapping *map)
{
	struct amdgpu_userptr_mapping *next = map->cpu.next_new;

	*map->cpu.at_new = next;
	if (next)
		next->cpu.at_new = map->cpu.at_new;
	map->cpu.at_new = NULL;
}

void au_cpu_remove(struct amdgpu_userptr_mapping *map)
{
	if (map->cpu.at_new)
		take_off_list(map);
	else
		map->ctx->by_cpu = without(map->ctx->by_cpu, map);
}

static void insert_new_maps(struct amdgpu_userptr_ctx *ctx)
{
	while (ctx->new_by_cpu) {
		struct amdgpu_userptr_mapping *map = ctx->new_by_cpu;

		take_off_list(map);
		insert(ctx, map);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* The array of a map									       */

static int compare(const void *a, const void *b)
{
	const struct au_cpu_entry *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* Fill in @subtree_end of the elements [low, high), and return the highest CPU address. */
static uint64_t fill_subtree(const struct amdgpu_userptr_mapping *map, size_t low, size_t high)
{
	const size_t middle = low + (high - low) / 2;
	struct au_cpu_entry *entry = &map->cpu.array[middle];
	struct amdgpu_userptr_range range;
	uint64_t end;

	if (low == high)
		return 0;
	range = au_map_range(map, entry->index);
	entry->subtree_end = last_byte(&range);
	end = fill_subtree(map, low, middle);
	if (entry->subtree_end < end)
		entry->subtree_end = end;
	end = fill_subtree(map, middle + 1, high);
	if (entry->subtree_end < end)
		entry->subtree_end = end;
	return entry->subtree_end;
}

static int make_array(struct amdgpu_userptr_mapping *map)
{
	map->cpu.array = reallocarray(NULL, map->num_ranges, sizeof(*map->cpu.array));
	if (!map->cpu.array)
		return -ENOMEM;
	for (uint32_t i = 0; i < map->num_ranges; i++) {
		map->cpu.array[i].first = au_map_range(map, i).cpu_addr;
		map->cpu.array[i].index = i;
	}
	qsort(map->cpu.array, map->num_ranges, sizeof(*map->cpu.array), compare);
	fill_subtree(map, 0, map->num_ranges);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* The search										       */

static void try_range(struct search *search, struct amdgpu_userptr_mapping *map, uint32_t index)
{
	const struct amdgpu_userptr_range range = au_map_range(map, index);
	uint64_t va;

	if (search->addr < range.cpu_addr || search->addr > last_byte(&range))
		return;
	va = au_map_va(map) + map->ranges[index].offset + (search->addr - range.cpu_addr);
	if (va < search->min_va || (search->map && search->va <= va))
		return;
	search->map = map;
	search->va = va;
}

static void search_array(struct search *search, struct amdgpu_userptr_mapping *map, size_t low,
			 size_t high)
{
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct au_cpu_entry *entry = &map->cpu.array[middle];

		if (entry->subtree_end < search->addr)
			return;
		search_array(search, map, low, middle);
		if (entry->first > search->addr)
			return;
		try_range(search, map, entry->index);
		low = middle + 1;
	}
}

static int search_map(struct search *search, struct amdgpu_userptr_mapping *map)
{
	if (map->num_ranges <= FEW_RANGES) {
		for (uint32_t i = 0; i < map->num_ranges; i++)
			try_range(search, map, i);
		return 0;
	}
	if (!map->cpu.array) {
		int ret = make_array(map);

		if (ret)
			return ret;
	}
	search_array(search, map, 0, map->num_ranges);
	return 0;
}

static int search_tree(struct search *search, struct amdgpu_userptr_mapping *tree)
{
	int ret;

	while (tree && tree->cpu.subtree_last >= search->addr) {
		ret = search_tree(search, tree->cpu.child[0]);
		if (ret || tree->cpu.first > search->addr)
			return ret;
		if (tree->cpu.last >= search->addr) {
			ret = search_map(search, tree);
			if (ret)
				return ret;
		}
		tree = tree->cpu.child[1];
	}
	return 0;
}

int au_cpu_find(struct amdgpu_userptr_ctx *ctx, uint64_t addr, uint64_t min_va,
		struct amdgpu_userptr_mapping **map, uint64_t *va)
{
	struct search search = { .addr = addr, .min_va = min_va };
	int ret;

	insert_new_maps(ctx);
	ret = search_tree(&search, ctx->by_cpu);
	if (ret)
		return ret;
	if (!search.map)
		return -ENOENT;
	*map = search.map;
	*va = search.va;
	return 0;
}
