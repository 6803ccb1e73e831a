/* SPDX-License-Identifier: MIT */
/* Maps on some devices of a context. */
#include "three_devices.h"

static void map_on_some_devices(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	unsigned int calls;

	ctx = begin(&fake);
	for (uint64_t mask = 1; mask <= ALL; mask++) {
		map = map_on(ctx, mask);
		check_on(&fake, ctx, mask);
		t_equal(amdgpu_userptr_unmap(map), 0);
		fake_check_empty(&fake);
	}
	map = map_on(ctx, 0);
	check_on(&fake, ctx, ALL);
	t_equal(amdgpu_userptr_unmap(map), 0);

	calls = fake.calls;
	args.devices = ALL + 1;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
	args.devices = UINT64_MAX;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
	t_equal(fake.calls, calls);
	end(&fake, ctx);
}

/* A device that cannot have the map does not matter if the map is only on other devices. */
static void other_devices_do_not_matter(void)
{
	struct amdgpu_userptr_attach_args attach_args = { .size = sizeof(attach_args) };
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	uint32_t syncobj;

	ctx = begin(&fake);
	syncobj = ctx->devices[1].syncobj;
	ctx->devices[1].syncobj = 0;
	ctx->devices[2].va_max = FAKE_VA_MIN + PAGE;
	ctx->devices[2].high_va_min = ctx->devices[2].high_va_max = 0;
	args.devices = 1;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	attach_args.device = 1;
	t_equal(amdgpu_userptr_attach(map, &attach_args), -EOPNOTSUPP);
	t_equal(attach_args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
	t_equal(attach_args.failed_reason, AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD);
	attach_args.device = 2;
	t_equal(amdgpu_userptr_attach(map, &attach_args), -ERANGE);
	t_equal(attach_args.failed_reason, AMDGPU_USERPTR_REASON_NO_ADDRESSES);
	args.devices = 3;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EOPNOTSUPP);
	t_equal(args.failed_device, 1);
	args.devices = 5;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ERANGE);
	t_equal(args.failed_device, 2);
	ctx->devices[1].syncobj = syncobj;
	end(&fake, ctx);
}

static void set_hangs(struct fake_kernel *fake, uint64_t devices)
{
	for (unsigned int i = 0; i < NUM_DEVICES; i++)
		fake->devices[i].hangs = devices & au_device_bit(i);
}

/* unmap() asks all devices even if one is late, and reports each device that is late. */
static void unmap_tells_the_devices(void)
{
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	uint64_t reachable;

	ctx = begin_with_limit(&fake);
	for (uint64_t late = 0; late <= ALL; late++) {
		const uint64_t rest = late & (late - 1);

		map = map_on(ctx, 0);
		set_hangs(&fake, late);
		reachable = ~late;
		t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), late ? -ETIME : 0);
		t_equal(reachable, late);
		/* Now one of the late devices is done. */
		set_hangs(&fake, rest);
		if (late)
			t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), rest ? -ETIME : 0);
		t_equal(reachable, rest);
		set_hangs(&fake, 0);
		if (rest)
			t_equal(amdgpu_userptr_unmap(map), 0);
		fake_check_empty(&fake);
	}
	end(&fake, ctx);
}

/* unmap() starts the updates on all devices before it waits for any. */
static void unmap_waits_for_all_at_once(void)
{
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake);
	map = map_on(ctx, 0);
	fake.num_traced = 0;
	t_equal(amdgpu_userptr_unmap(map), 0);
	for (unsigned int i = 0; i < NUM_DEVICES; i++) {
		t_equal(fake.trace[i], FAKE_CLEAR);
		t_equal(fake.trace[NUM_DEVICES + 2 * i], FAKE_WAIT);
		t_equal(fake.trace[NUM_DEVICES + 2 * i + 1], FAKE_CTX_QUERY);
	}
	t_equal(fake.num_traced, 3 * NUM_DEVICES + NUM_DEVICES * num_bos());
	end(&fake, ctx);
}

/*
 * One call for one device fails. unmap() clears the devices, beginning with the last one, and then
 * waits for each and asks for resets. It removes the map from all other devices, and reports only
 * that the failing device may still reach the memory. ctx_destroy() behaves in the same way.
 */
static void removal_fails_on_one_device(bool by_destroy)
{
	for (unsigned int call = 0; call < 3 * NUM_DEVICES; call++) {
		const unsigned int step = call < NUM_DEVICES ? call : (call - NUM_DEVICES) / 2;
		const unsigned int bad = NUM_DEVICES - 1 - step;
		struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		uint64_t reachable;

		ctx = begin(&fake);
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
		fake.fail_call = 1 + call;
		fake.fail_error = -EIO;
		if (by_destroy) {
			t_equal(amdgpu_userptr_ctx_destroy(ctx), -EIO);
		} else {
			t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), -EIO);
			t_equal(reachable, au_device_bit(bad));
			t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
		}
		t_assert(fake.failed);
		for (unsigned int i = 0; i < NUM_DEVICES; i++)
			t_equal(!fake.devices[i].num_stale, i != bad);
		t_equal(fake.reservations, 1);
		fake.reservations = 0;
		fake_fini(&fake);
	}
}

/*
 * The removal fails on one device, and another is late. unmap() returns the error when the late
 * device is done.
 */
static void removal_fails_beside_late_device(void)
{
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	uint64_t reachable;

	ctx = begin_with_limit(&fake);
	map = map_on(ctx, 0);
	fake.devices[1].reset = true;
	fake.devices[2].hangs = true;
	for (unsigned int i = 0; i < 2; i++) {
		t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), -ETIME);
		t_equal(reachable, 6);
	}
	fake.devices[2].hangs = false;
	t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), -ECANCELED);
	t_equal(reachable, 2);
	fake_check_empty(&fake);
	end(&fake, ctx);
}

/* map() fails, and so does its roll back, both on the last device. */
static void map_tells_the_devices(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake);
	fake.devices[2].reset = true;
	/*
	 * The calls are: a reservation; BOs, VA mappings, wait and query for each device; a query
	 * whether the reset is over; and the first clear of the roll back, which fails.
	 */
	fake.fail_call = 1 + NUM_DEVICES * (2 * num_bos() + 2) + 1 + 1;
	fake.fail_error = -EIO;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ECANCELED);
	t_equal(args.failed_device, 2);
	t_equal(args.failed_reachable, 4);
	t_equal(fake.reservations, 1);
	fake.reservations = 0;
	fake_check_empty(&fake);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(args.failed_reachable, 0);
	end(&fake, ctx);
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	map_on_some_devices();
	other_devices_do_not_matter();
	unmap_tells_the_devices();
	unmap_waits_for_all_at_once();
	removal_fails_on_one_device(false);
	removal_fails_on_one_device(true);
	removal_fails_beside_late_device();
	map_tells_the_devices();
	return 0;
}
