/* SPDX-License-Identifier: MIT */
/* The table of maps of a context, by GPU address. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Size of the first version of the struct. */
#define AU_INFO_FIRST_SIZE offsetof(struct amdgpu_userptr_info, gpu_va)

/* Index of the first map whose last byte is at @va or behind. Call with ctx->lock held. */
static size_t maps_search(const struct amdgpu_userptr_ctx *ctx, uint64_t va)
{
	size_t low = 0, high = ctx->num_maps;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct au_space *space = &ctx->maps[middle]->space;

		if (space->va + (space->size - 1) < va)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int maps_grow(struct amdgpu_userptr_ctx *ctx)
{
	size_t max = ctx->max_maps ? 2 * ctx->max_maps : 16;
	struct amdgpu_userptr_mapping **maps;

	if (ctx->num_maps < ctx->max_maps)
		return 0;
	maps = reallocarray(ctx->maps, max, sizeof(*maps));
	if (!maps)
		return -ENOMEM;
	ctx->maps = maps;
	ctx->max_maps = max;
	return 0;
}

int au_maps_insert(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_mapping *map)
{
	const struct au_space *space = &map->space;
	size_t at;
	int ret;

	pthread_mutex_lock(&ctx->lock);
	at = maps_search(ctx, space->va);
	if (at < ctx->num_maps && ctx->maps[at]->space.va <= space->va + (space->size - 1)) {
		ret = -EEXIST;
		goto unlock;
	}
	ret = maps_grow(ctx);
	if (ret)
		goto unlock;
	memmove(&ctx->maps[at + 1], &ctx->maps[at], (ctx->num_maps - at) * sizeof(*ctx->maps));
	ctx->maps[at] = map;
	ctx->num_maps++;
unlock:
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

void au_maps_remove(struct amdgpu_userptr_ctx *ctx, const struct amdgpu_userptr_mapping *map)
{
	size_t at;

	pthread_mutex_lock(&ctx->lock);
	at = maps_search(ctx, map->space.va);
	ctx->num_maps--;
	memmove(&ctx->maps[at], &ctx->maps[at + 1], (ctx->num_maps - at) * sizeof(*ctx->maps));
	pthread_mutex_unlock(&ctx->lock);
}

struct amdgpu_userptr_mapping *au_maps_find(const struct amdgpu_userptr_ctx *ctx, uint64_t va)
{
	size_t at = maps_search(ctx, va);

	if (at == ctx->num_maps || ctx->maps[at]->space.va > va)
		return NULL;
	return ctx->maps[at];
}

void au_maps_count_bos(const struct amdgpu_userptr_mapping *map, uint64_t mask, bool add)
{
	struct amdgpu_userptr_stats *stats = &map->ctx->stats;
	const uint64_t devices = __builtin_popcountll(mask);

	/* To add -devices subtracts, because the unsigned sums wrap around. */
	stats->bos += (add ? devices : -devices) * map->num_bos;
	stats->scatter_bos += (add ? devices : -devices) * map->num_scatter_bos;
}

void au_maps_set_ready(struct amdgpu_userptr_mapping *map, bool ready)
{
	struct amdgpu_userptr_ctx *ctx = map->ctx;
	/* UINT64_MAX is minus one: the unsigned sums wrap around. */
	const uint64_t sign = ready ? 1 : UINT64_MAX;

	pthread_mutex_lock(&ctx->lock);
	map->ready = ready;
	if (ready)
		au_cpu_insert(map);
	else
		au_cpu_remove(map);
	ctx->stats.mappings += sign;
	ctx->stats.bytes += sign * map->space.size;
	ctx->stats.ranges += sign * map->num_ranges;
	au_maps_count_bos(map, map->attached, ready);
	pthread_mutex_unlock(&ctx->lock);
}

static bool va_clash(const struct amdgpu_userptr_mapping *map,
		     const struct amdgpu_userptr_range *range, uint64_t range_va)
{
	const uint64_t va = au_map_va(map);

	return range->cpu_addr != range_va && range->cpu_addr < va + map->layout.bytes &&
	       va < range->cpu_addr + range->size;
}

struct amdgpu_userptr_range au_map_range(const struct amdgpu_userptr_mapping *map, uint32_t index)
{
	const struct au_range *range = &map->ranges[index];
	const uint64_t end = index + 1 < map->num_ranges ? range[1].offset : map->layout.bytes;

	return (struct amdgpu_userptr_range){
		.cpu_addr = range->cpu_addr,
		.size = end - range->offset,
		.flags = range->flags,
	};
}

static void fill_info(struct amdgpu_userptr_mapping *map, uint64_t gpu_va,
		      struct amdgpu_userptr_info *info)
{
	const uint64_t offset = gpu_va - au_map_va(map);
	const uint32_t index = au_ranges_find(map->ranges, map->num_ranges, offset);
	const struct amdgpu_userptr_range range = au_map_range(map, index);
	const uint64_t range_va = au_map_va(map) + map->ranges[index].offset;

	if (va_clash(map, &range, range_va))
		info->flags |= AMDGPU_USERPTR_INFO_VA_CLASH;
	info->mapping = map;
	info->mapping_va = au_map_va(map);
	info->mapping_size = map->layout.bytes;
	info->cpu_addr = range.cpu_addr + (gpu_va - range_va);
	info->range_va = range_va;
	info->range_cpu_addr = range.cpu_addr;
	info->range_size = range.size;
	info->range_flags = range.flags;
	info->range_index = index;
	info->gpu_va = gpu_va;
	info->devices = map->attached;
	info->reachable = map->reachable;
	info->span_va = map->space.va;
	info->span_size = map->space.size;
}

static int check_query(const struct amdgpu_userptr_ctx *ctx, const struct amdgpu_userptr_info *info)
{
	struct amdgpu_userptr_info in;
	int ret;

	if (!ctx || !info)
		return -EINVAL;
	ret = au_ctx_check_owner(ctx);
	return ret ? ret : au_struct_get(info, &in, AU_INFO_FIRST_SIZE, sizeof(in));
}

AU_PUBLIC
int amdgpu_userptr_query(struct amdgpu_userptr_ctx *ctx, uint64_t gpu_va,
			 struct amdgpu_userptr_info *info)
{
	struct amdgpu_userptr_info out = { 0 };
	struct amdgpu_userptr_mapping *map;
	int ret;

	ret = check_query(ctx, info);
	if (ret)
		return ret;

	pthread_mutex_lock(&ctx->lock);
	map = au_maps_find(ctx, gpu_va);
	/* The first and the last unit of a map may have bytes that are in none of its ranges. */
	if (map && map->ready && gpu_va - au_map_va(map) < map->layout.bytes)
		fill_info(map, gpu_va, &out);
	else
		ret = -ENOENT;
	pthread_mutex_unlock(&ctx->lock);

	if (!ret)
		au_struct_put(info, &out, sizeof(out));
	return ret;
}

AU_PUBLIC
int amdgpu_userptr_query_cpu(struct amdgpu_userptr_ctx *ctx, const void *cpu_addr, uint64_t min_va,
			     struct amdgpu_userptr_info *info)
{
	struct amdgpu_userptr_info out = { 0 };
	struct amdgpu_userptr_mapping *map;
	const int saved_errno = errno;
	uint64_t va;
	int ret;

	ret = check_query(ctx, info);
	if (ret)
		return ret;

	pthread_mutex_lock(&ctx->lock);
	ret = au_cpu_find(ctx, (uintptr_t)cpu_addr, min_va, &map, &va);
	if (!ret)
		fill_info(map, va, &out);
	pthread_mutex_unlock(&ctx->lock);

	if (!ret)
		au_struct_put(info, &out, sizeof(out));
	errno = saved_errno;
	return ret;
}
