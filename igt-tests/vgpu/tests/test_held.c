// SPDX-License-Identifier: MIT
/* Tests the map of oracle/held.h: it finds each value again and loses none. */
#include <errno.h>
#include <stdlib.h>

#include "oracle/held.h"
#include "tests/check.h"

enum {
	MM = 7,
	OTHER_MM = 8,
	MANY = 1000000,
	FAR = 8191, /* distance between scattered pages; not a power of two */
};

struct taken {
	uint64_t count, sum;
	uint64_t fail_at; /* number of the call of add() that fails; 0: all succeed */
};

static int add(void *arg, uint64_t value)
{
	struct taken *taken = arg;

	taken->count++;
	taken->sum += value;
	return taken->count == taken->fail_at ? -EIO : 0;
}

static struct taken take(struct vg_held *held, uint64_t mm, uint64_t va, uint64_t count)
{
	struct taken taken = { 0 };

	CHECK(!vg_held_take(held, mm, va, count, add, &taken));
	return taken;
}

static void nothing_is_there_at_first(void)
{
	struct vg_held *held = vg_held_new();

	CHECK(held);
	CHECK(!vg_held_get(held, MM, 0));
	CHECK(!take(held, MM, 0, UINT64_MAX).count);
	vg_held_free(held);
}

static void a_value_is_found_where_it_was_put_and_nowhere_else(void)
{
	struct vg_held *held = vg_held_new();

	CHECK(!vg_held_set(held, MM, 100, 1));
	CHECK(!vg_held_set(held, MM, 100, 2));
	CHECK(vg_held_get(held, MM, 100) == 2);
	CHECK(!vg_held_get(held, MM, 99));
	CHECK(!vg_held_get(held, MM, 101));
	CHECK(!vg_held_get(held, OTHER_MM, 100));
	CHECK(!take(held, OTHER_MM, 0, UINT64_MAX).count);
	CHECK(!take(held, MM, 0, 100).count);
	CHECK(!take(held, MM, 100, 0).count);
	CHECK(!take(held, MM, 101, 1000).count);
	CHECK(take(held, MM, 100, 1).sum == 2);
	CHECK(!take(held, MM, 100, 1).count);
	CHECK(!vg_held_get(held, MM, 100));
	vg_held_free(held);
}

static void the_ends_of_a_range_are_exact(void)
{
	struct vg_held *held = vg_held_new();

	for (uint64_t va = 0; va < 300; va++)
		CHECK(!vg_held_set(held, MM, va, va + 1));
	CHECK(take(held, MM, 31, 130).count == 130);
	for (uint64_t va = 0; va < 300; va++)
		CHECK(vg_held_get(held, MM, va) == (va < 31 || va >= 161 ? va + 1 : 0));
	CHECK(take(held, MM, 0, UINT64_MAX).count == 170);
	vg_held_free(held);
}

static void the_highest_addresses_can_be_used(void)
{
	struct vg_held *held = vg_held_new();

	CHECK(!vg_held_set(held, MM, UINT64_MAX - 1, 1));
	CHECK(take(held, MM, UINT64_MAX - 100, 100).count == 1);
	CHECK(!vg_held_set(held, MM, UINT64_MAX - 1, 1));
	CHECK(take(held, MM, 0, UINT64_MAX).count == 1);
	vg_held_free(held);
}

static void an_error_ends_it(void)
{
	struct vg_held *held = vg_held_new();
	struct taken taken = { .fail_at = 2 };

	for (uint64_t va = 0; va < 5; va++)
		CHECK(!vg_held_set(held, MM, va, 1));
	CHECK(vg_held_take(held, MM, 0, UINT64_MAX, add, &taken) == -EIO);
	CHECK(taken.count == 2);
	taken.count = 0;
	CHECK(vg_held_take(held, MM, 0, 5, add, &taken) == -EIO);
	CHECK(take(held, MM, 0, 5).count == 1);
	vg_held_free(held);
}

/* Add and remove single pages all over the address spaces of two processes. */
static void a_million_scattered_pages(void)
{
	struct vg_held *held = vg_held_new();

	for (uint64_t i = 0; i < MANY; i++)
		CHECK(!vg_held_set(held, i % 2 ? MM : OTHER_MM, i * FAR, i + 1));
	for (uint64_t i = 0; i < MANY; i += 2)
		CHECK(take(held, OTHER_MM, i * FAR, 1).sum == i + 1);
	CHECK(!take(held, OTHER_MM, 0, UINT64_MAX).count);
	for (uint64_t i = 1; i < MANY; i += 2)
		CHECK(vg_held_get(held, MM, i * FAR) == i + 1);
	CHECK(take(held, MM, 0, (uint64_t)MANY * FAR / 2).count == MANY / 4);
	CHECK(take(held, MM, 0, UINT64_MAX).count == MANY / 4);
	vg_held_free(held);
}

/*
 * Many invalidations of huge ranges with few pages take little time.  If each took a step for each
 * address of its range, this test would not end.
 */
static void long_ranges_over_few_pages(void)
{
	struct vg_held *held = vg_held_new();

	for (uint64_t i = 0; i < MANY; i++) {
		CHECK(!vg_held_set(held, MM, i * FAR, 1));
		CHECK(take(held, MM, i, UINT64_MAX - i).count == 1);
	}
	vg_held_free(held);
}

int main(void)
{
	nothing_is_there_at_first();
	a_value_is_found_where_it_was_put_and_nowhere_else();
	the_ends_of_a_range_are_exact();
	the_highest_addresses_can_be_used();
	an_error_ends_it();
	a_million_scattered_pages();
	long_ranges_over_few_pages();
	return 0;
}
