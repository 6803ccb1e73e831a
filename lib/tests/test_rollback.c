/* SPDX-License-Identifier: MIT */
/*
 * Each call to the kernel and each allocation fails once. After that the earlier maps are still
 * there, and nothing else is.
 */
#include "fake_kernel.h"
#include "test.h"

static uint32_t backend;

#define PAGE	    FAKE_CPU_PAGE
#define NUM_DEVICES 2
#define GUARD_VA    UINT64_C(0x100000000)

/*
 * The linker's option --wrap sends the library's allocations to the functions below. The allocation
 * with this number fails, counted from 1; 0: none fails.
 */
static unsigned int fail_alloc;

/* The allocation with this number, counted from 1, changes the caller's ranges; 0: none does. */
static unsigned int change_alloc;
static struct amdgpu_userptr_range *changing, change;

static bool alloc_fails(void)
{
	if (change_alloc && !--change_alloc)
		*changing = change;
	return fail_alloc && !--fail_alloc;
}

void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return alloc_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return alloc_fails() ? NULL : __real_reallocarray(old, count, size);
}

static const struct amdgpu_userptr_range ranges[] = {
	{ 1 * PAGE, PAGE, 0, 0 },
	{ 2 * PAGE, PAGE, 0, 0 }, /* continues the range before, so they share a BO */
	{ 5 * PAGE, 2 * PAGE, AMDGPU_USERPTR_RANGE_READONLY, 0 },
	{ 9 * PAGE, PAGE, 0, 0 },
};

/* BOs per device of a map of all ranges. */
static unsigned int num_bos(void)
{
	return backend == AMDGPU_USERPTR_BACKEND_SCATTER ? 1 : 3;
}

/* A context with a map, the guard, which must survive the failure of the next map. */
static struct amdgpu_userptr_ctx *begin(struct fake_kernel *fake)
{
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.va_mode = AMDGPU_USERPTR_VA_FIXED,
		.fixed_va = GUARD_VA,
		.ranges = ranges,
		.num_ranges = 1,
		.range_stride = sizeof(struct amdgpu_userptr_range),
	};
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;

	fake_init(fake, backend);
	ctx = fake_ctx(fake, NUM_DEVICES);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	return ctx;
}

static void check_only_guard(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx)
{
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };

	for (unsigned int i = 0; i < NUM_DEVICES; i++) {
		t_equal(fake->devices[i].open_bos, 1);
		t_equal(fake->devices[i].num_mappings, 1);
		t_equal(fake_translate(fake, i, GUARD_VA), ranges[0].cpu_addr);
	}
	t_equal(fake->reservations, 0);
	t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
	t_equal(stats.mappings, 1);
	t_equal(stats.bos, NUM_DEVICES);
}

static void end(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx)
{
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(fake);
}

/* map() calls the kernel in this order: one reservation, then each step on all devices. */
static uint32_t expected_stage(unsigned int call)
{
	const unsigned int bos = NUM_DEVICES * num_bos();

	if (call <= 1)
		return AMDGPU_USERPTR_STAGE_VA_RESERVE;
	if (call <= 1 + bos)
		return AMDGPU_USERPTR_STAGE_USERPTR;
	if (call <= 1 + 2 * bos)
		return AMDGPU_USERPTR_STAGE_VA_MAP;
	return AMDGPU_USERPTR_STAGE_WAIT;
}

static void map_fails_at_each_call(int error)
{
	unsigned int call;

	for (call = 1;; call++) {
		struct amdgpu_userptr_map_args args = {
			.size = sizeof(args),
			.ranges = ranges,
			.num_ranges = T_ARRAY_SIZE(ranges),
			.range_stride = sizeof(struct amdgpu_userptr_range),
		};
		struct amdgpu_userptr_map_args before = args;
		struct amdgpu_userptr_mapping *map = NULL;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		int ret;

		ctx = begin(&fake);
		fake.fail_call = call;
		fake.fail_error = error;
		errno = EDOM;
		ret = amdgpu_userptr_map(ctx, &args, &map);
		t_equal(errno, EDOM);
		if (!fake.failed) {
			t_equal(ret, 0);
			fake.fail_call = 0;
			t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
			fake_fini(&fake);
			break;
		}
		/* From here on the model checks again that the library closes no BO too early. */
		fake.failed = false;
		t_equal(ret, error);
		t_assert(!map);
		t_equal(args.failed_stage, expected_stage(call));
		t_assert((args.failed_device == AMDGPU_USERPTR_NONE) ==
			 (args.failed_stage == AMDGPU_USERPTR_STAGE_VA_RESERVE));
		args.failed_stage = args.failed_range = args.failed_device = args.failed_reason = 0;
		t_assert(!memcmp(&args, &before, sizeof(args)));
		check_only_guard(&fake, ctx);

		/* The context still works. */
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
		t_equal(amdgpu_userptr_unmap(map), 0);
		check_only_guard(&fake, ctx);
		end(&fake, ctx);
	}
	/*
	 * The calls are: one reservation; BOs and mappings; per device a wait and a query for
	 * resets. One more round has no call left that could fail.
	 */
	t_equal(call, 1 + 2 * NUM_DEVICES * num_bos() + 2 * NUM_DEVICES + 1);
}

/*
 * When the kernel refuses a BO, the library names no range, because memory cannot cause the error
 * that the test injects. When the kernel refuses a GPU address, the library names the BO's first
 * range, but not for a scatter BO.
 */
static void map_names_the_range(void)
{
	static const uint32_t first_range[] = { 0, 2, 3 };

	for (unsigned int call = 2; call <= 1 + 2 * NUM_DEVICES * num_bos(); call++) {
		struct amdgpu_userptr_map_args args = {
			.size = sizeof(args),
			.ranges = ranges,
			.num_ranges = T_ARRAY_SIZE(ranges),
			.range_stride = sizeof(struct amdgpu_userptr_range),
		};
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake);
		fake.fail_call = call;
		fake.fail_error = -ENOSPC;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -ENOSPC);
		t_equal(args.failed_range, num_bos() == 1 || call <= 1 + NUM_DEVICES * num_bos()
						   ? AMDGPU_USERPTR_NONE
						   : first_range[(call - 2) % num_bos()]);
		t_equal(args.failed_device, (call - 2) / num_bos() % NUM_DEVICES);
		end(&fake, ctx);
	}
}

/* A call of the roll back fails, too. No mapping may stay, and no BO but one whose close failed. */
static void roll_back_fails_at_each_call(void)
{
	const unsigned int last = NUM_DEVICES - 1;
	/* Clear, wait and query on the devices that have mappings; then the closes. */
	const unsigned int calls = 3 * (NUM_DEVICES - (num_bos() == 1)) + NUM_DEVICES * num_bos();

	for (unsigned int late = 1; late <= calls; late++) {
		struct amdgpu_userptr_map_args args = {
			.size = sizeof(args),
			.va_mode = AMDGPU_USERPTR_VA_FIXED,
			.ranges = ranges,
			.num_ranges = T_ARRAY_SIZE(ranges),
			.range_stride = sizeof(struct amdgpu_userptr_range),
		};
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		/* The last range overlaps the guard, so VA_MAP fails on the last device. */
		ctx = begin(&fake);
		fake.failed = false;
		fake.devices[last].mappings[0].va += 5 * PAGE;
		args.fixed_va = GUARD_VA + PAGE;
		ctx->maps[0]->space.va += 8 * PAGE;
		fake.fail_call = 2 * NUM_DEVICES * num_bos() + late;
		fake.fail_error = -EIO;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VA_MAP);
		t_equal(args.failed_range, num_bos() == 1 ? AMDGPU_USERPTR_NONE : 3);
		t_equal(args.failed_device, last);
		t_assert(fake.failed);
		for (unsigned int i = 0; i < NUM_DEVICES; i++)
			t_equal(fake.devices[i].num_mappings, 1);

		fake.devices[last].mappings[0].va -= 5 * PAGE;
		ctx->maps[0]->space.va -= 8 * PAGE;
		amdgpu_userptr_ctx_destroy(ctx);
		for (unsigned int i = 0; i < NUM_DEVICES; i++) {
			/* A BO whose close has failed stays open. */
			t_assert(fake.devices[i].open_bos <= 1);
			fake.devices[i].open_bos = 0;
		}
		fake_fini(&fake);
	}
}

/*
 * unmap() goes on after an error and returns it. It keeps the addresses only if a GPU may still
 * reach memory through them.
 */
static void unmap_fails_at_each_call(void)
{
	/* Clear, wait and query on each device; then the closes. */
	const unsigned int page_tables = 3 * NUM_DEVICES;
	const unsigned int calls = page_tables + NUM_DEVICES * num_bos();

	for (unsigned int call = 1; call <= calls; call++) {
		struct amdgpu_userptr_map_args args = {
			.size = sizeof(args),
			.ranges = ranges,
			.num_ranges = T_ARRAY_SIZE(ranges),
			.range_stride = sizeof(struct amdgpu_userptr_range),
		};
		uint64_t reachable = UINT64_MAX;
		unsigned int left = 0;
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		uint64_t va;

		ctx = begin(&fake);
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
		va = args.gpu_va;
		fake.fail_call = call;
		fake.fail_error = -EIO;
		t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), -EIO);
		t_equal(!reachable, call > page_tables);
		t_assert(fake.failed);
		t_equal(fake.reservations, call <= page_tables);
		for (unsigned int i = 0; i < NUM_DEVICES; i++) {
			t_assert(!fake_find(&fake, i, va));
			left += fake.devices[i].open_bos - 1;
		}
		/* Only a close that failed leaves a BO. */
		t_equal(left, call > page_tables);
		fake.reservations = 0;
		t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
		for (unsigned int i = 0; i < NUM_DEVICES; i++)
			fake.devices[i].open_bos = 0;
		fake_fini(&fake);
	}
}

static void map_fails_at_each_allocation(void)
{
	unsigned int alloc;

	for (alloc = 1;; alloc++) {
		struct amdgpu_userptr_map_args args = {
			.size = sizeof(args),
			.ranges = ranges,
			.num_ranges = T_ARRAY_SIZE(ranges),
			.range_stride = sizeof(struct amdgpu_userptr_range),
		};
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		int ret;

		ctx = begin(&fake);
		/* Let the table of maps grow as well. */
		ctx->max_maps = 1;
		fail_alloc = alloc;
		ret = amdgpu_userptr_map(ctx, &args, &map);
		if (fail_alloc) {
			fail_alloc = 0;
			t_equal(ret, 0);
			t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
			fake_fini(&fake);
			break;
		}
		t_equal(ret, -ENOMEM);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
		t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_NO_MEMORY);
		check_only_guard(&fake, ctx);
		end(&fake, ctx);
	}
	/*
	 * The allocations are the map, ranges, BOs, handles per device, the reservation and the
	 * table. In one more round none fails.
	 */
	t_equal(alloc, 1 + 3 + NUM_DEVICES + 1 + 1);
}

/*
 * The caller changes a range during map(), after the library has counted the BOs. With the changed
 * range the map needs more BOs, fewer BOs, or BOs of other sizes.
 */
static void ranges_change_in_map(void)
{
	static const struct amdgpu_userptr_range changes[] = {
		{ 20 * PAGE, 9 * PAGE, 0, 0 },	 { 20 * PAGE, UINT64_C(1) << 62, 0, 0 },
		{ 20 * PAGE, 2 * PAGE, 0, 0 },	 { 20 * PAGE, 0, 0, 0 },
		{ 20 * PAGE, -12 * PAGE, 0, 0 },
	};

	for (size_t i = 0; i < T_ARRAY_SIZE(changes); i++) {
		struct amdgpu_userptr_range given[] = {
			{ 1 * PAGE, PAGE, 0, 0 },
			{ 20 * PAGE, 4 * PAGE, 0, 0 },
			{ 40 * PAGE, PAGE, 0, 0 },
		};
		struct amdgpu_userptr_map_args args = fake_map_args(given, T_ARRAY_SIZE(given));
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake);
		ctx->limits.size = 4 * PAGE;
		changing = &given[1];
		change = changes[i];
		/* The allocations are the map, the ranges and then the BOs. */
		change_alloc = 3;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
		t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_ARGUMENT);
		check_only_guard(&fake, ctx);
		end(&fake, ctx);
	}
}

/* Ranges of a newer header are longer, so the library copies them, but has no memory for that. */
static void no_memory_for_newer_ranges(void)
{
	struct {
		struct amdgpu_userptr_range range;
		uint64_t newer;
	} larger = { ranges[0], 0 };
	struct amdgpu_userptr_map_args args = fake_map_args(&larger.range, 1);
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake);
	args.range_stride = sizeof(larger);
	fail_alloc = 1;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ENOMEM);
	t_equal(fail_alloc, 0);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_NO_MEMORY);
	check_only_guard(&fake, ctx);
	end(&fake, ctx);
}

static void create_fails_at_each_call(int error)
{
	const int fds[NUM_DEVICES] = { FAKE_FIRST_FD, FAKE_FIRST_FD + 1 };
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = fds,
		.num_devices = NUM_DEVICES,
		.backend = backend,
	};
	/* Version, device info, syncobj, context and state of each device. */
	const unsigned int needed = 5 * NUM_DEVICES;
	/* Calls that choose the backend: ctx_create() succeeds even if one of them fails. */
	const unsigned int probe = num_bos() == 1 ? 2 * NUM_DEVICES : 0;
	unsigned int call;

	for (call = 1; call <= needed + probe + 1; call++) {
		struct amdgpu_userptr_ctx *ctx = NULL;
		struct fake_kernel fake;
		int ret;

		fake_init(&fake, backend);
		fake.fail_call = call;
		fake.fail_error = error;
		errno = EDOM;
		ret = au_ctx_create(&args, &fake_ops, &fake, &ctx);
		t_equal(errno, EDOM);
		t_equal(fake.failed, call <= needed + probe);
		t_equal(ret, call <= needed ? error : 0);
		fake.fail_call = 0;
		if (!ret)
			t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
		else
			t_assert(!ctx);
		/* A BO whose close has failed stays open. */
		for (unsigned int i = 0; call > needed && i < NUM_DEVICES; i++)
			fake.devices[i].open_bos = 0;
		fake_fini(&fake);
	}
}

/*
 * The process has as many VMAs as it may have, so the library gets no page with which it could ask
 * whether the kernel knows USERPTR_SCATTER. ctx_create() must then fail, and not choose a backend.
 */
static void create_cannot_ask(void)
{
	const int fd = FAKE_FIRST_FD;
	struct amdgpu_userptr_ctx_args args = { .size = sizeof(args),
						.fds = &fd,
						.num_devices = 1 };
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_ctx *ctx = NULL;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	fake.devices[0].no_scatter = true;
	fake.no_own_page = true;
	t_equal(au_ctx_create(&args, &fake_ops, &fake, &ctx), -ENOMEM);
	t_assert(!ctx);
	fake.no_own_page = false;
	t_equal(au_ctx_create(&args, &fake_ops, &fake, &ctx), 0);
	fake.no_own_page = true;
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	t_equal(caps.backend, AMDGPU_USERPTR_BACKEND_RANGES);
	t_equal(caps.hsa_status, -ENOMEM);
	t_equal(caps.hsa_reason, AMDGPU_USERPTR_REASON_NO_MEMORY);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void caps_leave_nothing(void)
{
	for (unsigned int call = 0; call <= 2; call++) {
		struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		fake_init(&fake, backend);
		ctx = fake_ctx(&fake, 1);
		fake.fail_call = call;
		fake.fail_error = -ENOMEM;
		t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
		t_equal(caps.hsa_status, call == 1 ? -ENOMEM : 0);
		t_equal(fake.devices[0].open_bos, call == 2);
		fake.devices[0].open_bos = 0;
		t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
		fake_fini(&fake);
	}
}

int main(int argc, char **argv)
{
	static const int create_errors[] = { -ENOMEM, -EACCES };

	backend = fake_backend(argc, argv);
	map_fails_at_each_call(-EIO);
	map_fails_at_each_call(-ENOMEM);
	map_fails_at_each_call(-EFAULT);
	map_fails_at_each_call(-EBUSY);
	map_names_the_range();
	roll_back_fails_at_each_call();
	unmap_fails_at_each_call();
	map_fails_at_each_allocation();
	ranges_change_in_map();
	no_memory_for_newer_ranges();
	for (size_t i = 0; i < T_ARRAY_SIZE(create_errors); i++)
		create_fails_at_each_call(create_errors[i]);
	create_cannot_ask();
	caps_leave_nothing();
	return 0;
}
