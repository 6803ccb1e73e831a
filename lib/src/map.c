/* SPDX-License-Identifier: MIT */
/* Map: checks of arguments, the memory of maps, counters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Size of the struct's first version, and the smallest size that contains @failed_reachable. */
#define AU_MAP_ARGS_FIRST_SIZE offsetof(struct amdgpu_userptr_map_args, devices)
#define AU_MAP_ARGS_REACHABLE_SIZE \
	(offsetof(struct amdgpu_userptr_map_args, failed_reachable) + sizeof(uint64_t))

static const uint32_t valid_flags = AMDGPU_USERPTR_MAP_NO_COALESCE | AU_MAP_COHERENCE |
				    AMDGPU_USERPTR_MAP_ROUND_OUT;

static const uint32_t valid_va_flags = AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE |
				       AMDGPU_VM_PAGE_EXECUTABLE | AMDGPU_VM_MTYPE_MASK |
				       AMDGPU_VM_PAGE_NOALLOC;

/* ------------------------------------------------------------------------------------------- */
/* Checks										       */

static int check_args(const struct amdgpu_userptr_ctx *ctx,
		      const struct amdgpu_userptr_map_args *args)
{
	const uint64_t page_mask = ctx->page_size - 1;

	if (args->flags & ~valid_flags || args->va_flags & ~valid_va_flags)
		return -EINVAL;
	if (args->alignment & page_mask || args->alignment & (args->alignment - 1))
		return -EINVAL;
	if (!args->ranges || !args->num_ranges)
		return -EINVAL;
	if (args->range_stride < sizeof(args->ranges[0]) ||
	    args->range_stride % _Alignof(struct amdgpu_userptr_range))
		return -EINVAL;
	if (args->num_ranges > AU_MAX_RANGES)
		return -E2BIG;
	if (args->devices & ~au_all_devices(ctx))
		return -EINVAL;

	switch (args->va_mode) {
	case AMDGPU_USERPTR_VA_RESERVE:
		return args->fixed_va ? -EINVAL : 0;
	case AMDGPU_USERPTR_VA_ALLOC:
		/* libdrm allocates for one device. The address may be in use on another. */
		if (args->fixed_va || ctx->num_devices > 1 || !ctx->devices[0].handle)
			return -EINVAL;
		return 0;
	case AMDGPU_USERPTR_VA_FIXED:
		return 0;
	default:
		return -EINVAL;
	}
}

/*
 * Copy the part of the ranges that this library knows, and use the copy. The rest, which ranges of
 * a newer header have, has to be zero.
 */
static int copy_ranges(struct amdgpu_userptr_map_args *args, struct amdgpu_userptr_range **copy,
		       struct au_failure *failure)
{
	const size_t known = sizeof(args->ranges[0]);
	const unsigned char *range = (const unsigned char *)args->ranges;

	*copy = reallocarray(NULL, args->num_ranges, known);
	if (!*copy)
		return -ENOMEM;
	for (uint32_t i = 0; i < args->num_ranges; i++, range += args->range_stride) {
		for (size_t at = known; at < args->range_stride; at++) {
			if (range[at]) {
				failure->range = i;
				return -E2BIG;
			}
		}
		memcpy(&(*copy)[i], range, known);
	}
	args->ranges = *copy;
	return 0;
}

/* Without a timeline the library cannot know when a page table update is done. */
int au_check_devices(const struct amdgpu_userptr_ctx *ctx, uint64_t mask,
		     struct au_failure *failure)
{
	for (uint32_t i = 0; i < ctx->num_devices; i++) {
		if (mask & au_device_bit(i) && !ctx->devices[i].syncobj) {
			failure->device = i;
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

/* Call it before allocating memory, because a map of 2^63 bytes would have millions of BOs. */
static int check_size(const struct amdgpu_userptr_ctx *ctx, uint64_t mask, uint64_t size,
		      struct au_failure *failure)
{
	for (uint32_t i = 0; i < ctx->num_devices; i++) {
		if (mask & au_device_bit(i) && !au_device_has_size(&ctx->devices[i], size)) {
			failure->device = i;
			return -ERANGE;
		}
	}
	return 0;
}

int au_check_va(const struct amdgpu_userptr_ctx *ctx, uint64_t mask, const struct au_space *space,
		struct au_failure *failure)
{
	for (uint32_t i = 0; i < ctx->num_devices; i++) {
		if (mask & au_device_bit(i) &&
		    !au_device_has_va(&ctx->devices[i], space->va, space->size)) {
			failure->device = i;
			return -ERANGE;
		}
	}
	return 0;
}

/*
 * The kernel maps whole units, so @fixed_va has to be as far behind the start of its unit as the
 * first range is.
 */
static int check_fixed(const struct amdgpu_userptr_ctx *ctx,
		       const struct amdgpu_userptr_map_args *args, const struct au_layout *layout,
		       struct au_space *space, struct au_failure *failure)
{
	space->va = args->fixed_va - layout->head;
	if (space->va & (ctx->granularity - 1) || args->fixed_va < layout->head) {
		failure->reason = AMDGPU_USERPTR_REASON_GRANULARITY;
		return -EINVAL;
	}
	if (args->alignment && space->va & (args->alignment - 1))
		return -EINVAL;
	return au_check_va(ctx, args->devices, space, failure);
}

static int check_sizes(struct amdgpu_userptr_ctx *ctx, const struct amdgpu_userptr_map_args *args,
		       struct au_layout *layout, struct au_space *space, struct au_failure *failure)
{
	int ret;

	ret = au_layout_check(ctx, args->ranges, args->num_ranges, args->flags, layout, failure);
	if (!ret)
		ret = au_check_devices(ctx, args->devices, failure);
	if (!ret)
		ret = check_size(ctx, args->devices, layout->size, failure);
	if (ret)
		return ret;
	space->mode = args->va_mode;
	space->size = layout->size;
	if (space->mode != AMDGPU_USERPTR_VA_FIXED)
		return 0;
	return check_fixed(ctx, args, layout, space, failure);
}

/* ------------------------------------------------------------------------------------------- */
/* Memory										       */

void au_map_free(struct amdgpu_userptr_mapping *map)
{
	for (uint32_t i = 0; i < map->ctx->num_devices; i++)
		free(map->devices[i].handles);
	free(map->pieces);
	free(map->bos);
	free(map->ranges);
	free(map->layout.registered);
	free(map->cpu.array);
	pthread_mutex_destroy(&map->lock);
	free(map);
}

static enum au_division division_of(const struct amdgpu_userptr_ctx *ctx,
				    const struct amdgpu_userptr_map_args *args)
{
	/* Do not make a scatter BO, because the kernel coalesces the ranges of a scatter BO. */
	if (args->flags & AMDGPU_USERPTR_MAP_NO_COALESCE)
		return AU_PER_RANGE;
	return ctx->backend == AMDGPU_USERPTR_BACKEND_SCATTER ? AU_SCATTER : AU_COALESCE;
}

/* Let au_ranges_to_bos() divide the kernel's ranges among BOs. @max: its argument. */
static uint64_t divide(const struct amdgpu_userptr_mapping *map,
		       const struct amdgpu_userptr_map_args *args, uint32_t max)
{
	const struct au_layout *layout = &map->layout;
	const enum au_division division = division_of(map->ctx, args);
	uint64_t total = 0;

	if (!layout->registered)
		return au_ranges_to_bos(args->ranges, args->num_ranges, division, &map->ctx->limits,
					layout->bytes, map->bos, max);
	for (uint32_t i = 0; i < layout->num_registered; i++)
		total += layout->registered[i].size;
	return au_ranges_to_bos(layout->registered, layout->num_registered, division,
				&map->ctx->limits, total, map->bos, max);
}

/*
 * Fill in the ranges and BOs of the map. The caller may have changed the array since map_alloc()
 * counted the BOs, although that is forbidden. If so, refuse the array, because the library's
 * arrays would be too small, or would not agree with each other.
 */
static int map_divide(struct amdgpu_userptr_mapping *map,
		      const struct amdgpu_userptr_map_args *args)
{
	const struct au_layout *layout = &map->layout;
	const struct au_bo *last;

	if (!map->num_bos ||
	    au_ranges_place(args->ranges, args->num_ranges, map->ranges) != layout->bytes)
		return -EINVAL;
	last = &map->bos[map->num_bos - 1];
	if (divide(map, args, map->num_bos) != map->num_bos ||
	    (!layout->registered && last->offset + last->size != layout->bytes))
		return -EINVAL;
	for (uint32_t i = 0; i < map->num_bos; i++)
		map->num_scatter_bos += map->bos[i].scatter;
	if (layout->packed)
		return au_map_make_pieces(map, args->ranges, args->num_ranges);
	return 0;
}

/* Allocate the memory of a map. Later only map_divide() and place() allocate more. */
static struct amdgpu_userptr_mapping *map_alloc(struct amdgpu_userptr_ctx *ctx,
						const struct amdgpu_userptr_map_args *args,
						const struct au_layout *layout)
{
	struct amdgpu_userptr_mapping *map;

	map = calloc(1, sizeof(*map) + ctx->num_devices * sizeof(map->devices[0]));
	if (!map)
		return NULL;
	map->ctx = ctx;
	pthread_mutex_init(&map->lock, NULL);
	map->attached = args->devices;
	map->flags = args->flags;
	map->va_flags = args->va_flags ? args->va_flags
				       : AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE;
	map->num_ranges = args->num_ranges;
	map->layout = *layout;
	if (au_layout_register(&map->layout, args->ranges, args->num_ranges, ctx->page_size))
		goto free_map;
	map->given = map->layout.registered ? map->layout.registered : args->ranges;
	map->num_bos = divide(map, args, 0);
	map->ranges = reallocarray(NULL, map->num_ranges, sizeof(*map->ranges));
	map->bos = calloc(map->num_bos, sizeof(*map->bos));
	if (!map->ranges || !map->bos)
		goto free_map;
	for (uint32_t i = 0; i < ctx->num_devices; i++) {
		if (!(args->devices & au_device_bit(i)))
			continue;
		map->devices[i].handles = calloc(map->num_bos, sizeof(uint32_t));
		if (!map->devices[i].handles)
			goto free_map;
	}
	return map;

free_map:
	au_map_free(map);
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */
/* Public functions									       */

static int place(struct amdgpu_userptr_mapping *map, uint64_t alignment, struct au_failure *failure)
{
	struct amdgpu_userptr_ctx *ctx = map->ctx;
	int ret;

	ret = au_space_get(ctx, &map->space, alignment, &failure->stage);
	if (ret)
		return ret;
	ret = au_check_va(ctx, map->attached, &map->space, failure);
	if (!ret)
		ret = au_maps_insert(ctx, map);
	/* The table of maps could not grow. */
	if (ret == -ENOMEM)
		failure->stage = AMDGPU_USERPTR_STAGE_VALIDATE;
	if (ret)
		au_space_put(ctx, &map->space);
	return ret;
}

static void count_map_call(struct amdgpu_userptr_ctx *ctx, uint64_t start, bool failed)
{
	uint64_t duration = au_now_ns() - start;

	pthread_mutex_lock(&ctx->lock);
	ctx->stats.map_calls++;
	ctx->stats.map_failures += failed;
	ctx->stats.map_ns += duration;
	pthread_mutex_unlock(&ctx->lock);
}

static int make_map(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_map_args *args,
		    struct amdgpu_userptr_range **copy, struct au_failure *failure,
		    struct amdgpu_userptr_mapping **out)
{
	const uint64_t start = au_now_ns();
	struct amdgpu_userptr_mapping *map;
	struct au_timer timer = { 0 };
	struct au_space space = { 0 };
	struct au_layout layout;
	bool late;
	int ret;

	ret = check_sizes(ctx, args, &layout, &space, failure);
	if (!ret && layout.partial && !*copy) {
		/* If the caller changes the array, the layout does not fit any more. So copy the
		 * array, and check the copy. */
		ret = copy_ranges(args, copy, failure);
		if (!ret)
			ret = check_sizes(ctx, args, &layout, &space, failure);
	}
	if (ret)
		return ret;
	/*
	 * An orphan (unmap.c) keeps its addresses until its page table updates are done. The caller
	 * may want these addresses, so first end the orphans whose updates are done.
	 */
	au_orphans_reap(ctx);
	map = map_alloc(ctx, args, &layout);
	if (!map)
		return -ENOMEM;
	map->space = space;
	ret = map_divide(map, args);
	if (ret)
		goto free_map;

	ret = place(map, args->alignment, failure);
	if (ret)
		goto free_map;
	ret = au_map_build(map, map->attached, &timer, failure);
	map->given = NULL;
	if (ret)
		goto take_down;
	/*
	 * As soon as the map is ready another thread can find it by a query and unmap it. So read
	 * the map before that.
	 */
	args->gpu_va = au_map_va(map);
	*out = map;
	au_maps_set_ready(map, true);
	count_map_call(ctx, start, false);
	return 0;

take_down:
	late = au_map_take_down(map, map->attached, &timer) == -ETIME;
	failure->reachable = au_map_reachable(map, map->attached);
	au_map_end_failed(map, late);
	count_map_call(ctx, start, true);
	return ret;

free_map:
	au_map_free(map);
	count_map_call(ctx, start, true);
	return ret;
}

static int map_ranges(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_map_args *args,
		      struct au_failure *failure, struct amdgpu_userptr_mapping **out)
{
	struct amdgpu_userptr_range *copy = NULL;
	int ret;

	failure->stage = AMDGPU_USERPTR_STAGE_VALIDATE;
	if (!args->devices)
		args->devices = au_all_devices(ctx);
	ret = check_args(ctx, args);
	if (ret)
		return ret;
	if (args->range_stride != sizeof(args->ranges[0]))
		ret = copy_ranges(args, &copy, failure);
	if (!ret)
		ret = make_map(ctx, args, &copy, failure, out);
	free(copy);
	return ret;
}

AU_PUBLIC
int amdgpu_userptr_map(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_map_args *user,
		       struct amdgpu_userptr_mapping **map)
{
	struct au_failure failure = {
		.range = AMDGPU_USERPTR_NONE,
		.device = AMDGPU_USERPTR_NONE,
	};
	struct amdgpu_userptr_map_args args;
	const int saved_errno = errno;
	int ret;

	if (!ctx || !user || !map)
		return -EINVAL;
	ret = au_ctx_check_owner(ctx);
	if (!ret)
		ret = au_struct_get(user, &args, AU_MAP_ARGS_FIRST_SIZE, sizeof(args));
	if (ret)
		return ret;

	ret = map_ranges(ctx, &args, &failure, map);
	if (!ret) {
		user->gpu_va = args.gpu_va;
		failure.stage = AMDGPU_USERPTR_STAGE_NONE;
	}
	user->failed_range = failure.range;
	user->failed_device = failure.device;
	user->failed_stage = failure.stage;
	user->failed_reason = failure.reason ? failure.reason
					     : au_reason(ret, failure.stage, failure.probe);
	if (user->size >= AU_MAP_ARGS_REACHABLE_SIZE)
		user->failed_reachable = failure.reachable;
	errno = saved_errno;
	return ret;
}

AU_PUBLIC
const char *amdgpu_userptr_stage_name(uint32_t stage)
{
	static const char *const names[] = {
		[AMDGPU_USERPTR_STAGE_NONE] = "none",
		[AMDGPU_USERPTR_STAGE_VALIDATE] = "validate",
		[AMDGPU_USERPTR_STAGE_VA_RESERVE] = "reserve GPU addresses",
		[AMDGPU_USERPTR_STAGE_USERPTR] = "userptr",
		[AMDGPU_USERPTR_STAGE_VA_MAP] = "map GPU addresses",
		[AMDGPU_USERPTR_STAGE_WAIT] = "wait",
	};

	return stage < sizeof(names) / sizeof(names[0]) ? names[stage] : "unknown";
}
