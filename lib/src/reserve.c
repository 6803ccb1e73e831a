/* SPDX-License-Identifier: MIT */
/*
 * CPU address space without access, whose numbers are the GPU addresses of maps.
 *
 * The kernel merges neighbouring reservations into one VMA. To release one in the middle splits the
 * VMA, and the kernel refuses the split when the process has vm.max_map_count VMAs. The context
 * then keeps the reservation as a spare, merged with spares beside it. The context tries again to
 * release a spare that has grown, because a spare that is a whole VMA, or one end of it, needs no
 * split. It also tries again after each release that has succeeded, because the process may have
 * fewer VMAs now. When the kernel has no address space left, a new map gets a piece of a spare.
 *
 * The kernel gives out the highest free addresses, but the GPUs may not have such high ones: a
 * process on arm64 usually has addresses of 48 bits, and the lower half of a gfx9's addresses ends
 * at 2^47. In this case the library searches below the end of the GPUs' addresses, downwards from
 * its last reservation. So reservations stay together, and GPUs need few page tables for them.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/* The most addresses that a search tries, and then the most gaps that it takes from /proc. */
#define NUM_PROBES 32
#define NUM_GAPS   16

/* Cut @size bytes from a spare. Call with ctx->lock held. */
static bool take_spare(struct amdgpu_userptr_ctx *ctx, uint64_t size, uint64_t *addr)
{
	for (struct au_reservation **at = &ctx->spares; *at; at = &(*at)->next) {
		struct au_reservation *spare = *at;

		if (spare->size < size)
			continue;
		spare->size -= size;
		*addr = spare->addr + spare->size;
		if (!spare->size) {
			*at = spare->next;
			free(spare);
		}
		return true;
	}
	return false;
}

static bool in_reach(const struct amdgpu_userptr_ctx *ctx, uint64_t addr, uint64_t size)
{
	return addr >= ctx->va_min && addr < ctx->va_max && size <= ctx->va_max - addr;
}

/*
 * @stray: the address that the kernel has chosen, which not all devices have. The kernel chooses at
 * random, so the search begins at a random address, too.
 */
static uint64_t first_search_end(const struct amdgpu_userptr_ctx *ctx, uint64_t stray)
{
	return stray % ctx->va_max / ctx->page_size * ctx->page_size;
}

/*
 * Let the next search begin at these released addresses, if they are higher than its old start. So
 * a program that maps and unmaps again and again uses few addresses. That saves memory, because the
 * driver keeps the page tables of all addresses that were ever mapped. Call with ctx->lock held.
 */
static void search_from(struct amdgpu_userptr_ctx *ctx, const struct au_reservation *released)
{
	const uint64_t end = released->addr + released->size;

	if (ctx->search_end && ctx->search_end < end)
		ctx->search_end = end;
}

static void set_search_end(struct amdgpu_userptr_ctx *ctx, uint64_t end)
{
	pthread_mutex_lock(&ctx->lock);
	ctx->search_end = end;
	pthread_mutex_unlock(&ctx->lock);
}

/*
 * Try the addresses that end at @end, and lower ones if they are not free. Memory of any size may
 * be in the way, so each step is twice as long as the one before. -EEXIST: no address was free.
 */
static int probe_below(struct amdgpu_userptr_ctx *ctx, uint64_t end, uint64_t size, uint64_t *addr)
{
	uint64_t step = size;

	for (unsigned int i = 0; i < NUM_PROBES; i++) {
		int ret;

		if (end < size || !in_reach(ctx, end - size, size))
			break;
		ret = ctx->ops->reserve(ctx->ops_priv, end - size, size, addr);
		if (ret != -EEXIST)
			return ret;
		end = step < end ? end - step : 0;
		step *= 2;
	}
	return -EEXIST;
}

/* Take a free gap. Another thread may map memory there first, so look for a gap several times. */
static int search_gaps(struct amdgpu_userptr_ctx *ctx, uint64_t size, uint64_t *addr)
{
	for (unsigned int i = 0; i < NUM_GAPS; i++) {
		uint64_t gap;
		int ret = ctx->ops->find_gap(ctx->ops_priv, ctx->va_min, ctx->va_max, size, &gap);

		/* Without /proc the library does not know more addresses to try. */
		if (ret)
			return -ENOMEM;
		ret = ctx->ops->reserve(ctx->ops_priv, gap, size, addr);
		if (ret != -EEXIST)
			return ret;
	}
	return -ENOMEM;
}

/* Reserve addresses that all devices have. */
static int reserve_in_reach(struct amdgpu_userptr_ctx *ctx, uint64_t size, uint64_t *addr)
{
	uint64_t end;
	int ret;

	pthread_mutex_lock(&ctx->lock);
	end = ctx->search_end;
	pthread_mutex_unlock(&ctx->lock);
	if (!end) {
		ret = ctx->ops->reserve(ctx->ops_priv, 0, size, addr);
		if (ret || in_reach(ctx, *addr, size))
			return ret;
		/* If the kernel refuses the release, the addresses stay until the process ends. */
		ctx->ops->release(ctx->ops_priv, *addr, size);
		end = first_search_end(ctx, *addr);
	}
	ret = probe_below(ctx, end, size, addr);
	if (ret == -EEXIST)
		ret = search_gaps(ctx, size, addr);
	if (!ret)
		set_search_end(ctx, *addr);
	return ret;
}

int au_reserve(struct amdgpu_userptr_ctx *ctx, uint64_t size, struct au_reservation *reservation)
{
	int ret;

	reservation->size = size;
	ret = reserve_in_reach(ctx, size, &reservation->addr);
	if (ret == -ENOMEM) {
		pthread_mutex_lock(&ctx->lock);
		if (take_spare(ctx, size, &reservation->addr))
			ret = 0;
		pthread_mutex_unlock(&ctx->lock);
	}
	return ret;
}

/*
 * Add a spare in the order of addresses, and merge it with its neighbours. Return the merged spare.
 * Call this and release_spare() with ctx->lock held.
 */
static struct au_reservation *add_spare(struct amdgpu_userptr_ctx *ctx,
					struct au_reservation *spare)
{
	struct au_reservation **at, *before = NULL, *next;

	for (at = &ctx->spares; *at && (*at)->addr < spare->addr; at = &(*at)->next)
		before = *at;
	if (before && before->addr + before->size == spare->addr) {
		before->size += spare->size;
		free(spare);
		spare = before;
	} else {
		spare->next = *at;
		*at = spare;
	}
	next = spare->next;
	if (next && spare->addr + spare->size == next->addr) {
		spare->size += next->size;
		spare->next = next->next;
		free(next);
	}
	return spare;
}

static int release_spare(struct amdgpu_userptr_ctx *ctx, struct au_reservation *spare)
{
	struct au_reservation **at;
	int ret;

	ret = ctx->ops->release(ctx->ops_priv, spare->addr, spare->size);
	if (ret)
		return ret;
	for (at = &ctx->spares; *at != spare; at = &(*at)->next)
		;
	*at = spare->next;
	search_from(ctx, spare);
	free(spare);
	return 0;
}

void au_release(struct amdgpu_userptr_ctx *ctx, struct au_reservation *reservation)
{
	int ret = ctx->ops->release(ctx->ops_priv, reservation->addr, reservation->size);

	pthread_mutex_lock(&ctx->lock);
	if (!ret) {
		search_from(ctx, reservation);
		free(reservation);
	} else {
		ret = release_spare(ctx, add_spare(ctx, reservation));
	}
	while (!ret && ctx->spares)
		ret = release_spare(ctx, ctx->spares);
	pthread_mutex_unlock(&ctx->lock);
}

int au_release_spares(struct amdgpu_userptr_ctx *ctx)
{
	int first_error = 0;

	while (ctx->spares) {
		struct au_reservation *spare = ctx->spares;
		const int ret = release_spare(ctx, spare);

		if (!ret)
			continue;
		if (!first_error)
			first_error = ret;
		/* The kernel still refuses: the address space stays until the process ends. */
		ctx->spares = spare->next;
		free(spare);
	}
	return first_error;
}
