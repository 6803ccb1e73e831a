/* SPDX-License-Identifier: MIT */
/*
 * The steps that make a map in the kernel, and those that remove it.
 *
 * Each step records how far it got (struct au_map_device). unmap() and the roll back of a map()
 * that has failed both start from that record, so they share the function au_map_take_down(). It
 * first clears the page tables and waits for the TLB flush. Then it closes the BOs, the last one
 * first. The BOs must stay until no page table entry is left, because their MMU notifiers make the
 * kernel evict the queues when the pages go away.
 */
#include <errno.h>

#include "internal.h"

/*
 * The range to name when the kernel refuses to map a BO. In a scatter BO of several ranges the
 * library does not know which range the kernel refuses. Any other BO is one piece of memory, so
 * name its first range.
 */
static uint32_t range_of_bo(const struct au_bo *bo)
{
	return bo->scatter && bo->end_range - bo->first_range > 1 ? AMDGPU_USERPTR_NONE
								  : bo->first_range;
}

/* Errors that the kernel can return because of the memory of one range. */
static bool may_blame_memory(int error)
{
	return error == -EFAULT || error == -EPERM || error == -EACCES || error == -EADDRINUSE ||
	       error == -EHWPOISON;
}

/*
 * Ask for a BO, close it, and return the error or 0. GEM_CLOSE waits for all page table updates of
 * the file and cannot be interrupted. The try before may have taken seconds, because the kernel
 * looks for the pages of many ranges, and meanwhile other threads may have started updates. So wait
 * for all updates before each try. -ETIME: the updates are late, so the function has made no BO.
 */
static int try_bo(struct au_device *device, const struct amdgpu_userptr_mapping *map,
		  const struct au_bo *bo)
{
	uint32_t handle;
	int ret = au_updates_drain(device, map->timer);

	if (ret)
		return ret;
	ret = au_gem_userptr(device, bo, map->given, map->flags, &handle);
	if (!ret)
		au_gem_close(device, handle);
	return ret;
}

/* Ask for a BO that has the ranges [first, end) of @bo. */
static int try_ranges(struct au_device *device, const struct amdgpu_userptr_mapping *map,
		      const struct au_bo *bo, uint32_t first, uint32_t end)
{
	const struct au_bo part = au_bo_part(bo, map->given, first, end);

	return try_bo(device, map, &part);
}

/*
 * In a packed map, range @index of the array for the kernel has pages of several ranges of the
 * caller. Find the first bad page of range @index, and name the caller's first range that has a
 * part of this page.
 */
static uint32_t range_of_bad_page(struct au_device *device,
				  const struct amdgpu_userptr_mapping *map, const struct au_bo *bo,
				  uint32_t index)
{
	const uint64_t page_size = map->ctx->page_size;
	struct au_bo part = au_bo_part(bo, map->given, index, index + 1);
	uint64_t good = 0, bad;

	if (part.scatter) {
		part.scatter = false;
		part.cpu_addr = map->given[index].cpu_addr;
	}
	part.range_flags = map->given[index].flags;
	/* The first @good pages are good, and page @bad - 1 or one before it is bad. */
	for (bad = part.size / page_size; bad - good > 1;) {
		const uint64_t middle = good + (bad - good) / 2;
		struct au_bo some = part;
		int ret;

		some.cpu_addr += good * page_size;
		some.size = (middle - good) * page_size;
		ret = try_bo(device, map, &some);
		if (!ret)
			good = middle;
		else if (may_blame_memory(ret))
			bad = middle;
		else
			return AMDGPU_USERPTR_NONE;
	}
	for (uint32_t i = 0; i < map->num_ranges; i++) {
		const struct amdgpu_userptr_range range = au_map_range(map, i);
		const uint64_t page = part.cpu_addr + good * page_size;

		if (range.cpu_addr < page + page_size && range.cpu_addr + range.size > page)
			return i;
	}
	return AMDGPU_USERPTR_NONE;
}

/* Halve the ranges of a BO that the kernel refuses until one is left. */
static uint32_t halve(struct au_device *device, const struct amdgpu_userptr_mapping *map,
		      const struct au_bo *bo, uint32_t low, uint32_t high)
{
	while (high - low > 1) {
		const uint32_t middle = low + (high - low) / 2;
		const int ret = try_ranges(device, map, bo, low, middle);

		if (!ret)
			low = middle;
		else if (may_blame_memory(ret))
			high = middle;
		else
			return AMDGPU_USERPTR_NONE;
	}
	/* The process may have repaired the memory since the error, so try the last range again. */
	return may_blame_memory(try_ranges(device, map, bo, low, high)) ? low : AMDGPU_USERPTR_NONE;
}

/*
 * Find the first range whose memory makes the kernel refuse a BO, or return AMDGPU_USERPTR_NONE.
 * The kernel also returns -EPERM if the GPU address space is another process's, so the function
 * first tries a page of the library's own (@probe: out: the result). If the kernel accepts this
 * page, the memory of a range is at fault: halve the ranges until one is left.
 */
static uint32_t find_bad_range(struct au_device *device, const struct amdgpu_userptr_mapping *map,
			       const struct au_bo *bo, int error, int *probe)
{
	const uint32_t high = bo->end_range;
	uint32_t low = bo->first_range;

	if (!may_blame_memory(error))
		return AMDGPU_USERPTR_NONE;
	*probe = au_device_try(device, false, map->flags, map->timer);
	if (*probe)
		return AMDGPU_USERPTR_NONE;
	if (high - low > 1) {
		low = halve(device, map, bo, low, high);
		if (low == AMDGPU_USERPTR_NONE)
			return low;
	}
	return map->pieces ? range_of_bad_page(device, map, bo, low) : low;
}

static int create_bos(struct amdgpu_userptr_mapping *map, uint32_t device_index,
		      struct au_failure *failure)
{
	struct au_map_device *at = &map->devices[device_index];
	struct au_device *device = &map->ctx->devices[device_index];

	failure->stage = AMDGPU_USERPTR_STAGE_USERPTR;
	while (at->num_handles < map->num_bos) {
		const struct au_bo *bo = &map->bos[at->num_handles];
		int ret = au_gem_userptr(device, bo, map->given, map->flags,
					 &at->handles[at->num_handles]);

		if (ret) {
			failure->range = find_bad_range(device, map, bo, ret, &failure->probe);
			failure->device = device_index;
			return ret;
		}
		at->num_handles++;
	}
	return 0;
}

/*
 * If all memory of a BO is read-only, its mapping has to be read-only, too. If only some ranges of
 * a scatter BO are read-only, the kernel removes the permission to write from these ranges itself.
 */
static uint32_t va_flags_for(const struct amdgpu_userptr_mapping *map, uint32_t range_flags)
{
	if (range_flags & AMDGPU_USERPTR_RANGE_READONLY)
		return map->va_flags & ~AMDGPU_VM_PAGE_WRITEABLE;
	return map->va_flags;
}

/*
 * Map the units of the map that are in the BO. A BO has whole CPU pages, so the page at an end of
 * the map may have other units, too: leave them out.
 */
static int map_bo(struct amdgpu_userptr_mapping *map, uint32_t device_index, uint32_t index)
{
	const struct au_bo *bo = &map->bos[index];
	struct au_map_device *at = &map->devices[device_index];
	uint64_t start = bo->offset, end = bo->offset + bo->size;
	struct au_va_mapping mapping = {
		.handle = at->handles[index],
		.va_flags = va_flags_for(map, bo->range_flags),
	};
	int ret;

	if (start < map->layout.lead)
		start = map->layout.lead;
	if (end > map->layout.lead + map->space.size)
		end = map->layout.lead + map->space.size;
	mapping.bo_offset = start - bo->offset;
	mapping.va = map->space.va + (start - map->layout.lead);
	mapping.size = end - start;
	ret = au_va_map(&map->ctx->devices[device_index], &mapping, &at->updates);
	if (!ret)
		at->mapped += mapping.size;
	return ret;
}

static int map_piece(struct amdgpu_userptr_mapping *map, uint32_t device_index, uint32_t index)
{
	const struct au_piece *piece = &map->pieces[index];
	struct au_map_device *at = &map->devices[device_index];
	const struct au_va_mapping mapping = {
		.handle = at->handles[piece->bo],
		.va_flags = va_flags_for(map, piece->flags),
		.bo_offset = piece->bo_offset,
		.va = map->space.va + piece->offset,
		.size = piece->size,
	};
	int ret = au_va_map(&map->ctx->devices[device_index], &mapping, &at->updates);

	if (!ret)
		at->mapped += mapping.size;
	return ret;
}

static int map_bos(struct amdgpu_userptr_mapping *map, uint32_t device_index,
		   struct au_failure *failure)
{
	struct au_map_device *at = &map->devices[device_index];
	const uint32_t count = map->pieces ? map->num_pieces : map->num_bos;
	int ret;

	failure->stage = AMDGPU_USERPTR_STAGE_WAIT;
	at->asked = false;
	ret = au_updates_begin(&map->ctx->devices[device_index], &at->updates, map->timer);
	if (ret) {
		failure->device = device_index;
		return ret;
	}
	failure->stage = AMDGPU_USERPTR_STAGE_VA_MAP;
	for (uint32_t i = 0; i < count; i++) {
		ret = map->pieces ? map_piece(map, device_index, i) : map_bo(map, device_index, i);
		if (ret) {
			/* A piece may have parts of several ranges, so name none. */
			if (!map->pieces)
				failure->range = range_of_bo(&map->bos[i]);
			failure->device = device_index;
			return ret;
		}
	}
	return 0;
}

static int wait_mapped(struct amdgpu_userptr_mapping *map, uint32_t device_index,
		       struct au_failure *failure)
{
	int ret;

	failure->stage = AMDGPU_USERPTR_STAGE_WAIT;
	ret = au_va_wait(&map->ctx->devices[device_index], &map->devices[device_index].updates,
			 au_timer_deadline(map->ctx, map->timer));
	if (ret)
		failure->device = device_index;
	return ret;
}

/* Do a step of au_map_build() on the devices of @mask. */
static int on_devices(struct amdgpu_userptr_mapping *map, uint64_t mask, struct au_failure *failure,
		      int (*step)(struct amdgpu_userptr_mapping *map, uint32_t device_index,
				  struct au_failure *failure))
{
	for (uint32_t i = 0; i < map->ctx->num_devices; i++) {
		int ret;

		if (!(mask & au_device_bit(i)))
			continue;
		ret = step(map, i, failure);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Do each step on all devices before the next step. So the kernel refuses bad memory before any GPU
 * sees a part of the map, and the devices update their page tables at the same time.
 */
int au_map_build(struct amdgpu_userptr_mapping *map, uint64_t mask, struct au_timer *timer,
		 struct au_failure *failure)
{
	int ret;

	map->timer = timer;
	ret = on_devices(map, mask, failure, create_bos);
	if (!ret)
		ret = on_devices(map, mask, failure, map_bos);
	if (!ret)
		ret = on_devices(map, mask, failure, wait_mapped);
	map->timer = NULL;
	return ret;
}

/* After these errors the kernel has removed nothing, or only a part. A later try may succeed. */
static bool may_work_later(int error)
{
	return error == -ENOMEM || error == -EBUSY;
}

/* Start to clear the map on one device. Return whether the caller has to try again. */
static bool clear_device(struct amdgpu_userptr_mapping *map, uint32_t index, struct au_timer *timer)
{
	struct au_map_device *at = &map->devices[index];
	struct au_device *device = &map->ctx->devices[index];
	int ret;

	at->clearing = true;
	/*
	 * au_updates_begin() notes how many resets of the GPU there were, and the wait fails if
	 * there are more. A second call would hide the resets since the first one.
	 */
	if (!at->asked && au_updates_begin(device, &at->updates, timer)) {
		at->error = -EBUSY;
		return true;
	}
	at->asked = true;
	/*
	 * The kernel refuses to map over a VA mapping, so all VA mappings in the range are this
	 * map's.
	 */
	ret = au_va_clear(device, map->space.va, at->mapped, &at->updates);
	if (may_work_later(ret)) {
		at->error = ret;
		return true;
	}
	at->clearing = !ret;
	/* -ETIME would tell the caller to call again, but there is nothing left to remove. */
	at->error = ret == -ETIME ? -EIO : ret;
	at->mapped = 0;
	return false;
}

/* Return the devices on which the caller has to try again. */
static uint64_t clear_devices(struct amdgpu_userptr_mapping *map, uint64_t mask,
			      struct au_timer *timer)
{
	uint64_t refused = 0;

	for (uint32_t i = map->ctx->num_devices; i-- > 0;) {
		if (mask & au_device_bit(i) && map->devices[i].mapped &&
		    clear_device(map, i, timer))
			refused |= au_device_bit(i);
	}
	return refused;
}

/*
 * Whether a device of @mask is in a reset, so that the library has not yet asked the kernel to
 * remove the VA mappings.
 */
static bool wait_for_reset(const struct amdgpu_userptr_mapping *map, uint64_t mask)
{
	for (uint32_t i = 0; i < map->ctx->num_devices; i++) {
		if (mask & au_device_bit(i) && !map->devices[i].asked)
			return true;
	}
	return false;
}

/* A device that is in a reset must not delay the others, so the first round does not wait. */
void au_map_clear(struct amdgpu_userptr_mapping *map, uint64_t mask, struct au_timer *timer)
{
	struct au_timer no_time = { .runs = true };
	uint64_t refused = clear_devices(map, mask, &no_time);

	if (wait_for_reset(map, refused))
		refused = clear_devices(map, refused, timer);
	while (refused && au_timer_pause(map->ctx, timer))
		refused = clear_devices(map, refused, timer);
	/*
	 * Without a time limit the call does not end with -ETIME, so no later call would try again.
	 * Give up the removal, and keep the error.
	 */
	for (uint32_t i = 0; timer->deadline == INT64_MAX && i < map->ctx->num_devices; i++) {
		if (refused & au_device_bit(i)) {
			map->devices[i].clearing = false;
			map->devices[i].mapped = 0;
		}
	}
}

/*
 * All devices update their page tables at the same time, so one deadline is enough. If a device is
 * late, the library still asks about the others.
 */
static int wait_cleared(struct amdgpu_userptr_mapping *map, uint64_t mask, struct au_timer *timer)
{
	int ret = 0;

	for (uint32_t i = map->ctx->num_devices; i-- > 0;) {
		struct au_map_device *at = &map->devices[i];
		int error = -ETIME;

		if (!(mask & au_device_bit(i)) || !at->clearing)
			continue;
		/* If VA mappings are left, the kernel has refused to remove them until now. */
		if (!at->mapped)
			error = au_va_wait(&map->ctx->devices[i], &at->updates,
					   au_timer_deadline(map->ctx, timer));
		if (error == -ETIME) {
			ret = error;
			continue;
		}
		at->error = error;
		at->clearing = false;
	}
	return ret;
}

/*
 * GEM_CLOSE waits for all updates of the device without a time limit. So wait here, with a time
 * limit, for the updates of other maps.
 */
static int wait_others(struct amdgpu_userptr_mapping *map, uint64_t mask, struct au_timer *timer)
{
	int ret = 0;

	for (uint32_t i = 0; i < map->ctx->num_devices; i++) {
		struct au_map_device *at = &map->devices[i];

		if (!(mask & au_device_bit(i)))
			continue;
		at->late = false;
		if (!at->num_handles || at->clearing)
			continue;
		at->late = au_updates_drain(&map->ctx->devices[i], timer) == -ETIME;
		if (at->late)
			ret = -ETIME;
	}
	return ret;
}

static int close_bos(struct amdgpu_userptr_mapping *map, uint64_t mask)
{
	int first_error = 0;

	for (uint32_t i = map->ctx->num_devices; i-- > 0;) {
		struct au_map_device *at = &map->devices[i];

		while (mask & au_device_bit(i) && at->num_handles) {
			const int ret =
				au_gem_close(&map->ctx->devices[i], at->handles[--at->num_handles]);

			if (!first_error)
				first_error = ret;
		}
	}
	return first_error;
}

/* The first error of a page table update. */
static int first_error(const struct amdgpu_userptr_mapping *map, uint64_t mask)
{
	for (uint32_t i = map->ctx->num_devices; i-- > 0;) {
		if (mask & au_device_bit(i) && map->devices[i].error)
			return map->devices[i].error;
	}
	return 0;
}

/*
 * Do not close BOs of a device that is late: GEM_CLOSE would wait until the GPU is done or reset,
 * without a time limit, and no signal could end the wait. But close them after another error: the
 * kernel then removes their VA mappings, too, although the library cannot wait for this removal.
 */
int au_map_take_down(struct amdgpu_userptr_mapping *map, uint64_t mask, struct au_timer *timer)
{
	int ret, others, close_error;

	au_map_clear(map, mask, timer);
	ret = wait_cleared(map, mask, timer);
	others = wait_others(map, mask, timer);
	if (ret || others)
		return ret ? ret : others;
	close_error = close_bos(map, mask);
	ret = first_error(map, mask);
	return ret ? ret : close_error;
}

/* BOs that the library gives up stay until the process ends, because KFD holds the VM's file. */
int au_map_leave(struct amdgpu_userptr_mapping *map)
{
	const uint64_t all = au_all_devices(map->ctx);

	for (uint32_t i = 0; i < map->ctx->num_devices; i++) {
		struct au_map_device *at = &map->devices[i];

		if (!at->clearing && !at->late)
			continue;
		at->clearing = at->late = false;
		at->error = -ETIME;
		at->num_handles = 0;
	}
	close_bos(map, all);
	return first_error(map, all);
}

uint64_t au_map_reachable(const struct amdgpu_userptr_mapping *map, uint64_t mask)
{
	uint64_t reachable = 0;

	for (uint32_t i = 0; i < map->ctx->num_devices; i++) {
		if (map->devices[i].error || map->devices[i].clearing)
			reachable |= au_device_bit(i);
	}
	return reachable & mask;
}

uint64_t au_map_pending(const struct amdgpu_userptr_mapping *map, uint64_t mask)
{
	uint64_t late = 0;

	for (uint32_t i = 0; i < map->ctx->num_devices; i++) {
		if (map->devices[i].late)
			late |= au_device_bit(i);
	}
	return au_map_reachable(map, mask) | (late & mask);
}
