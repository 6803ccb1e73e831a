/* SPDX-License-Identifier: MIT */
/*
 * CPU address space without access, whose numbers are the GPU addresses of maps.
 *
 * The kernel merges neighbouring reservations into one VMA. To release one in the middle splits the
 * VMA, and the kernel refuses that when the process has vm.max_map_count VMAs. The context then
 * keeps the reservation as a spare, merged with spares beside it. It tries again to release a spare
 * that has grown, because a spare that is a whole VMA, or one end of it, needs no split. It also
 * tries again after each release that has succeeded, because the process may have fewer VMAs now.
 * When the kernel has no address space left, a new map gets a piece of a spare.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

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

int au_reserve(struct amdgpu_userptr_ctx *ctx, uint64_t size, struct au_reservation *reservation)
{
	int ret;

	reservation->size = size;
	ret = ctx->ops->reserve(ctx->ops_priv, size, &reservation->addr);
	if (ret == -ENOMEM) {
		pthread_mutex_lock(&ctx->lock);
		if (take_spare(ctx, size, &reservation->addr))
			ret = 0;
		pthread_mutex_unlock(&ctx->lock);
	}
	return ret;
}

/*
 * Add a spare in the order of addresses, and merge it with its neighbours. Return the spare that
 * contains it now. Call this and release_spare() with ctx->lock held.
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
	free(spare);
	return 0;
}

void au_release(struct amdgpu_userptr_ctx *ctx, struct au_reservation *reservation)
{
	int ret = ctx->ops->release(ctx->ops_priv, reservation->addr, reservation->size);

	pthread_mutex_lock(&ctx->lock);
	if (!ret)
		free(reservation);
	else
		ret = release_spare(ctx, add_spare(ctx, reservation));
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
