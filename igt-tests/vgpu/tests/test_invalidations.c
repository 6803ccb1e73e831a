// SPDX-License-Identifier: MIT
/*
 * Unit test of the table of invalidations, which says whether an invalidation has overtaken pages
 * of a lookup.
 */
#include <string.h>

#include "invalidations.h"
#include "tests/check.h"

enum {
	MM = 1,
	OTHER_MM = 2,
	VA = 1000,
	COUNT = 100,
};

static struct invalidations inv;
static const char key[2 * MAX_INVALIDATIONS];

static void begin(unsigned int k)
{
	invalidation_begin(&inv, &key[k], MM, VA, COUNT);
}

static void end(unsigned int k)
{
	invalidation_end(&inv, &key[k]);
}

static __u64 start(void)
{
	memset(&inv, 0, sizeof(inv));
	return lookup_begin(&inv);
}

static int overtaken(__u64 lookup, __u64 mm, __u64 va)
{
	int result;

	CHECK(lookup_run(&inv, lookup, mm, va, 1, &result) == 1);
	return result;
}

static void nothing_without_an_invalidation(void)
{
	__u64 lookup = start();
	int result;

	CHECK(lookup_run(&inv, lookup, MM, VA, 7, &result) == 7);
	CHECK(!result);
	end(0); /* ends an invalidation of which the table has seen no beginning */
	CHECK(!overtaken(lookup, MM, VA));
}

static void one_that_is_still_active_overtakes(void)
{
	__u64 lookup;

	memset(&inv, 0, sizeof(inv));
	begin(0);
	lookup = lookup_begin(&inv);
	CHECK(overtaken(lookup, MM, VA));
	CHECK(overtaken(lookup, MM, VA + COUNT - 1));
	CHECK(!overtaken(lookup, MM, VA - 1));
	CHECK(!overtaken(lookup, MM, VA + COUNT));
	CHECK(!overtaken(lookup, OTHER_MM, VA));
	end(0);
	CHECK(overtaken(lookup, MM, VA));
}

static void one_that_begins_and_ends_meanwhile_overtakes(void)
{
	__u64 lookup = start();

	begin(0);
	CHECK(overtaken(lookup, MM, VA));
	end(0);
	CHECK(overtaken(lookup, MM, VA));
}

static void one_that_ended_before_does_not(void)
{
	__u64 first = start(), second;

	begin(0);
	end(0);
	second = lookup_begin(&inv);
	CHECK(overtaken(first, MM, VA));
	CHECK(!overtaken(second, MM, VA));
	lookup_end(&inv);
	CHECK(overtaken(first, MM, VA));
}

static void runs_end_where_it_changes(void)
{
	__u64 lookup = start();
	int result;

	invalidation_begin(&inv, &key[0], MM, VA + 10, 10);
	invalidation_begin(&inv, &key[1], MM, VA + 15, 10);
	invalidation_begin(&inv, &key[2], OTHER_MM, VA + 5, 1);
	CHECK(lookup_run(&inv, lookup, MM, VA, 100, &result) == 10 && !result);
	CHECK(lookup_run(&inv, lookup, MM, VA + 10, 90, &result) == 10 && result);
	CHECK(lookup_run(&inv, lookup, MM, VA + 15, 90, &result) == 10 && result);
	CHECK(lookup_run(&inv, lookup, MM, VA + 15, 4, &result) == 4 && result);
	CHECK(lookup_run(&inv, lookup, MM, VA + 25, 75, &result) == 75 && !result);
}

/*
 * While no lookup is under way, an invalidation leaves the table when it ends.  If it ends during a
 * lookup, it leaves the table as soon as no lookup is under way any more.
 */
static void what_no_lookup_cares_about_is_dropped(void)
{
	memset(&inv, 0, sizeof(inv));
	for (int round = 0; round < 10; round++) {
		for (int k = 0; k < MAX_INVALIDATIONS; k++)
			begin(k);
		for (int k = 0; k < MAX_INVALIDATIONS; k++)
			end(k);
		CHECK(!inv.used);
		lookup_begin(&inv);
		for (int k = 0; k < MAX_INVALIDATIONS; k++) {
			begin(k);
			end(k);
		}
		CHECK(inv.used == MAX_INVALIDATIONS);
		lookup_end(&inv);
		CHECK(!inv.used);
	}
	CHECK(!inv.forgotten);
}

/*
 * A full table forgets the invalidation that ended first, and keeps those that have not ended.  So
 * its only mistake is to miss that the forgotten invalidation has overtaken a lookup.
 */
static void a_full_table_forgets_and_counts(void)
{
	__u64 lookup = start();

	invalidation_begin(&inv, &key[0], MM, 0, 1);
	end(0);
	invalidation_begin(&inv, &key[0], MM, 1, 1);
	for (int k = 1; k < MAX_INVALIDATIONS; k++) {
		begin(k);
		end(k);
	}
	CHECK(inv.forgotten == 1);
	CHECK(!overtaken(lookup, MM, 0));
	CHECK(overtaken(lookup, MM, 1));
	CHECK(overtaken(lookup, MM, VA));
}

static void one_without_room_is_counted_and_its_end_does_no_harm(void)
{
	__u64 lookup = start();

	for (int k = 0; k < MAX_INVALIDATIONS; k++)
		invalidation_begin(&inv, &key[k], OTHER_MM, VA, COUNT);
	CHECK(!inv.forgotten);
	begin(MAX_INVALIDATIONS);
	CHECK(inv.forgotten == 1);
	CHECK(!overtaken(lookup, MM, VA));
	end(MAX_INVALIDATIONS);
	CHECK(overtaken(lookup, OTHER_MM, VA));
}

int main(void)
{
	nothing_without_an_invalidation();
	one_that_is_still_active_overtakes();
	one_that_begins_and_ends_meanwhile_overtakes();
	one_that_ended_before_does_not();
	runs_end_where_it_changes();
	what_no_lookup_cares_about_is_dropped();
	a_full_table_forgets_and_counts();
	one_without_room_is_counted_and_its_end_does_no_harm();
	return 0;
}
