/* SPDX-License-Identifier: MIT */
/*
 * Threads map, query and unmap on one context at the same time. The model checks that timeline
 * points arrive in order, and that no BO is closed while it is mapped.
 */
#include "fake_kernel.h"
#include "test.h"

static uint32_t backend;

#define PAGE	    FAKE_CPU_PAGE
#define NUM_THREADS 4
#define NUM_ROUNDS  200
#define NUM_RANGES  12 /* more than cpu.c's FEW_RANGES */
#define NUM_DEVICES 2
#define SHARED_VA   UINT64_C(0x100000000)

static const struct amdgpu_userptr_range moving_range = { PAGE, PAGE, 0, 0 };

static struct amdgpu_userptr_ctx *ctx;
static struct amdgpu_userptr_mapping *moving;
static atomic_uint shared_maps, moves;

static void check_map(uint64_t va, const struct amdgpu_userptr_mapping *map,
		      const struct amdgpu_userptr_range *ranges)
{
	for (unsigned int i = 0; i < NUM_RANGES; i++) {
		struct amdgpu_userptr_info info = { .size = sizeof(info) };

		t_equal(amdgpu_userptr_query(ctx, va + i * PAGE, &info), 0);
		t_assert(info.mapping == map);
		t_equal(amdgpu_userptr_query_cpu(ctx, (void *)(uintptr_t)info.cpu_addr, va, &info),
			0);
		t_assert(info.mapping == map || info.gpu_va > va);
		t_equal(info.cpu_addr, ranges[i].cpu_addr);
	}
}

/* All threads ask for the same addresses, and at most one has them at a time. */
static void contend(const struct amdgpu_userptr_range *ranges)
{
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.va_mode = AMDGPU_USERPTR_VA_FIXED,
		.fixed_va = SHARED_VA,
		.ranges = ranges,
		.num_ranges = NUM_RANGES,
		.range_stride = sizeof(struct amdgpu_userptr_range),
	};
	struct amdgpu_userptr_mapping *map;
	int ret = amdgpu_userptr_map(ctx, &args, &map);

	if (ret) {
		t_equal(ret, -EEXIST);
		return;
	}
	check_map(SHARED_VA, map, ranges);
	atomic_fetch_add(&shared_maps, 1);
	t_equal(amdgpu_userptr_unmap(map), 0);
}

/* All threads attach the devices of one mapping and detach them. */
static void move(unsigned int number)
{
	struct amdgpu_userptr_attach_args args = {
		.size = sizeof(args),
		.device = number % NUM_DEVICES,
	};
	int ret = amdgpu_userptr_attach(moving, &args);

	t_assert(!ret || ret == -EEXIST);
	if (!ret)
		atomic_fetch_add(&moves, 1);
	ret = amdgpu_userptr_detach(moving, args.device);
	t_assert(!ret || ret == -ENOENT);
}

static void *work(void *arg)
{
	const uintptr_t number = (uintptr_t)arg;
	struct amdgpu_userptr_range ranges[NUM_RANGES];

	for (unsigned int i = 0; i < NUM_RANGES; i++)
		ranges[i] = (struct amdgpu_userptr_range){
			.cpu_addr = ((number + 1) * 1000 + 2 * i) * PAGE,
			.size = PAGE,
		};
	for (unsigned int round = 0; round < NUM_ROUNDS; round++) {
		struct amdgpu_userptr_map_args args = {
			.size = sizeof(args),
			.ranges = ranges,
			.num_ranges = NUM_RANGES,
			.range_stride = sizeof(struct amdgpu_userptr_range),
		};
		struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };
		struct amdgpu_userptr_mapping *map;

		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
		check_map(args.gpu_va, map, ranges);
		t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
		t_assert(stats.mappings && stats.mappings <= 1 + 2 * NUM_THREADS);
		contend(ranges);
		move(number);
		t_equal(amdgpu_userptr_unmap(map), 0);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };
	struct amdgpu_userptr_map_args args = fake_map_args(&moving_range, 1);
	pthread_t threads[NUM_THREADS];
	struct fake_kernel fake;

	backend = fake_backend(argc, argv);
	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, NUM_DEVICES);
	t_equal(amdgpu_userptr_map(ctx, &args, &moving), 0);
	for (uintptr_t i = 0; i < NUM_THREADS; i++)
		t_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
	for (unsigned int i = 0; i < NUM_THREADS; i++)
		t_equal(pthread_join(threads[i], NULL), 0);

	t_assert(shared_maps && moves);
	t_equal(amdgpu_userptr_unmap(moving), 0);
	fake_check_empty(&fake);
	t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
	t_equal(stats.mappings, 0);
	t_equal(stats.unmap_calls, 1 + NUM_THREADS * NUM_ROUNDS + shared_maps);
	t_equal(stats.map_calls, 1 + 2 * NUM_THREADS * NUM_ROUNDS);
	t_equal(stats.map_failures, NUM_THREADS * NUM_ROUNDS - shared_maps);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
	return 0;
}
