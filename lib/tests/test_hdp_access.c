/* SPDX-License-Identifier: MIT */
/* The order of stores, loads and barriers when the CPU flushes the host data path itself. */
#include <stdint.h>

#include "test.h"

static char order[64];

static void note(char event)
{
	const size_t len = strlen(order);

	t_assert(len < sizeof(order) - 1);
	order[len] = event;
}

/* s, f: barriers. S, L: a store or load of the first place; T, M: of the second. */
static const volatile void *second;

#define AU_STORE(place, value) \
	(note((const volatile void *)(place) == second ? 'T' : 'S'), *(place) = (value))
#define AU_LOAD(place)	   (note((const volatile void *)(place) == second ? 'M' : 'L'), *(place))
#define AU_STORE_BARRIER() note('s')
#define AU_FULL_BARRIER()  note('f')

#include "hdp_access.h"

static void expect(const char *expected)
{
	if (strcmp(order, expected)) {
		fprintf(stderr, "the order is %s, not %s\n", order, expected);
		exit(1);
	}
	memset(order, 0, sizeof(order));
}

int main(void)
{
	uint32_t words[4] = { 5, 6, 7, 8 };
	uint8_t bytes[3] = { 1, 2, 3 };

	/* A barrier comes before the first access and behind the last one, for the doorbell. */
	au_hdp_by_register(&words[0]);
	expect("fSfLf");
	t_assert(words[0] == 1 && words[1] == 6);

	au_hdp_by_reading_back(&bytes[2]);
	expect("sLfSfLf");
	t_assert(bytes[0] == 1 && bytes[1] == 2 && bytes[2] == 3);

	second = &words[3];
	au_hdp_by_dummy_page(&words[0], &words[3], 77);
	expect("sSsTfMf");
	t_assert(words[0] == 77 && words[1] == 6 && words[2] == 7 && words[3] == 77);
	return 0;
}
