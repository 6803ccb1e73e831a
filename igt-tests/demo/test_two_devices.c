/* SPDX-License-Identifier: MIT */
/*
 * Tests a context of two GPUs with a real kernel: both read the same memory at the same address,
 * and a call that fails on one of them, at whichever step, leaves nothing behind on either.
 * Arguments: the backend, "scatter" or "ranges", and perhaps "limit", see kfd_limit.h.
 */
#include <stdbool.h>
#include <sys/mman.h>

#include "lib/igt_time.h"
#include "bo_bytes.h"
#include "device_pair.h"
#include "kfd_limit.h"
#include "test.h"

/*
 * The most ranges of one BO that may have the same page, and the sizes that such a range may have.
 */
#define MAX_SAME   64
#define LEAST_AREA (UINT64_C(16) << 20)
#define MOST_AREA  (UINT64_C(64) << 20)
#define WAIT_MS	   10000

static void both_read(struct pair *pair)
{
	struct amdgpu_userptr_map_args args;
	struct amdgpu_userptr_mapping *map;

	t_equal(pair_map(pair, pair->ctx, 0, &args, &map), 0);
	pair->va = args.gpu_va;
	for (unsigned int round = 0; round < 3; round++) {
		pair_change_memory(pair);
		/* Later rounds also drop the pages, and both GPUs must find the new ones. */
		if (round) {
			t_assert(!madvise(pair->memory, 2 * PAIR_RANGES * pair->page,
					  MADV_DONTNEED));
			pair_change_memory(pair);
		}
		for (unsigned int i = 0; i < PAIR_DEVICES; i++)
			pair_expect_reads(pair, i, pair->va);
	}
	t_equal(amdgpu_userptr_unmap(map), 0);
}

static void expect_bytes(const struct pair *pair, const uint64_t *bytes)
{
	for (unsigned int i = 0; i < PAIR_DEVICES; i++)
		t_equal(bo_bytes(pair->devices[i].kfd.drm_fd), bytes[i]);
}

/*
 * Repeat map() and let its first, second, n-th ioctl fail, until map() succeeds. After each failure
 * no device may have more BOs than before.
 */
static void map_fails_at_each_step(struct pair *pair, int error)
{
	unsigned int failed[PAIR_DEVICES] = { 0 };
	uint64_t before[PAIR_DEVICES];
	int ret = -1;

	for (unsigned int i = 0; i < PAIR_DEVICES; i++)
		before[i] = bo_bytes(pair->devices[i].kfd.drm_fd);
	for (unsigned int nth = 1; ret; nth++) {
		struct amdgpu_userptr_map_args args;
		struct amdgpu_userptr_mapping *map;

		pair_inject(pair, nth, 1, error);
		ret = pair_map(pair, pair->ctx, 0, &args, &map);
		pair_inject_end();
		if (!ret) {
			t_equal(amdgpu_userptr_unmap(map), 0);
			continue;
		}
		t_equal(ret, -error);
		t_equal(args.failed_reachable, 0);
		t_assert(args.failed_device < PAIR_DEVICES);
		failed[args.failed_device]++;
		expect_bytes(pair, before);
	}
	expect_bytes(pair, before);
	/*
	 * On each device map() has three steps at least: it makes a BO, maps it, and waits for the
	 * page tables.
	 */
	for (unsigned int i = 0; i < PAIR_DEVICES; i++)
		t_assert(failed[i] >= 3);
}

/*
 * While the second device cannot attach to a mapping, because an ioctl fails, the first one must go
 * on reading the mapping.
 */
static void attach_fails_at_each_step(struct pair *pair)
{
	struct amdgpu_userptr_attach_args attach = { .size = sizeof(attach), .device = 1 };
	struct amdgpu_userptr_map_args args;
	struct amdgpu_userptr_mapping *map;
	uint64_t before[PAIR_DEVICES];
	unsigned int failed = 0;
	int ret;

	t_equal(pair_map(pair, pair->ctx, 1, &args, &map), 0);
	for (unsigned int i = 0; i < PAIR_DEVICES; i++)
		before[i] = bo_bytes(pair->devices[i].kfd.drm_fd);
	for (;;) {
		pair_inject(pair, failed + 1, 1, ENOMEM);
		ret = amdgpu_userptr_attach(map, &attach);
		pair_inject_end();
		if (!ret)
			break;
		t_equal(ret, -ENOMEM);
		failed++;
		expect_bytes(pair, before);
		pair_change_memory(pair);
		pair_expect_reads(pair, 0, pair->va);
	}
	t_assert(failed >= 3);
	pair_change_memory(pair);
	pair_expect_reads(pair, 0, pair->va);
	pair_expect_reads(pair, 1, pair->va);
	t_equal(amdgpu_userptr_detach(map, 0), 0);
	pair_change_memory(pair);
	pair_expect_reads(pair, 1, pair->va);
	t_equal(amdgpu_userptr_unmap(map), 0);
}

/*
 * On the second device, the GPU address of the third range belongs to a userptr of KFD, so the
 * kernel itself refuses the map there. The library must undo the map on the first device.
 */
static void address_in_use_on_second(struct pair *pair)
{
	struct pair_device *second = &pair->devices[1];
	struct amdgpu_userptr_map_args args;
	struct amdgpu_userptr_mapping *map;
	uint64_t before[PAIR_DEVICES];
	struct amd_kfd_mem mem;
	char *memory =
		mmap(NULL, pair->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	t_assert(memory != MAP_FAILED);
	t_equal(__amd_kfd_register(&second->kfd, memory, pair->page, pair->va + 2 * pair->page,
				   &mem),
		0);
	for (unsigned int i = 0; i < PAIR_DEVICES; i++)
		before[i] = bo_bytes(pair->devices[i].kfd.drm_fd);
	t_equal(pair_map(pair, pair->ctx, 0, &args, &map), -EINVAL);
	t_equal(args.failed_device, 1);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VA_MAP);
	t_equal(args.failed_reachable, 0);
	expect_bytes(pair, before);
	t_equal(__amd_kfd_free(&second->kfd, &mem), 0);
	munmap(memory, pair->page);
	both_read(pair);
}

/*
 * Map memory that fits on one GPU, but not on two. KFD's limit also counts memory of other
 * processes, and of a BO that a worker of the kernel still holds, so try for a while. Returns false
 * if there was no room for one GPU.
 */
static bool fits_on_one(const struct pair *pair, struct amdgpu_userptr_map_args *args)
{
	const uint64_t deadline = igt_now_ms() + igt_patience(WAIT_MS);
	struct amdgpu_userptr_mapping *map;
	uint64_t before[PAIR_DEVICES];
	int ret;

	for (unsigned int i = 0; i < PAIR_DEVICES; i++)
		before[i] = bo_bytes(pair->devices[i].kfd.drm_fd);
	for (;;) {
		args->devices = 0;
		t_equal(amdgpu_userptr_map(pair->ctx, args, &map), -EDQUOT);
		t_equal(args->failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
		t_equal(args->failed_reason, AMDGPU_USERPTR_REASON_KFD_LIMIT);
		t_equal(args->failed_reachable, 0);
		expect_bytes(pair, before);
		if (args->failed_device == 1) {
			args->devices = 1;
			ret = amdgpu_userptr_map(pair->ctx, args, &map);
			if (ret != -EDQUOT)
				break;
		}
		if (igt_now_ms() >= deadline)
			return false;
		igt_pause();
	}
	t_equal(ret, 0);
	t_equal(amdgpu_userptr_unmap(map), 0);
	return true;
}

/*
 * KFD's limit counts the memory once for each GPU. So ranges that need 0.6 of the limit fit on one
 * GPU, but not on two. All ranges have the same memory, because the limit counts each range, and
 * less memory is enough for the test. Returns false if the limit is unknown, too large to reach it,
 * or used up by others.
 */
static bool limit_counts_each_device(struct pair *pair)
{
	const uint64_t part = kfd_limit() / 10 * 6;
	struct amdgpu_userptr_range ranges[MAX_SAME];
	uint64_t area = part / MAX_SAME / pair->page * pair->page;
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.ranges = ranges,
		.range_stride = sizeof(ranges[0]),
	};
	void *memory;
	bool has_room;

	if (area < LEAST_AREA)
		area = LEAST_AREA;
	if (!part || area > MOST_AREA) {
		fprintf(stderr, "KFD's limit is not tested\n");
		return false;
	}
	memory = mmap(NULL, area, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_assert(memory != MAP_FAILED);
	for (; args.num_ranges < MAX_SAME && (args.num_ranges + 1) * area <= part;
	     args.num_ranges++)
		ranges[args.num_ranges] =
			(struct amdgpu_userptr_range){ (uintptr_t)memory, area, 0, 0 };
	has_room = fits_on_one(pair, &args);
	munmap(memory, area);
	if (!has_room)
		fprintf(stderr, "other processes use too much of KFD's limit\n");
	return has_room;
}

int main(int argc, char **argv)
{
	const bool needs_limit = kfd_limit_is_required(argc, argv);
	struct pair pair;

	if (pair_open(&pair, needs_limit ? argc - 1 : argc, argv))
		return EXIT_SKIP;
	both_read(&pair);
	map_fails_at_each_step(&pair, ENOMEM);
	map_fails_at_each_step(&pair, EBUSY);
	attach_fails_at_each_step(&pair);
	address_in_use_on_second(&pair);
	t_assert(limit_counts_each_device(&pair) || !needs_limit);
	pair_close(&pair);
	return 0;
}
