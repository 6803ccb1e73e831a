/* SPDX-License-Identifier: MIT */
/* Look-ups by CPU address, compared with a search through all ranges. */
#include "fake_kernel.h"
#include "test.h"

static uint32_t backend;

#define PAGE	   FAKE_CPU_PAGE
#define NUM_MAPS   64
#define NUM_RANGES 40
/* There are few pages, so that the random ranges overlap. */
#define NUM_PAGES  300
#define FIRST_VA   UINT64_C(0x100000000)

/*
 * The linker's option --wrap sends the library's allocations to the functions below. The allocation
 * with this number fails, counted from 1; 0: none fails.
 */
static unsigned int fail_alloc;

void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fail_alloc && !--fail_alloc ? NULL : __real_reallocarray(old, count, size);
}

static struct {
	struct amdgpu_userptr_mapping *map; /* NULL: none */
	uint64_t va;
	uint32_t num_ranges;
	struct amdgpu_userptr_range ranges[NUM_RANGES];
} maps[NUM_MAPS];

static uint64_t random_number(uint64_t below)
{
	static uint64_t state = 1;

	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (state >> 33) % below;
}

static int query(struct amdgpu_userptr_ctx *ctx, uint64_t addr, uint64_t min_va,
		 struct amdgpu_userptr_info *info)
{
	info->size = sizeof(*info);
	return amdgpu_userptr_query_cpu(ctx, (void *)(uintptr_t)addr, min_va, info);
}

static void make_map(struct amdgpu_userptr_ctx *ctx, unsigned int number)
{
	struct amdgpu_userptr_map_args args;

	maps[number].num_ranges = 1 + random_number(NUM_RANGES);
	for (uint32_t i = 0; i < maps[number].num_ranges; i++)
		maps[number].ranges[i] = (struct amdgpu_userptr_range){
			.cpu_addr = (1 + random_number(NUM_PAGES)) * PAGE,
			.size = (1 + random_number(random_number(8) ? 3 : 60)) * PAGE,
		};
	args = fake_map_args(maps[number].ranges, maps[number].num_ranges);
	t_equal(amdgpu_userptr_map(ctx, &args, &maps[number].map), 0);
	maps[number].va = args.gpu_va;
}

/* Search all ranges for the lowest GPU address at or above @min_va. Return it, or 0. */
static uint64_t expected(uint64_t addr, uint64_t min_va, struct amdgpu_userptr_mapping **map)
{
	uint64_t best = 0;

	for (unsigned int i = 0; i < NUM_MAPS; i++) {
		uint64_t va = maps[i].va;

		for (uint32_t j = 0; maps[i].map && j < maps[i].num_ranges; j++) {
			const struct amdgpu_userptr_range *range = &maps[i].ranges[j];
			const uint64_t at = va + (addr - range->cpu_addr);

			va += range->size;
			if (addr - range->cpu_addr >= range->size || at < min_va ||
			    (best && best < at))
				continue;
			best = at;
			*map = maps[i].map;
		}
	}
	return best;
}

/* Look up each GPU address of the byte, from the lowest to the highest. */
static void check_address(struct amdgpu_userptr_ctx *ctx, uint64_t addr)
{
	struct amdgpu_userptr_info info, same = { .size = sizeof(same) };
	struct amdgpu_userptr_mapping *map;
	uint64_t min_va = 0, va;

	while ((va = expected(addr, min_va, &map))) {
		t_equal(query(ctx, addr, min_va, &info), 0);
		t_equal(info.gpu_va, va);
		t_assert(info.mapping == map);
		t_equal(info.cpu_addr, addr);
		t_equal(amdgpu_userptr_query(ctx, va, &same), 0);
		t_assert(!memcmp(&info, &same, sizeof(info)));
		min_va = va + 1;
	}
	t_equal(query(ctx, addr, min_va, &info), -ENOENT);
}

static void random_maps(void)
{
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	for (unsigned int round = 0; round < 400; round++) {
		const unsigned int number = random_number(NUM_MAPS);

		if (maps[number].map) {
			t_equal(amdgpu_userptr_unmap(maps[number].map), 0);
			maps[number].map = NULL;
		} else {
			make_map(ctx, number);
		}
		/*
		 * Look up addresses only in some rounds, so that a look-up meets several new maps,
		 * and some maps go before any look-up.
		 */
		for (unsigned int i = 0; round % 5 == 4 && i < 50; i++)
			check_address(ctx, random_number((NUM_PAGES + 70) * PAGE));
	}
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* Look up the first and the last byte of a range, and the bytes beside them. */
static void borders(void)
{
	const uint64_t last_page = -2 * PAGE;
	const struct amdgpu_userptr_range ranges[] = {
		{ 5 * PAGE, 2 * PAGE, 0, 0 },
		{ last_page, PAGE, AMDGPU_USERPTR_RANGE_READONLY, 0 },
		{ PAGE, PAGE, 0, 0 },
	};
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_info info;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(query(ctx, 0, 0, &info), -ENOENT);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(query(ctx, 5 * PAGE - 1, 0, &info), -ENOENT);
	t_equal(query(ctx, 5 * PAGE, 0, &info), 0);
	t_equal(info.gpu_va, args.gpu_va);
	t_equal(info.range_index, 0);
	t_equal(query(ctx, 7 * PAGE - 1, 0, &info), 0);
	t_equal(info.gpu_va, args.gpu_va + 2 * PAGE - 1);
	t_equal(query(ctx, 7 * PAGE, 0, &info), -ENOENT);
	t_equal(query(ctx, 0, 0, &info), -ENOENT);
	t_equal(query(ctx, PAGE - 1, 0, &info), -ENOENT);
	t_equal(query(ctx, PAGE, 0, &info), 0);
	t_equal(info.range_index, 2);
	t_equal(query(ctx, last_page + PAGE - 1, 0, &info), 0);
	t_equal(info.range_index, 1);
	t_equal(info.range_flags, AMDGPU_USERPTR_RANGE_READONLY);
	t_equal(query(ctx, last_page + PAGE, 0, &info), -ENOENT);
	t_equal(query(ctx, UINT64_MAX, 0, &info), -ENOENT);
	t_equal(query(ctx, 5 * PAGE, UINT64_MAX, &info), -ENOENT);
	t_equal(amdgpu_userptr_unmap(map), 0);
	t_equal(query(ctx, 5 * PAGE, 0, &info), -ENOENT);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void no_memory_to_sort(void)
{
	struct amdgpu_userptr_info info;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	memset(maps, 0, sizeof(maps));
	do {
		if (maps[0].map)
			t_equal(amdgpu_userptr_unmap(maps[0].map), 0);
		make_map(ctx, 0);
	} while (maps[0].num_ranges < NUM_RANGES);
	info.gpu_va = 5;
	fail_alloc = 1;
	t_equal(query(ctx, maps[0].ranges[0].cpu_addr, 0, &info), -ENOMEM);
	t_equal(info.gpu_va, 5);
	check_address(ctx, maps[0].ranges[0].cpu_addr);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/*
 * First one map of many ranges, then many maps of one range: a search through all of them would
 * take minutes.
 */
static void many_ranges(void)
{
	const uint32_t count = 100000, num_maps = 20000;
	struct amdgpu_userptr_range *ranges = calloc(count, sizeof(*ranges));
	struct amdgpu_userptr_map_args args;
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_info info;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	t_assert(ranges);
	/* Neither in the order of addresses nor next to each other. */
	for (uint32_t i = 0; i < count; i++) {
		ranges[i].cpu_addr = (1 + 2 * ((uint64_t)i * 7919 % count)) * PAGE;
		ranges[i].size = PAGE;
	}
	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	args = fake_map_args(ranges, count);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	for (uint32_t i = 0; i < count; i++) {
		t_equal(query(ctx, ranges[i].cpu_addr + i % PAGE, 0, &info), 0);
		t_equal(info.range_index, i);
		t_equal(query(ctx, ranges[i].cpu_addr + PAGE, 0, &info), -ENOENT);
	}
	t_equal(amdgpu_userptr_unmap(map), 0);

	for (uint32_t i = 0; i < num_maps; i++) {
		args = fake_map_args(&ranges[i], 1);
		args.va_mode = AMDGPU_USERPTR_VA_FIXED;
		args.fixed_va = FIRST_VA + 2 * i * PAGE;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	}
	for (uint32_t i = 0; i < count; i++) {
		t_equal(query(ctx, ranges[i].cpu_addr, 0, &info), i < num_maps ? 0 : -ENOENT);
		if (i < num_maps)
			t_equal(info.gpu_va, FIRST_VA + 2 * i * PAGE);
	}
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	free(ranges);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	random_maps();
	borders();
	no_memory_to_sort();
	many_ranges();
	return 0;
}
