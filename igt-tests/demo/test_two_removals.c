/* SPDX-License-Identifier: MIT */
/*
 * Tests with a real kernel and two GPUs what is left when a step of a removal fails or is late. The
 * library must name each GPU that may still reach the memory, keep the addresses as long as there
 * is such a GPU, and close all BOs that it can close. Each map gets GPU addresses of its own,
 * because the library does not use addresses again that a GPU may still use. Argument: the backend,
 * "scatter" or "ranges".
 */
#include <stdbool.h>
#include <sys/mman.h>

#include <amdgpu_drm.h>
#include <xf86drm.h>

#include "lib/igt_time.h"
#include "bo_bytes.h"
#include "device_pair.h"
#include "test.h"

#define WAIT_MS 10000
#define ROUNDS	200

/* The bit of the module parameter vm_update_mode (amdgpu_vm.h:AMDGPU_VM_USE_CPU_FOR_COMPUTE). */
#define UPDATE_COMPUTE_BY_CPU 2

struct bos {
	unsigned int on[PAIR_DEVICES];
};

static struct bos count_bos(const struct pair *pair)
{
	struct bos bos = { 0 };

	for (unsigned int i = 0; i < PAIR_DEVICES; i++) {
		for (uint32_t handle = 1; handle <= BO_MAX_HANDLE; handle++) {
			struct drm_amdgpu_gem_create_in info;

			bos.on[i] += bo_info(pair->devices[i].kfd.drm_fd, handle, &info);
		}
	}
	return bos;
}

static void expect_bos(const struct pair *pair, const struct bos *bos)
{
	const struct bos now = count_bos(pair);

	for (unsigned int i = 0; i < PAIR_DEVICES; i++)
		t_equal(now.on[i], bos->on[i]);
}

static bool is_clear(const struct pair_failure *failure)
{
	return _IOC_NR(failure->request) == DRM_COMMAND_BASE + DRM_AMDGPU_GEM_VA;
}

static bool is_close(const struct pair_failure *failure)
{
	return failure->request == DRM_IOCTL_GEM_CLOSE;
}

/* The ioctl that closes a BO has failed. Only this BO may be left, so close it. */
static void close_rest(const struct pair *pair, struct bos before,
		       const struct pair_failure *failure)
{
	struct drm_gem_close args = { .handle = failure->handle };

	before.on[failure->device]++;
	expect_bos(pair, &before);
	t_equal(drmIoctl(pair->devices[failure->device].kfd.drm_fd, DRM_IOCTL_GEM_CLOSE, &args), 0);
}

/*
 * Assert that the process can use the addresses of a map for something else (@expected), or cannot.
 */
static void expect_free(const struct pair *pair, uint64_t va, bool expected)
{
	void *ptr = mmap((void *)(uintptr_t)va, pair_bytes(pair), PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	t_equal(ptr != MAP_FAILED, expected);
	if (expected)
		munmap(ptr, pair_bytes(pair));
	else
		t_equal(errno, EEXIST);
}

static unsigned int bos_per_device(const struct pair *pair)
{
	return pair->backend == AMDGPU_USERPTR_BACKEND_SCATTER ? 1 : PAIR_RANGES;
}

static void check_unmap(const struct pair *pair, uint64_t va, const struct bos *before, int ret,
			uint64_t reachable, int error, const struct pair_failure *failure)
{
	const bool retried = is_clear(failure) && error == EBUSY;
	const bool stuck = !retried && !is_close(failure);

	t_equal(ret, retried ? 0 : -error);
	t_equal(reachable, stuck ? 1u << failure->device : 0);
	expect_free(pair, va, !stuck);
	if (is_close(failure))
		close_rest(pair, *before, failure);
	expect_bos(pair, before);
}

/*
 * Unmap again and again, and let the first, the second, the n-th ioctl of unmap() fail, until
 * unmap() has no n-th ioctl. On each device the library clears the page tables, waits for the
 * update and asks for resets. Then it closes the BOs. It repeats a removal that the kernel refuses
 * with EBUSY.
 */
static void unmap_fails_at_each_step(struct pair *pair, int error)
{
	unsigned int clears[PAIR_DEVICES] = { 0 }, waits[PAIR_DEVICES] = { 0 },
		     closes[PAIR_DEVICES] = { 0 };

	for (unsigned int nth = 1;; nth++) {
		const struct bos before = count_bos(pair);
		struct amdgpu_userptr_map_args args;
		struct amdgpu_userptr_mapping *map;
		struct pair_failure failure;
		uint64_t reachable;
		int ret;

		t_equal(pair_map(pair, pair->ctx, 0, &args, &map), 0);
		pair_inject(pair, nth, 1, error);
		ret = amdgpu_userptr_unmap_reachable(map, &reachable);
		failure = pair_inject_end();
		if (failure.device < 0) {
			t_equal(ret, 0);
			t_equal(reachable, 0);
			expect_free(pair, args.gpu_va, true);
			expect_bos(pair, &before);
			break;
		}
		check_unmap(pair, args.gpu_va, &before, ret, reachable, error, &failure);
		clears[failure.device] += is_clear(&failure);
		closes[failure.device] += is_close(&failure);
		waits[failure.device] += !is_clear(&failure) && !is_close(&failure);
	}
	for (unsigned int i = 0; i < PAIR_DEVICES; i++) {
		t_equal(clears[i], 1);
		t_equal(waits[i], 2);
		t_equal(closes[i], bos_per_device(pair));
	}
}

static int attach_second(struct amdgpu_userptr_mapping *map)
{
	struct amdgpu_userptr_attach_args args = { .size = sizeof(args), .device = 1 };

	return amdgpu_userptr_attach(map, &args);
}

/*
 * detach() of the second device has failed, and the page tables of this device may still have the
 * map. So the device cannot be attached again, and unmap() must report it and keep the addresses.
 */
static void check_stuck(struct pair *pair, struct amdgpu_userptr_mapping *map, uint64_t va)
{
	uint64_t reachable;

	t_equal(attach_second(map), -EBUSY);
	t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), -EIO);
	t_equal(reachable, 2);
	expect_free(pair, va, false);
}

static void detach_fails_at_each_step(struct pair *pair)
{
	unsigned int stuck = 0, closes = 0;

	for (unsigned int nth = 1;; nth++) {
		struct amdgpu_userptr_info info = { .size = sizeof(info) };
		const struct bos before = count_bos(pair);
		struct amdgpu_userptr_map_args args;
		struct amdgpu_userptr_mapping *map;
		struct pair_failure failure;
		struct bos with_map;
		int ret;

		t_equal(pair_map(pair, pair->ctx, 0, &args, &map), 0);
		with_map = count_bos(pair);
		with_map.on[1] = before.on[1];
		pair_inject(pair, nth, 1, EIO);
		ret = amdgpu_userptr_detach(map, 1);
		failure = pair_inject_end();
		t_equal(ret, failure.device < 0 ? 0 : -EIO);
		/* The first device must not notice. */
		pair_change_memory(pair);
		pair_expect_reads(pair, 0, args.gpu_va);
		t_equal(amdgpu_userptr_query(pair->ctx, args.gpu_va, &info), 0);
		t_equal(info.devices, 1);
		if (failure.device < 0 || is_close(&failure)) {
			t_equal(info.reachable, 0);
			if (is_close(&failure))
				close_rest(pair, with_map, &failure);
			t_equal(attach_second(map), 0);
			pair_expect_reads(pair, 1, args.gpu_va);
			t_equal(amdgpu_userptr_unmap(map), 0);
			expect_free(pair, args.gpu_va, true);
		} else {
			t_equal(info.reachable, 2);
			check_stuck(pair, map, args.gpu_va);
		}
		expect_bos(pair, &before);
		if (failure.device < 0)
			break;
		t_equal(failure.device, 1);
		closes += is_close(&failure);
		stuck += !is_close(&failure);
	}
	t_equal(stuck, 3);
	t_equal(closes, bos_per_device(pair));
}

/* The devices that may reach memory of calls of map() that have failed. */
static uint64_t failed_reachable(struct amdgpu_userptr_ctx *ctx)
{
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };

	t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
	return stats.failed_reachable;
}

/*
 * A wait of map() fails, or the ioctl behind it that asks for resets. The next ioctl fails, too: it
 * is the first of the roll back, and clears the page tables of the second device. So the library
 * must not give back the addresses of the map. The test cannot see that, because map() tells no
 * address when it fails.
 */
static void roll_back_fails(struct pair *pair)
{
	const unsigned int before_waits = PAIR_DEVICES * 2 * bos_per_device(pair);

	for (unsigned int step = 0; step < 2 * PAIR_DEVICES; step++) {
		const struct bos before = count_bos(pair);
		struct amdgpu_userptr_map_args args;
		struct amdgpu_userptr_mapping *map;
		struct pair_failure failure;

		pair_inject(pair, before_waits + 1 + step, 2, EIO);
		t_equal(pair_map(pair, pair->ctx, 0, &args, &map), -EIO);
		failure = pair_inject_end();
		t_equal(failure.device, step / 2);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_WAIT);
		t_equal(args.failed_device, step / 2);
		t_equal(args.failed_reachable, 2);
		t_equal(failed_reachable(pair->ctx), 2);
		expect_bos(pair, &before);
	}
}

/*
 * ------------------------------------------------------------------------------------------------
 * A device is late: the wait for its page tables fails with ETIME, or the ioctl does that follows
 * each wait and asks for resets. The library treats both alike.
 */

static const unsigned long late_requests[] = { DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT,
					       DRM_IOCTL_AMDGPU_CTX };

/* Let @count such requests fail, beginning with the @nth in the next call of the library. */
static void inject_late(const struct pair *pair, unsigned long request, unsigned int nth,
			unsigned int count)
{
	pair_inject_request(pair, request, nth, count, ETIME);
}

static void inject_late_end(void)
{
	t_assert(pair_inject_end().device >= 0);
}

static void expect_devices(struct amdgpu_userptr_ctx *ctx, uint64_t va, uint64_t devices,
			   uint64_t reachable)
{
	struct amdgpu_userptr_info info = { .size = sizeof(info) };

	t_equal(amdgpu_userptr_query(ctx, va, &info), 0);
	t_equal(info.devices, devices);
	t_equal(info.reachable, reachable);
}

/*
 * unmap() asks the second device first. While a device is late all BOs and the addresses stay. The
 * next call waits only for the late devices, and ends the removal.
 */
static void unmap_is_late(struct pair *pair, struct amdgpu_userptr_ctx *ctx, unsigned long request)
{
	static const struct {
		unsigned int nth, count;
		uint64_t late;
	} cases[] = { { 1, 1, 2 }, { 2, 1, 1 }, { 1, 2, 3 } };

	for (size_t i = 0; i < T_ARRAY_SIZE(cases); i++) {
		const struct bos before = count_bos(pair);
		struct amdgpu_userptr_map_args args;
		struct amdgpu_userptr_mapping *map;
		struct bos with_map;
		uint64_t reachable;

		t_equal(pair_map(pair, ctx, 0, &args, &map), 0);
		with_map = count_bos(pair);
		inject_late(pair, request, cases[i].nth, cases[i].count);
		t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), -ETIME);
		inject_late_end();
		t_equal(reachable, cases[i].late);
		expect_free(pair, args.gpu_va, false);
		expect_bos(pair, &with_map);
		t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), 0);
		t_equal(reachable, 0);
		expect_free(pair, args.gpu_va, true);
		expect_bos(pair, &before);
	}
}

/*
 * The second device has left the map, but is late. detach() must end that, and then attach() works.
 */
static void end_late_detach(struct pair *pair, struct amdgpu_userptr_ctx *ctx,
			    struct amdgpu_userptr_mapping *map, uint64_t va)
{
	expect_devices(ctx, va, 1, 2);
	t_equal(attach_second(map), -EBUSY);
	t_equal(amdgpu_userptr_detach(map, 1), 0);
	expect_devices(ctx, va, 1, 0);
	t_equal(attach_second(map), 0);
	expect_devices(ctx, va, 3, 0);
	pair_expect_reads(pair, 1, va);
}

static void attach_and_detach_are_late(struct pair *pair, struct amdgpu_userptr_ctx *ctx,
				       unsigned long request)
{
	const struct bos before = count_bos(pair);
	struct amdgpu_userptr_map_args args;
	struct amdgpu_userptr_mapping *map;
	struct bos with_map;

	t_equal(pair_map(pair, ctx, 1, &args, &map), 0);
	with_map = count_bos(pair);
	/* The roll back is in time. */
	inject_late(pair, request, 1, 1);
	t_equal(attach_second(map), -ETIME);
	inject_late_end();
	expect_devices(ctx, args.gpu_va, 1, 0);
	expect_bos(pair, &with_map);
	t_equal(amdgpu_userptr_detach(map, 1), -ENOENT);
	/* The roll back is late, too. */
	inject_late(pair, request, 1, 2);
	t_equal(attach_second(map), -ETIME);
	inject_late_end();
	end_late_detach(pair, ctx, map, args.gpu_va);
	inject_late(pair, request, 1, 1);
	t_equal(amdgpu_userptr_detach(map, 1), -ETIME);
	inject_late_end();
	end_late_detach(pair, ctx, map, args.gpu_va);
	t_equal(amdgpu_userptr_unmap(map), 0);
	expect_free(pair, args.gpu_va, true);
	expect_bos(pair, &before);
}

/*
 * The first device is late with map(), and in the roll back no device, the second one, or both.
 * The next map() or unmap() ends a roll back that was late.
 */
static void map_is_late(struct pair *pair, struct amdgpu_userptr_ctx *ctx, unsigned long request)
{
	static const uint64_t late[] = { 0, 2, 3 };

	for (size_t i = 0; i < T_ARRAY_SIZE(late); i++) {
		const struct bos before = count_bos(pair);
		struct bos after = before;
		struct amdgpu_userptr_map_args args;
		struct amdgpu_userptr_mapping *map;

		inject_late(pair, request, 1, 1 + i);
		t_equal(pair_map(pair, ctx, 0, &args, &map), -ETIME);
		inject_late_end();
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_WAIT);
		t_equal(args.failed_device, 0);
		t_equal(args.failed_reachable, late[i]);
		for (unsigned int device = 0; device < PAIR_DEVICES && late[i]; device++)
			after.on[device] += bos_per_device(pair);
		expect_bos(pair, &after);
		t_equal(pair_map(pair, ctx, 0, &args, &map), 0);
		t_equal(amdgpu_userptr_unmap(map), 0);
		t_equal(failed_reachable(ctx), 0);
		expect_bos(pair, &before);
	}
}

/* The limit of the context is so long that no call is late unless the test wants it. */
static void each_call_is_late(struct pair *pair)
{
	struct amdgpu_userptr_ctx *ctx = pair_ctx(pair, igt_patience(WAIT_MS) * UINT64_C(1000000));

	for (size_t i = 0; i < T_ARRAY_SIZE(late_requests); i++) {
		unmap_is_late(pair, ctx, late_requests[i]);
		attach_and_detach_are_late(pair, ctx, late_requests[i]);
		map_is_late(pair, ctx, late_requests[i]);
	}
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
}

/* Whether a call of a context with a time limit was late. It must not fail otherwise. */
static bool is_late(int ret)
{
	if (ret)
		t_equal(ret, -ETIME);
	return ret;
}

static void unmap_late(struct amdgpu_userptr_mapping *map)
{
	const uint64_t deadline = igt_now_ms() + igt_patience(WAIT_MS);

	while (is_late(amdgpu_userptr_unmap(map))) {
		t_assert(igt_now_ms() < deadline);
		igt_pause();
	}
}

/*
 * Calls of map() that were late have left maps whose removal goes on. Each call of map() ends the
 * removals that are done. So call map() again and again, with memory that is missing: such a call
 * makes no new updates of page tables.
 */
static void wait_for_late_maps(const struct pair *pair, struct amdgpu_userptr_ctx *ctx,
			       const struct bos *before)
{
	const uint64_t deadline = igt_now_ms() + igt_patience(WAIT_MS);
	const struct amdgpu_userptr_range missing = {
		.cpu_addr = (uintptr_t)mmap(NULL, pair->page, PROT_NONE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		.size = pair->page,
	};
	struct bos now;

	do {
		struct amdgpu_userptr_map_args args = {
			.size = sizeof(args),
			.ranges = &missing,
			.num_ranges = 1,
			.range_stride = sizeof(missing),
		};
		struct amdgpu_userptr_mapping *map;

		t_assert(igt_now_ms() < deadline);
		t_assert(amdgpu_userptr_map(ctx, &args, &map));
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
		now = count_bos(pair);
	} while (memcmp(&now, before, sizeof(now)));
	munmap((void *)(uintptr_t)missing.cpu_addr, missing.size);
}

/*
 * Whether SDMA writes the page tables of compute, so that an update takes longer than the ioctl
 * that asks for it. By default the CPU writes them during the ioctl, where the CPU can reach all
 * VRAM (amdgpu_vm.c:amdgpu_vm_manager_init()), and then no update is late.
 */
static bool updates_by_sdma(void)
{
	FILE *file = fopen("/sys/module/amdgpu/parameters/vm_update_mode", "r");
	int mode = -1;

	if (file) {
		t_assert(fscanf(file, "%d", &mode) == 1);
		fclose(file);
	}
	return mode >= 0 && !(mode & UPDATE_COMPUTE_BY_CPU);
}

/*
 * With a time limit of 1 ns nearly each map() is late if SDMA writes the page tables. Each map()
 * must return 0 or -ETIME, and in the end no BO may be left.
 */
static void bounded(struct pair *pair)
{
	const struct bos before = count_bos(pair);
	struct amdgpu_userptr_ctx *ctx = pair_ctx(pair, 1);
	unsigned int late = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct amdgpu_userptr_map_args args;
		struct amdgpu_userptr_mapping *map;

		if (is_late(pair_map(pair, ctx, 0, &args, &map)))
			late++;
		else
			unmap_late(map);
	}
	printf("%u of %u calls of map() were late\n", late, ROUNDS);
	t_assert(late || !updates_by_sdma());
	wait_for_late_maps(pair, ctx, &before);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	expect_bos(pair, &before);
}

int main(int argc, char **argv)
{
	struct pair pair;

	if (pair_open(&pair, argc, argv))
		return EXIT_SKIP;
	unmap_fails_at_each_step(&pair, EIO);
	unmap_fails_at_each_step(&pair, EBUSY);
	detach_fails_at_each_step(&pair);
	roll_back_fails(&pair);
	each_call_is_late(&pair);
	bounded(&pair);
	pair_close(&pair);
	return 0;
}
