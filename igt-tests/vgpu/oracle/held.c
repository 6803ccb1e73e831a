// SPDX-License-Identifier: MIT
/*
 * The map of held.h, from addresses to values, is a hash table of chunks.  A chunk has
 * the values of a few neighbouring addresses.  take_chunk() removes a chunk that has no
 * value any more.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "oracle/held.h"

enum {
	CHUNK_SHIFT = 3, /* eight values, which are one cache line */
	CHUNK_PAGES = 1 << CHUNK_SHIFT,
	MIN_BUCKETS = 64,
};

struct chunk {
	struct chunk *next;  /* next chunk in the same bucket */
	uint64_t mm, number; /* address space, and va >> CHUNK_SHIFT */
	unsigned int used;   /* number of values that are not 0 */
	uint64_t value[CHUNK_PAGES];
};

struct vg_held {
	struct chunk **bucket;
	uint64_t num_buckets; /* power of two */
	uint64_t num_chunks;
};

struct vg_held *vg_held_new(void)
{
	struct vg_held *held = calloc(1, sizeof(*held));

	if (!held)
		return NULL;
	held->num_buckets = MIN_BUCKETS;
	held->bucket = calloc(held->num_buckets, sizeof(struct chunk *));
	if (held->bucket)
		return held;
	free(held);
	return NULL;
}

void vg_held_free(struct vg_held *held)
{
	if (!held)
		return;
	for (uint64_t i = 0; i < held->num_buckets; i++) {
		while (held->bucket[i]) {
			struct chunk *chunk = held->bucket[i];

			held->bucket[i] = chunk->next;
			free(chunk);
		}
	}
	free(held->bucket);
	free(held);
}

/*
 * Returns the index of a chunk's bucket.  The hash mixes all bits, because addresses and
 * address spaces (pointers to mm_struct) often have the same low bits.
 */
static uint64_t place(uint64_t num_buckets, uint64_t mm, uint64_t number)
{
	const uint64_t golden_ratio = 0x9e3779b97f4a7c15ull; /* 2^64 divided by it */
	uint64_t hash = (mm * golden_ratio ^ number) * golden_ratio;

	return (hash ^ hash >> 32) & (num_buckets - 1);
}

/* Returns the link that points to the chunk, or the NULL link where a new chunk has to go. */
static struct chunk **find(const struct vg_held *held, uint64_t mm, uint64_t number)
{
	struct chunk **link = &held->bucket[place(held->num_buckets, mm, number)];

	while (*link && ((*link)->mm != mm || (*link)->number != number))
		link = &(*link)->next;
	return link;
}

static void grow(struct vg_held *held)
{
	uint64_t num = 2 * held->num_buckets;
	struct chunk **bucket = calloc(num, sizeof(*bucket));

	if (!bucket)
		return; /* a table that does not grow is slower but right */
	for (uint64_t i = 0; i < held->num_buckets; i++) {
		while (held->bucket[i]) {
			struct chunk *chunk = held->bucket[i], **link;

			held->bucket[i] = chunk->next;
			link = &bucket[place(num, chunk->mm, chunk->number)];
			chunk->next = *link;
			*link = chunk;
		}
	}
	free(held->bucket);
	held->bucket = bucket;
	held->num_buckets = num;
}

uint64_t vg_held_get(const struct vg_held *held, uint64_t mm, uint64_t va)
{
	const struct chunk *chunk = *find(held, mm, va >> CHUNK_SHIFT);

	return chunk ? chunk->value[va % CHUNK_PAGES] : 0;
}

int vg_held_set(struct vg_held *held, uint64_t mm, uint64_t va, uint64_t value)
{
	struct chunk **link = find(held, mm, va >> CHUNK_SHIFT);
	struct chunk *chunk = *link;

	if (!chunk) {
		chunk = calloc(1, sizeof(*chunk));
		if (!chunk)
			return -ENOMEM;
		chunk->mm = mm;
		chunk->number = va >> CHUNK_SHIFT;
		*link = chunk;
		if (++held->num_chunks > held->num_buckets)
			grow(held);
	}
	chunk->used += !chunk->value[va % CHUNK_PAGES];
	chunk->value[va % CHUNK_PAGES] = value;
	return 0;
}

/* Take the values in [@va, @end) out of the chunk; remove the chunk if no value is left. */
static int take_chunk(struct vg_held *held, struct chunk **link, uint64_t va, uint64_t end,
		      int (*taken)(void *arg, uint64_t value), void *arg)
{
	struct chunk *chunk = *link;
	uint64_t base = chunk->number << CHUNK_SHIFT;
	int err = 0;

	for (uint64_t i = 0; i < CHUNK_PAGES && chunk->used && !err; i++) {
		uint64_t value = chunk->value[i];

		if (!value || base + i < va || base + i >= end)
			continue;
		chunk->value[i] = 0;
		chunk->used--;
		err = taken(arg, value);
	}
	if (!chunk->used) {
		*link = chunk->next;
		free(chunk);
		held->num_chunks--;
	}
	return err;
}

/*
 * Take the values in [@va, @end) by looking at every chunk of the table.  This is the faster
 * way for a range that spans more chunks than the table has buckets.
 */
static int take_all(struct vg_held *held, uint64_t mm, uint64_t va, uint64_t end,
		    int (*taken)(void *arg, uint64_t value), void *arg)
{
	int err = 0;

	for (uint64_t i = 0; i < held->num_buckets && !err; i++) {
		struct chunk **link = &held->bucket[i];

		while (*link && !err) {
			const struct chunk *next = (*link)->next;

			if ((*link)->mm == mm)
				err = take_chunk(held, link, va, end, taken, arg);
			if (*link != next) /* take_chunk() has not removed it */
				link = &(*link)->next;
		}
	}
	return err;
}

int vg_held_take(struct vg_held *held, uint64_t mm, uint64_t va, uint64_t count,
		 int (*taken)(void *arg, uint64_t value), void *arg)
{
	uint64_t end = va + count, last = (end - 1) >> CHUNK_SHIFT;
	int err = 0;

	if (!count)
		return 0;
	if (last - (va >> CHUNK_SHIFT) >= held->num_buckets)
		return take_all(held, mm, va, end, taken, arg);
	for (uint64_t number = va >> CHUNK_SHIFT; number <= last && !err; number++) {
		struct chunk **link = find(held, mm, number);

		if (*link)
			err = take_chunk(held, link, va, end, taken, arg);
	}
	return err;
}
