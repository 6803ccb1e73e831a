/* SPDX-License-Identifier: MIT */
/* Arithmetic on ranges: range.c alone. */
#include "internal.h"
#include "test.h"

#define PAGE   UINT64_C(4096)
#define RO     AMDGPU_USERPTR_RANGE_READONLY
#define MAX_BO (1024 * PAGE)

static const struct au_bo_limits limits = { .size = MAX_BO, .num_ranges = 4 };

static int check_one(struct amdgpu_userptr_range range, uint64_t page_size)
{
	uint32_t bad = AMDGPU_USERPTR_NONE;
	uint64_t total;
	int ret = au_ranges_check(&range, 1, page_size, &total, &bad);

	t_equal(bad, ret ? 0 : AMDGPU_USERPTR_NONE);
	if (!ret)
		t_equal(total, range.size);
	return ret;
}

static void check_refuses_bad_ranges(void)
{
	t_equal(check_one((struct amdgpu_userptr_range){ PAGE, PAGE, 0, 0 }, PAGE), 0);
	t_equal(check_one((struct amdgpu_userptr_range){ PAGE, PAGE, RO, 0 }, PAGE), 0);
	t_equal(check_one((struct amdgpu_userptr_range){ PAGE, 0, 0, 0 }, PAGE), -EINVAL);
	t_equal(check_one((struct amdgpu_userptr_range){ 0, PAGE, 0, 0 }, PAGE), -EINVAL);
	t_equal(check_one((struct amdgpu_userptr_range){ PAGE + 1, PAGE, 0, 0 }, PAGE), -EINVAL);
	t_equal(check_one((struct amdgpu_userptr_range){ PAGE, PAGE - 1, 0, 0 }, PAGE), -EINVAL);
	t_equal(check_one((struct amdgpu_userptr_range){ PAGE, PAGE, 2, 0 }, PAGE), -EINVAL);
	t_equal(check_one((struct amdgpu_userptr_range){ PAGE, PAGE, 0, 1 }, PAGE), -EINVAL);
	/* The end of a range has to fit into 64 bits. */
	t_equal(check_one((struct amdgpu_userptr_range){ -2 * PAGE, PAGE, 0, 0 }, PAGE), 0);
	t_equal(check_one((struct amdgpu_userptr_range){ -PAGE, 2 * PAGE, 0, 0 }, PAGE),
		-EOVERFLOW);
	/* An alignment to 4 KiB is not enough for 64 KiB pages. */
	t_equal(check_one((struct amdgpu_userptr_range){ PAGE, 16 * PAGE, 0, 0 }, 16 * PAGE),
		-EINVAL);
	t_equal(check_one((struct amdgpu_userptr_range){ 16 * PAGE, PAGE, 0, 0 }, 16 * PAGE),
		-EINVAL);
	t_equal(check_one((struct amdgpu_userptr_range){ 16 * PAGE, 16 * PAGE, 0, 0 }, 16 * PAGE),
		0);
}

static void check_names_the_bad_range(void)
{
	struct amdgpu_userptr_range ranges[5];
	uint64_t total;
	uint32_t bad;

	for (uint32_t wrong = 0; wrong < T_ARRAY_SIZE(ranges); wrong++) {
		for (uint32_t i = 0; i < T_ARRAY_SIZE(ranges); i++)
			ranges[i] = (struct amdgpu_userptr_range){ (1 + i) * PAGE, PAGE, 0, 0 };
		ranges[wrong].size = 1;
		t_equal(au_ranges_check(ranges, T_ARRAY_SIZE(ranges), PAGE, &total, &bad), -EINVAL);
		t_equal(bad, wrong);
	}
}

static void sum_of_sizes_overflows(void)
{
	const uint64_t half = UINT64_C(1) << 63;
	const struct amdgpu_userptr_range ranges[] = {
		{ PAGE, half, 0, 0 },
		{ PAGE, half - PAGE, 0, 0 },
		{ PAGE, PAGE, 0, 0 },
	};
	uint64_t total;
	uint32_t bad;

	t_equal(au_ranges_check(ranges, 2, PAGE, &total, &bad), 0);
	t_assert(total == 2 * half - PAGE);
	t_equal(au_ranges_check(ranges, 3, PAGE, &total, &bad), -EOVERFLOW);
	t_equal(bad, 2);
}

static void place_and_find(void)
{
	const struct amdgpu_userptr_range ranges[] = {
		{ 9 * PAGE, PAGE, 0, 0 },
		{ PAGE, 3 * PAGE, 0, 0 },
		{ 5 * PAGE, 2 * PAGE, 0, 0 },
	};
	struct au_range placed[3];

	au_ranges_place(ranges, 3, placed);
	t_equal(placed[0].offset, 0);
	t_equal(placed[1].offset, PAGE);
	t_equal(placed[2].offset, 4 * PAGE);
	t_equal(au_ranges_find(placed, 3, 0), 0);
	t_equal(au_ranges_find(placed, 3, PAGE - 1), 0);
	t_equal(au_ranges_find(placed, 3, PAGE), 1);
	t_equal(au_ranges_find(placed, 3, 4 * PAGE - 1), 1);
	t_equal(au_ranges_find(placed, 3, 4 * PAGE), 2);
	t_equal(au_ranges_find(placed, 3, 6 * PAGE - 1), 2);
	t_equal(au_ranges_find(placed, 1, PAGE - 1), 0);
}

static void expect_bos(const struct amdgpu_userptr_range *ranges, uint32_t count,
		       enum au_division division, const struct au_bo *expected,
		       uint32_t num_expected)
{
	struct au_bo bos[8], untouched[8];
	uint64_t total = 0;

	for (uint32_t i = 0; i < count; i++)
		total += ranges[i].size;
	t_equal(au_ranges_to_bos(ranges, count, division, &limits, total, NULL, 0), num_expected);
	/* With less room the function writes nothing behind the room. */
	for (uint32_t room = 1; room < num_expected; room++) {
		memset(bos, 0x5a, sizeof(bos));
		t_assert(au_ranges_to_bos(ranges, count, division, &limits, total, bos, room) >
			 room);
		t_assert(!memcmp(&bos[room], memset(untouched, 0x5a, sizeof(untouched)),
				 sizeof(bos) - room * sizeof(bos[0])));
	}
	t_equal(au_ranges_to_bos(ranges, count, division, &limits, total, bos, T_ARRAY_SIZE(bos)),
		num_expected);
	for (uint32_t i = 0; i < num_expected; i++) {
		t_equal(bos[i].offset, expected[i].offset);
		t_equal(bos[i].cpu_addr, expected[i].cpu_addr);
		t_equal(bos[i].size, expected[i].size);
		t_equal(bos[i].range_flags, expected[i].range_flags);
		t_equal(bos[i].first_range, expected[i].first_range);
		t_equal(bos[i].end_range, expected[i].end_range);
		t_equal(bos[i].scatter, expected[i].scatter);
	}
}

static void neighbours_share_a_bo(void)
{
	const struct amdgpu_userptr_range ranges[] = {
		{ 1 * PAGE, PAGE, 0, 0 },  { 2 * PAGE, 2 * PAGE, 0, 0 }, /* the same BO */
		{ 4 * PAGE, PAGE, RO, 0 }, /* flags differ from the range before */
		{ 3 * PAGE, PAGE, RO, 0 }, /* not behind the range before in memory */
		{ 4 * PAGE, PAGE, RO, 0 }, /* behind the range before: the same BO */
	};
	const struct au_bo together[] = {
		{ 0, 1 * PAGE, 3 * PAGE, 0, 0, 2, false },
		{ 3 * PAGE, 4 * PAGE, PAGE, RO, 2, 3, false },
		{ 4 * PAGE, 3 * PAGE, 2 * PAGE, RO, 3, 5, false },
	};
	const struct au_bo apart[] = {
		{ 0, 1 * PAGE, PAGE, 0, 0, 1, false },
		{ 1 * PAGE, 2 * PAGE, 2 * PAGE, 0, 1, 2, false },
		{ 3 * PAGE, 4 * PAGE, PAGE, RO, 2, 3, false },
		{ 4 * PAGE, 3 * PAGE, PAGE, RO, 3, 4, false },
		{ 5 * PAGE, 4 * PAGE, PAGE, RO, 4, 5, false },
	};

	expect_bos(ranges, T_ARRAY_SIZE(ranges), AU_COALESCE, together, T_ARRAY_SIZE(together));
	expect_bos(ranges, T_ARRAY_SIZE(ranges), AU_PER_RANGE, apart, T_ARRAY_SIZE(apart));
}

static void large_ranges_are_cut(void)
{
	const struct amdgpu_userptr_range ranges[] = {
		{ PAGE, 2 * MAX_BO + PAGE, 0, 0 },
		{ PAGE + 2 * MAX_BO + PAGE, MAX_BO - PAGE, 0, 0 }, /* just fits into the rest */
		{ 4 * MAX_BO, MAX_BO, 0, 0 },
		{ 5 * MAX_BO, PAGE, 0, 0 }, /* does not fit any more */
	};
	const struct au_bo expected[] = {
		{ 0, PAGE, MAX_BO, 0, 0, 1, false },
		{ MAX_BO, PAGE + MAX_BO, MAX_BO, 0, 0, 1, false },
		{ 2 * MAX_BO, PAGE + 2 * MAX_BO, MAX_BO, 0, 0, 2, false },
		{ 3 * MAX_BO, 4 * MAX_BO, MAX_BO, 0, 2, 3, false },
		{ 4 * MAX_BO, 5 * MAX_BO, PAGE, 0, 3, 4, false },
	};

	expect_bos(ranges, T_ARRAY_SIZE(ranges), AU_COALESCE, expected, T_ARRAY_SIZE(expected));
}

/* A scatter BO takes ranges of all kinds until it has too many ranges or pages. */
static void scattered_ranges_share_a_bo(void)
{
	const struct amdgpu_userptr_range ranges[] = {
		{ 9 * PAGE, PAGE, 0, 0 },
		{ 3 * PAGE, PAGE, RO, 0 },
		{ 3 * PAGE, PAGE, 0, 0 },
		{ 4 * PAGE, PAGE, 0, 0 }, /* the fourth, and there may be no fifth */
		{ PAGE, MAX_BO - PAGE, RO, 0 },
		{ PAGE, PAGE, RO, 0 },		   /* the last page that fits */
		{ PAGE, 2 * MAX_BO - PAGE, 0, 0 }, /* too large for one BO */
		{ PAGE, PAGE, 0, 0 },
	};
	const struct au_bo expected[] = {
		{ 0, 0, 4 * PAGE, 0, 0, 4, true },
		{ 4 * PAGE, 0, MAX_BO, RO, 4, 6, true },
		{ 4 * PAGE + MAX_BO, PAGE, MAX_BO, 0, 6, 7, false },
		{ 4 * PAGE + 2 * MAX_BO, PAGE + MAX_BO, MAX_BO - PAGE, 0, 6, 7, false },
		{ 3 * PAGE + 3 * MAX_BO, 0, PAGE, 0, 7, 8, true },
	};

	const struct au_bo full = { 0, 0, 6 * PAGE, 0, 0, 4, true };
	const struct au_bo readonly = { 0, 0, MAX_BO, RO, 0, 2, true };

	expect_bos(ranges, T_ARRAY_SIZE(ranges), AU_SCATTER, expected, T_ARRAY_SIZE(expected));
	expect_bos(
		(const struct amdgpu_userptr_range[]){
			{ 9 * PAGE, PAGE, RO, 0 },
			{ 3 * PAGE, PAGE, RO, 0 },
			{ 3 * PAGE, 3 * PAGE, 0, 0 },
			{ PAGE, PAGE, RO, 0 },
		},
		4, AU_SCATTER, &full, 1);
	expect_bos(&ranges[4], 2, AU_SCATTER, &readonly, 1);
}

static void expect_part(const struct au_bo *bo, const struct amdgpu_userptr_range *ranges,
			uint32_t first, uint32_t end, uint64_t offset, uint64_t cpu_addr,
			uint64_t size)
{
	const struct au_bo part = au_bo_part(bo, ranges, first, end);

	t_equal(part.offset, offset);
	t_equal(part.cpu_addr, cpu_addr);
	t_equal(part.size, size);
	t_equal(part.first_range, first);
	t_equal(part.end_range, end);
	t_equal(part.range_flags, bo->range_flags);
	t_equal(part.scatter, bo->scatter);
}

static void parts_of_bos(void)
{
	const struct amdgpu_userptr_range ranges[] = {
		{ PAGE, MAX_BO + PAGE, RO, 0 },
		{ MAX_BO + 2 * PAGE, 2 * PAGE, RO, 0 },
		{ 9 * PAGE, PAGE, 0, 0 },
		{ 3 * PAGE, 2 * PAGE, 0, 0 },
	};
	const struct au_bo scatter = { MAX_BO + PAGE, 0, 5 * PAGE, 0, 1, 4, true };
	/* The last page of the first range, and the second. */
	const struct au_bo rest = { MAX_BO, PAGE + MAX_BO, 3 * PAGE, RO, 0, 2, false };

	expect_part(&scatter, ranges, 1, 4, MAX_BO + PAGE, 0, 5 * PAGE);
	expect_part(&scatter, ranges, 2, 3, MAX_BO + PAGE, 0, PAGE);
	expect_part(&scatter, ranges, 2, 4, MAX_BO + PAGE, 0, 3 * PAGE);
	expect_part(&rest, ranges, 0, 1, MAX_BO, PAGE + MAX_BO, PAGE);
	expect_part(&rest, ranges, 1, 2, MAX_BO + PAGE, MAX_BO + 2 * PAGE, 2 * PAGE);
	expect_part(&rest, ranges, 0, 2, MAX_BO, PAGE + MAX_BO, 3 * PAGE);
}

/* Check that the BOs cover the map without overlap, and that each BO has the right bytes. */
static void check_tiles(const struct amdgpu_userptr_range *ranges, const struct au_range *placed,
			uint32_t count, enum au_division division)
{
	const struct au_bo_limits small = { .size = 8 * PAGE, .num_ranges = 3 };
	const uint64_t total = placed[count - 1].offset + ranges[count - 1].size;
	struct au_bo *bos = calloc(count, sizeof(*bos));
	uint32_t num_bos = au_ranges_to_bos(ranges, count, division, &small, total, bos, count);
	uint64_t offset = 0;

	t_assert(num_bos > 1 && num_bos < count);
	for (uint32_t i = 0; i < num_bos; i++) {
		t_equal(bos[i].offset, offset);
		t_assert(bos[i].size && bos[i].size <= small.size);
		if (division == AU_SCATTER)
			t_assert(bos[i].end_range - bos[i].first_range <= small.num_ranges);
		for (uint64_t at = 0; at < bos[i].size; at += PAGE) {
			const uint32_t index = au_ranges_find(placed, count, offset + at);

			t_assert(index >= bos[i].first_range && index < bos[i].end_range);
			t_equal(bos[i].range_flags & ~ranges[index].flags, 0);
			if (division == AU_SCATTER)
				continue;
			t_equal(bos[i].range_flags, ranges[index].flags);
			t_equal(bos[i].cpu_addr + at,
				ranges[index].cpu_addr + (offset + at - placed[index].offset));
		}
		offset += bos[i].size;
	}
	t_equal(offset, total);
	free(bos);
}

static void random_ranges_are_tiled(void)
{
	enum { COUNT = 200, RUNS = 200 };
	static struct amdgpu_userptr_range ranges[COUNT];
	static struct au_range placed[COUNT];

	srandom(1);
	for (int run = 0; run < RUNS; run++) {
		uint64_t next = PAGE;

		for (uint32_t i = 0; i < COUNT; i++) {
			ranges[i] = (struct amdgpu_userptr_range){
				.cpu_addr = random() % 2 ? next : PAGE * (1 + random() % 1000),
				.size = PAGE * (1 + random() % 4),
				.flags = random() % 4 ? 0 : RO,
			};
			next = ranges[i].cpu_addr + ranges[i].size;
		}
		au_ranges_place(ranges, COUNT, placed);
		check_tiles(ranges, placed, COUNT, AU_COALESCE);
		check_tiles(ranges, placed, COUNT, AU_SCATTER);
	}
}

int main(void)
{
	check_refuses_bad_ranges();
	check_names_the_bad_range();
	sum_of_sizes_overflows();
	place_and_find();
	neighbours_share_a_bo();
	large_ranges_are_cut();
	scattered_ranges_share_a_bo();
	parts_of_bos();
	random_ranges_are_tiled();
	return 0;
}
