/* SPDX-License-Identifier: MIT */
/* Attach and detach. */
#include "three_devices.h"

/*
 * The linker's option --wrap sends the library's allocations to the functions below. The allocation
 * with this number fails, counted from 1; 0: none fails.
 */
static unsigned int fail_alloc;

void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return fail_alloc && !--fail_alloc ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fail_alloc && !--fail_alloc ? NULL : __real_reallocarray(old, count, size);
}

static void devices_come_and_go(void)
{
	struct amdgpu_userptr_attach_args args = { .size = sizeof(args), .device = 2 };
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake);
	map = map_on(ctx, 1);
	errno = EDOM;
	t_equal(amdgpu_userptr_attach(map, &args), 0);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_NONE);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_NONE);
	t_equal(args.failed_range, AMDGPU_USERPTR_NONE);
	check_on(&fake, ctx, 5);
	t_equal(amdgpu_userptr_attach(map, &args), -EEXIST);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_ARGUMENT);
	t_equal(amdgpu_userptr_detach(map, 1), -ENOENT);
	check_on(&fake, ctx, 5);
	t_equal(amdgpu_userptr_detach(map, 0), 0);
	check_on(&fake, ctx, 4);
	/* Without any device the map still has its addresses. */
	t_equal(amdgpu_userptr_detach(map, 2), 0);
	check_on(&fake, ctx, 0);
	t_equal(amdgpu_userptr_detach(map, 2), -ENOENT);
	for (unsigned int i = 0; i < NUM_DEVICES; i++)
		t_equal(attach(map, i), 0);
	check_on(&fake, ctx, ALL);
	t_equal(errno, EDOM);
	t_equal(amdgpu_userptr_unmap(map), 0);
	fake_check_empty(&fake);
	end(&fake, ctx);
}

/* attach() refuses an argument, names the reason and writes nothing else. */
static void expect_refusal(struct amdgpu_userptr_mapping *map,
			   struct amdgpu_userptr_attach_args args)
{
	struct amdgpu_userptr_attach_args expected = args;

	expected.failed_range = AMDGPU_USERPTR_NONE;
	expected.failed_stage = AMDGPU_USERPTR_STAGE_VALIDATE;
	expected.failed_reason = AMDGPU_USERPTR_REASON_ARGUMENT;
	t_equal(amdgpu_userptr_attach(map, &args), -EINVAL);
	t_assert(!memcmp(&args, &expected, sizeof(args)));
}

static void bad_arguments(void)
{
	struct {
		struct amdgpu_userptr_attach_args args;
		uint64_t newer;
	} larger = { { .size = sizeof(larger), .device = 1 }, 1 }, before = larger;
	struct amdgpu_userptr_attach_args *args = &larger.args;
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	unsigned int calls;

	ctx = begin(&fake);
	map = map_on(ctx, 1);
	calls = fake.calls;
	t_equal(amdgpu_userptr_attach(map, NULL), -EINVAL);
	t_equal(amdgpu_userptr_attach(map, args), -E2BIG);
	t_assert(!memcmp(&larger, &before, sizeof(larger)));
	larger.newer = 0;
	before.args.size = sizeof(before.args);
	before.args.reserved = 1;
	expect_refusal(map, before.args);
	before.args.reserved = 0;
	before.args.device = NUM_DEVICES;
	expect_refusal(map, before.args);
	before.args.device = UINT32_MAX;
	expect_refusal(map, before.args);
	args->size = sizeof(*args) - 1;
	args->device = 1;
	t_equal(amdgpu_userptr_attach(map, args), -EINVAL);
	t_equal(amdgpu_userptr_detach(map, NUM_DEVICES), -EINVAL);
	t_equal(amdgpu_userptr_detach(map, UINT32_MAX), -EINVAL);
	t_equal(fake.calls, calls);
	check_on(&fake, ctx, 1);
	end(&fake, ctx);
}

/* attach() calls the kernel in this order: make the BOs, map them, wait, ask for resets. */
static uint32_t expected_stage(unsigned int call)
{
	if (call <= num_bos())
		return AMDGPU_USERPTR_STAGE_USERPTR;
	return call <= 2 * num_bos() ? AMDGPU_USERPTR_STAGE_VA_MAP : AMDGPU_USERPTR_STAGE_WAIT;
}

static void attach_fails_at_each_call(int error)
{
	unsigned int call;

	for (call = 1;; call++) {
		struct amdgpu_userptr_attach_args args = { .size = sizeof(args), .device = 1 };
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		int ret;

		ctx = begin(&fake);
		map = map_on(ctx, 1);
		fake.fail_call = call;
		fake.fail_error = error;
		ret = amdgpu_userptr_attach(map, &args);
		if (!fake.failed) {
			t_equal(ret, 0);
			fake.fail_call = 0;
			end(&fake, ctx);
			break;
		}
		fake.failed = false;
		t_equal(ret, error);
		t_equal(args.failed_stage, expected_stage(call));
		check_on(&fake, ctx, 1);
		t_equal(attach(map, 1), 0);
		check_on(&fake, ctx, 3);
		end(&fake, ctx);
	}
	t_equal(call, 2 * num_bos() + 2 + 1);
}

static void attach_names_the_range(void)
{
	struct amdgpu_userptr_attach_args args = { .size = sizeof(args), .device = 1 };
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake);
	map = map_on(ctx, 1);
	fake.bad_addr = ranges[1].cpu_addr;
	t_equal(amdgpu_userptr_attach(map, &args), -EFAULT);
	t_equal(args.failed_range, 1);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_MEMORY);
	check_on(&fake, ctx, 1);
	end(&fake, ctx);
}

static void attach_fails_at_each_allocation(void)
{
	for (unsigned int alloc = 1; alloc <= 2; alloc++) {
		struct amdgpu_userptr_attach_args args = { .size = sizeof(args), .device = 1 };
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake);
		map = map_on(ctx, 1);
		fail_alloc = alloc;
		t_equal(amdgpu_userptr_attach(map, &args), -ENOMEM);
		t_equal(fail_alloc, 0);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
		t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_NO_MEMORY);
		check_on(&fake, ctx, 1);
		end(&fake, ctx);
	}
}

/*
 * Check that after a failure the device may still reach the memory, that the map cannot be attached
 * to the device again, and that unmap() keeps the addresses reserved.
 */
static void check_stuck(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx,
			struct amdgpu_userptr_mapping *map, uint32_t device, int error)
{
	struct amdgpu_userptr_attach_args args = { .size = sizeof(args), .device = device };
	struct amdgpu_userptr_info info = { .size = sizeof(info) };
	uint64_t reachable;

	t_equal(amdgpu_userptr_query(ctx, map->space.va, &info), 0);
	t_equal(info.devices, ALL & ~au_device_bit(device));
	t_equal(info.reachable, au_device_bit(device));
	t_equal(amdgpu_userptr_attach(map, &args), -EBUSY);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_BUSY);
	t_equal(amdgpu_userptr_detach(map, device), -ENOENT);
	fake->fail_call = 0;
	t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), error);
	t_equal(reachable, au_device_bit(device));
	t_equal(fake->reservations, 1);
	fake->reservations = 0;
	fake_check_empty(fake);
}

/*
 * If one of the first three calls fails (clear, wait, query for resets), the device may still reach
 * the memory. The later calls each close a BO: if one of them fails, the device cannot reach the
 * memory. To the caller of detach() -EINVAL, -EPERM and -ENOENT mean that the call has changed
 * nothing, so detach() must replace such an error of the kernel by -EIO.
 */
static void detach_fails_at_each_call(int error)
{
	for (unsigned int call = 1; call <= 3 + num_bos(); call++) {
		struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake);
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
		fake.fail_call = call;
		fake.fail_error = error;
		t_equal(amdgpu_userptr_detach(map, 1), -EIO);
		if (call <= 3) {
			check_stuck(&fake, ctx, map, 1, error == -EPERM ? -EIO : error);
		} else {
			t_equal(fake.devices[1].open_bos, 1);
			fake.devices[1].open_bos = 0;
			t_equal(attach(map, 1), 0);
			t_equal(amdgpu_userptr_unmap(map), 0);
		}
		end(&fake, ctx);
	}
}

/*
 * The kernel refuses the removal for good with -EBUSY. detach() must not return -EBUSY, because to
 * its caller that would mean that nothing has changed.
 */
static void detach_is_refused(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	fake.devices[1].refused_clears = UINT_MAX;
	fake.devices[1].clear_error = -EBUSY;
	/*
	 * The kernel refuses to remove the mappings, so the library closes BOs that are mapped. Let
	 * the fake kernel accept that.
	 */
	fake.failed = true;
	t_equal(amdgpu_userptr_detach(map, 1), -EIO);
	check_stuck(&fake, ctx, map, 1, -EBUSY);
	end(&fake, ctx);
}

/* attach() fails because of a reset, and in the roll back one page table call fails, too. */
static void roll_back_of_attach_fails(void)
{
	for (unsigned int late = 1; late <= 3; late++) {
		struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake);
		args.devices = 5;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
		fake.devices[1].reset = true;
		/*
		 * The calls are: BOs, VA mappings, wait and query; the roll back asks if the reset
		 * is over; and the first, second or third call after that fails.
		 */
		fake.fail_call = 2 * num_bos() + 2 + 1 + late;
		fake.fail_error = -EIO;
		t_equal(attach(map, 1), -ECANCELED);
		t_assert(fake.failed);
		check_stuck(&fake, ctx, map, 1, -EIO);
		end(&fake, ctx);
	}
}

/* attach() names a range only if the kernel refuses its memory, not the process or the device. */
static void attach_returns_errors_of_the_kernel(void)
{
	static const struct {
		int error;
		uint32_t reason;
		bool memory;
	} attach_errors[] = {
		{ -EINVAL, AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD, false },
		{ -EOPNOTSUPP, AMDGPU_USERPTR_REASON_NO_KFD_VM, false },
		{ -EPERM, AMDGPU_USERPTR_REASON_FOREIGN_VM, false },
		{ -EPROTO, AMDGPU_USERPTR_REASON_XNACK, false },
		{ -EBUSY, AMDGPU_USERPTR_REASON_BUSY, false },
		{ -E2BIG, AMDGPU_USERPTR_REASON_LIMIT, false },
		{ -EDQUOT, AMDGPU_USERPTR_REASON_KFD_LIMIT, false },
		{ -ENOMEM, AMDGPU_USERPTR_REASON_NO_MEMORY, false },
		{ -ESRCH, AMDGPU_USERPTR_REASON_OTHER, false },
		{ -ENODEV, AMDGPU_USERPTR_REASON_OTHER, false },
		{ -EFAULT, AMDGPU_USERPTR_REASON_MEMORY, true },
		{ -EPERM, AMDGPU_USERPTR_REASON_MEMORY, true },
		{ -EACCES, AMDGPU_USERPTR_REASON_MEMORY, true },
		{ -EHWPOISON, AMDGPU_USERPTR_REASON_MEMORY, true },
		{ -EADDRINUSE, AMDGPU_USERPTR_REASON_SVM, true },
	};

	for (size_t i = 0; i < T_ARRAY_SIZE(attach_errors); i++) {
		struct amdgpu_userptr_attach_args args = { .size = sizeof(args), .device = 1 };
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake);
		map = map_on(ctx, 1);
		fake.bad_error = attach_errors[i].error;
		if (attach_errors[i].memory)
			fake.bad_addr = ranges[2].cpu_addr;
		else
			fake.userptr_error = attach_errors[i].error;
		t_equal(amdgpu_userptr_attach(map, &args), attach_errors[i].error);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
		t_equal(args.failed_range, attach_errors[i].memory ? 2 : AMDGPU_USERPTR_NONE);
		t_equal(args.failed_reason, attach_errors[i].reason);
		check_on(&fake, ctx, 1);
		end(&fake, ctx);
	}
}

static void reset_in_detach(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	fake.devices[1].reset = true;
	t_equal(amdgpu_userptr_detach(map, 1), -ECANCELED);
	check_stuck(&fake, ctx, map, 1, -ECANCELED);
	end(&fake, ctx);
}

/* The map at FIXED_VA is on all devices but device 1, from which its removal is late. */
static void check_late(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_mapping *map)
{
	struct amdgpu_userptr_info info = { .size = sizeof(info) };

	t_equal(amdgpu_userptr_query(ctx, FIXED_VA, &info), 0);
	t_equal(info.devices, 5);
	t_equal(info.reachable, 2);
	t_equal(attach(map, 1), -EBUSY);
}

/*
 * The device is late with attach() and with its roll back. detach() or unmap() goes on with the
 * roll back.
 */
static void attach_times_out(void)
{
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin_with_limit(&fake);
	map = map_on(ctx, 5);
	fake.deadline = 0;
	fake.devices[1].hangs = true;
	t_equal(attach(map, 1), -ETIME);
	t_assert(fake.deadline && !fake.second_deadline);
	t_equal(fake.devices[1].open_bos, num_bos());
	check_late(ctx, map);
	t_equal(amdgpu_userptr_detach(map, 1), -ETIME);
	fake.devices[1].hangs = false;
	t_equal(amdgpu_userptr_detach(map, 1), 0);
	t_equal(amdgpu_userptr_detach(map, 1), -ENOENT);
	check_on(&fake, ctx, 5);
	t_equal(attach(map, 1), 0);
	check_on(&fake, ctx, ALL);
	t_equal(amdgpu_userptr_detach(map, 1), 0);

	fake.devices[1].hangs = true;
	t_equal(attach(map, 1), -ETIME);
	t_equal(amdgpu_userptr_unmap(map), -ETIME);
	fake.devices[1].hangs = false;
	t_equal(amdgpu_userptr_unmap(map), 0);
	end(&fake, ctx);
}

static void detach_times_out(void)
{
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin_with_limit(&fake);
	map = map_on(ctx, 0);
	fake.devices[1].hangs = true;
	for (unsigned int i = 0; i < 2; i++) {
		t_equal(amdgpu_userptr_detach(map, 1), -ETIME);
		t_equal(fake.count[FAKE_CLEAR], 1);
		t_equal(fake.devices[1].open_bos, num_bos());
		check_late(ctx, map);
	}
	fake.devices[1].hangs = false;
	t_equal(amdgpu_userptr_detach(map, 1), 0);
	check_on(&fake, ctx, 5);
	t_equal(attach(map, 1), 0);
	check_on(&fake, ctx, ALL);

	/* unmap() finishes a detach() that has timed out. */
	fake.devices[2].hangs = true;
	t_equal(amdgpu_userptr_detach(map, 2), -ETIME);
	t_equal(amdgpu_userptr_unmap(map), -ETIME);
	t_equal(attach(map, 1), -EBUSY);
	t_equal(amdgpu_userptr_detach(map, 1), -EBUSY);
	fake.devices[2].hangs = false;
	t_equal(amdgpu_userptr_unmap(map), 0);
	end(&fake, ctx);
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	devices_come_and_go();
	bad_arguments();
	attach_fails_at_each_call(-EIO);
	attach_fails_at_each_call(-ENOMEM);
	attach_names_the_range();
	attach_returns_errors_of_the_kernel();
	reset_in_detach();
	attach_fails_at_each_allocation();
	detach_fails_at_each_call(-EIO);
	detach_fails_at_each_call(-EINVAL);
	detach_fails_at_each_call(-EPERM);
	detach_fails_at_each_call(-ENOENT);
	detach_is_refused();
	roll_back_of_attach_fails();
	attach_times_out();
	detach_times_out();
	return 0;
}
