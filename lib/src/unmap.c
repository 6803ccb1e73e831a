/* SPDX-License-Identifier: MIT */
/*
 * Unmap, and the maps whose removal is late.
 *
 * When a GPU hangs, the page table updates that remove a map are not done by the deadline. The map
 * then keeps its BOs and addresses, because the close of a BO would wait for the GPU. After an
 * unmap() the caller still has the map and calls again. But after a map() that has failed no caller
 * has the map: it is an orphan. Each later map(), unmap() and query_stats() of the context asks
 * whether the updates of the orphans are done by now, and ends each orphan whose updates are done.
 * An orphan is in the table of maps, so that no other map gets its addresses.
 */
#include <errno.h>

#include "internal.h"

/* If a GPU may still reach memory through the addresses, no other map may get them. */
static void give_back_space(struct amdgpu_userptr_mapping *map)
{
	au_maps_remove(map->ctx, map);
	if (au_map_reachable(map, au_all_devices(map->ctx)))
		au_space_abandon(&map->space);
	else
		au_space_put(map->ctx, &map->space);
}

void au_map_end(struct amdgpu_userptr_mapping *map)
{
	give_back_space(map);
	au_map_free(map);
}

/* Record which devices may still reach the map's memory, and whether the map is an orphan. */
static void set_orphan(struct amdgpu_userptr_mapping *map, bool orphan)
{
	struct amdgpu_userptr_ctx *ctx = map->ctx;

	pthread_mutex_lock(&ctx->lock);
	map->reachable = au_map_reachable(map, au_all_devices(ctx));
	if (orphan) {
		map->next_orphan = ctx->orphans;
		ctx->orphans = map;
	} else {
		ctx->lost |= map->reachable;
	}
	ctx->num_orphans += orphan - map->orphan;
	map->orphan = orphan;
	pthread_mutex_unlock(&ctx->lock);
}

void au_map_end_failed(struct amdgpu_userptr_mapping *map, bool late)
{
	set_orphan(map, late);
	if (!late)
		au_map_end(map);
}

/*
 * au_orphans_reap() takes the orphans off the list while it asks the kernel, but leaves them in the
 * table of maps. So look in the table. @reachable of an orphan has the devices that could reach its
 * memory when a thread asked the kernel last.
 */
uint64_t au_orphans_reachable(const struct amdgpu_userptr_ctx *ctx)
{
	uint64_t reachable = ctx->lost;

	for (size_t i = 0; ctx->num_orphans && i < ctx->num_maps; i++) {
		if (ctx->maps[i]->orphan)
			reachable |= ctx->maps[i]->reachable;
	}
	return reachable;
}

/*
 * Empty the list first, so that no other thread takes the same orphans while this one asks the
 * kernel.
 */
void au_orphans_reap(struct amdgpu_userptr_ctx *ctx)
{
	struct amdgpu_userptr_mapping *map, *next;
	struct au_timer no_time = { .runs = true };

	pthread_mutex_lock(&ctx->lock);
	map = ctx->orphans;
	ctx->orphans = NULL;
	pthread_mutex_unlock(&ctx->lock);
	for (; map; map = next) {
		next = map->next_orphan;
		au_map_end_failed(map,
				  au_map_take_down(map, au_all_devices(ctx), &no_time) == -ETIME);
	}
}

/*
 * -ENOMEM of ctx_destroy() tells the caller that only address space is left. -EPERM would tell the
 * caller, as it does after unmap(), that the map is still there. But if the kernel returns one of
 * these errors, a GPU may still reach the memory, so replace the error by -EIO.
 */
static int destroy_error(int error)
{
	return error == -ENOMEM || error == -EPERM ? -EIO : error;
}

/*
 * Ask the kernel to remove all maps before waiting for page tables, so that one time limit is
 * enough for all. (If the kernel refuses a removal, the library repeats it before it asks for the
 * next map.) When the time is over, give up the BOs of late devices, because the context ends here.
 * These BOs exist until the process ends, because KFD holds the file of the render node until then.
 */
int au_unmap_all(struct amdgpu_userptr_ctx *ctx, struct au_timer *timer)
{
	const uint64_t all = au_all_devices(ctx);
	int first_error = 0;

	for (size_t i = 0; i < ctx->num_maps; i++)
		au_map_clear(ctx->maps[i], all, timer);
	while (ctx->num_maps) {
		struct amdgpu_userptr_mapping *map = ctx->maps[ctx->num_maps - 1];
		int ret = au_map_take_down(map, all, timer);

		if (ret == -ETIME)
			ret = au_map_leave(map);
		if (!first_error)
			first_error = destroy_error(ret);
		au_map_end(map);
	}
	return first_error;
}

static int unmap(struct amdgpu_userptr_mapping *map, uint64_t *reachable)
{
	struct amdgpu_userptr_ctx *ctx = map->ctx;
	const uint64_t all = au_all_devices(ctx);
	const uint64_t start = au_now_ns();
	struct au_timer timer = { 0 };
	int ret;

	/* If an earlier unmap has timed out, the map is not ready any more. */
	if (map->ready)
		au_maps_set_ready(map, false);
	ret = au_map_take_down(map, all, &timer);
	if (reachable)
		*reachable = au_map_pending(map, all);
	if (ret != -ETIME)
		au_map_end(map);
	au_orphans_reap(ctx);
	pthread_mutex_lock(&ctx->lock);
	ctx->stats.unmap_calls += ret != -ETIME;
	ctx->stats.unmap_ns += au_now_ns() - start;
	pthread_mutex_unlock(&ctx->lock);
	/* -EPERM would mean that the map is still there. */
	return ret == -EPERM ? -EIO : ret;
}

AU_PUBLIC
int amdgpu_userptr_unmap_reachable(struct amdgpu_userptr_mapping *map, uint64_t *reachable)
{
	const int saved_errno = errno;
	int ret;

	if (!map) {
		if (reachable)
			*reachable = 0;
		return 0;
	}
	ret = au_ctx_check_owner(map->ctx);
	if (!ret)
		ret = unmap(map, reachable);
	errno = saved_errno;
	return ret;
}

AU_PUBLIC
int amdgpu_userptr_unmap(struct amdgpu_userptr_mapping *map)
{
	return amdgpu_userptr_unmap_reachable(map, NULL);
}
