/* SPDX-License-Identifier: MIT */
/* The part of the model for CPU address space, libdrm's GPU addresses, and the library's pages. */
#include "fake_kernel.h"
#include "test.h"

static const struct fake_taken *find_taken(const struct fake_kernel *fake, uint64_t va,
					   uint64_t size)
{
	for (uint32_t i = 0; i < fake->num_taken; i++) {
		const struct fake_taken *taken = &fake->taken[i];

		if (taken->va < va + size && va < taken->va + taken->size)
			return taken;
	}
	return NULL;
}

void fake_take(struct fake_kernel *fake, uint64_t va, uint64_t size)
{
	t_assert(!find_taken(fake, va, size));
	fake->taken =
		fake_grow(fake->taken, fake->num_taken, &fake->max_taken, sizeof(*fake->taken));
	fake->taken[fake->num_taken++] = (struct fake_taken){ .va = va, .size = size };
}

void fake_give_back(struct fake_kernel *fake, uint64_t va, uint64_t size)
{
	uint32_t at = find_taken(fake, va, size) - fake->taken;

	/* The library releases each reservation as a whole. */
	t_assert(at < fake->num_taken && fake->taken[at].va == va && fake->taken[at].size == size);
	fake->taken[at] = fake->taken[--fake->num_taken];
}

/* Leave a page between reservations, so that they are never neighbours. */
static uint64_t next_va(struct fake_kernel *fake, uint64_t size, uint64_t alignment)
{
	const uint64_t va = (fake->next_reservation + alignment - 1) & ~(alignment - 1);

	fake->next_reservation = va + size + fake->page_size;
	return va;
}

int fake_reserve(void *priv, uint64_t hint, uint64_t size, uint64_t *addr)
{
	struct fake_kernel *fake = priv;
	int ret;

	pthread_mutex_lock(&fake->lock);
	ret = fake_begin(fake, FAKE_RESERVE);
	t_assert(!((hint | size) & (fake->page_size - 1)));
	if (!ret && hint && (find_taken(fake, hint, size) || fake->refused_hints)) {
		fake->refused_hints -= !!fake->refused_hints;
		ret = -EEXIST;
	}
	if (!ret) {
		*addr = hint ? hint : next_va(fake, size, fake->page_size);
		fake_take(fake, *addr, size);
		fake->reservations++;
	}
	pthread_mutex_unlock(&fake->lock);
	return ret;
}

/*
 * Another map can get the released addresses, so the GPU must not reach memory through them. The
 * caller holds fake->lock.
 */
static void release(struct fake_kernel *fake, enum fake_call call, unsigned int *counter,
		    uint64_t va, uint64_t size)
{
	errno = EXDEV;
	fake->count[call]++;
	t_assert(*counter);
	for (unsigned int i = 0; i < FAKE_MAX_DEVICES; i++) {
		const struct fake_device *device = &fake->devices[i];
		uint32_t at = fake_search(device, va);

		t_assert(at == device->num_mappings || device->mappings[at].va >= va + size);
		for (uint32_t j = 0; j < device->num_stale; j++)
			t_assert(device->stale[j].va >= va + size ||
				 device->stale[j].va + device->stale[j].size <= va);
	}
	--*counter;
}

int fake_release(void *priv, uint64_t addr, uint64_t size)
{
	struct fake_kernel *fake = priv;

	pthread_mutex_lock(&fake->lock);
	release(fake, FAKE_RELEASE, &fake->reservations, addr, size);
	fake_give_back(fake, addr, size);
	pthread_mutex_unlock(&fake->lock);
	return 0;
}

/* Begin at the end, and go below each reservation that is in the way. */
int fake_find_gap(void *priv, uint64_t min, uint64_t max, uint64_t size, uint64_t *addr)
{
	struct fake_kernel *fake = priv;
	const struct fake_taken *taken;
	uint64_t end = max;
	int ret;

	pthread_mutex_lock(&fake->lock);
	ret = fake_begin(fake, FAKE_FIND_GAP);
	while (!ret && end >= size && end - size >= min &&
	       (taken = find_taken(fake, end - size, size)))
		end = taken->va;
	if (!ret && (end < size || end - size < min))
		ret = -ENOMEM;
	*addr = end - size;
	pthread_mutex_unlock(&fake->lock);
	return ret;
}

int fake_va_alloc(void *priv, amdgpu_device_handle device, uint64_t size, uint64_t alignment,
		  uint64_t *va, amdgpu_va_handle *handle)
{
	struct fake_kernel *fake = priv;
	int ret;

	pthread_mutex_lock(&fake->lock);
	ret = fake_begin(fake, FAKE_VA_ALLOC);
	if (!ret) {
		*va = next_va(fake, size, alignment);
		fake->allocations++;
	}
	pthread_mutex_unlock(&fake->lock);
	*handle = (amdgpu_va_handle)(uintptr_t)*va;
	return ret;
}

void fake_va_free(void *priv, amdgpu_va_handle handle)
{
	struct fake_kernel *fake = priv;

	pthread_mutex_lock(&fake->lock);
	release(fake, FAKE_VA_FREE, &fake->allocations, (uintptr_t)handle, fake->page_size);
	pthread_mutex_unlock(&fake->lock);
}

int fake_page_get(void *priv, uint64_t size, uint64_t *addr)
{
	struct fake_kernel *fake = priv;
	int ret;

	t_equal(size, fake->page_size);
	pthread_mutex_lock(&fake->lock);
	errno = EXDEV;
	ret = fake->no_own_page ? -ENOMEM : 0;
	fake->own_pages += !ret;
	pthread_mutex_unlock(&fake->lock);
	*addr = FAKE_OWN_PAGE;
	return ret;
}

void fake_page_put(void *priv, uint64_t addr, uint64_t size)
{
	struct fake_kernel *fake = priv;

	pthread_mutex_lock(&fake->lock);
	errno = EXDEV;
	t_assert(addr == FAKE_OWN_PAGE && size == fake->page_size && fake->own_pages);
	fake->own_pages--;
	pthread_mutex_unlock(&fake->lock);
}
