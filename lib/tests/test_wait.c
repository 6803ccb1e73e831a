/* SPDX-License-Identifier: MIT */
/* A GPU whose page tables are not up to date in time. */
#include <xf86drm.h>

#include "two_devices.h"

#define FIXED_VA UINT64_C(0x100000000)

/* From here on the model watches whether all waits have the same deadline. */
static void watch_deadline(struct fake_kernel *fake)
{
	fake->deadline = 0;
	fake->second_deadline = false;
}

static struct amdgpu_userptr_stats stats_of(struct amdgpu_userptr_ctx *ctx)
{
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };

	errno = EDOM;
	t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
	t_equal(errno, EDOM);
	return stats;
}

static uint64_t num_maps(struct amdgpu_userptr_ctx *ctx)
{
	return stats_of(ctx).mappings;
}

/*
 * A deadline is an absolute time. A context without a limit, or with a huge one, has no deadline.
 */
static void deadlines(void)
{
	const uint64_t before = au_now_ns();
	struct amdgpu_userptr_ctx ctx = { .timeout_ns = TIMEOUT_NS };

	t_assert(au_deadline(&ctx) >= (int64_t)(before + TIMEOUT_NS));
	t_assert(au_deadline(&ctx) <= (int64_t)(au_now_ns() + TIMEOUT_NS));
	ctx.timeout_ns = 0;
	t_equal(au_deadline(&ctx), INT64_MAX);
	ctx.timeout_ns = UINT64_MAX;
	t_equal(au_deadline(&ctx), INT64_MAX);
	ctx.timeout_ns = INT64_MAX - 1;
	t_equal(au_deadline(&ctx), INT64_MAX);
}

/*
 * A device hangs during map() and its roll back. All waits of both have one deadline. The BOs and
 * the addresses stay. Later calls ask the kernel again whether the updates are done, but do not
 * wait. When the device works again, a later call frees BOs and addresses.
 */
static void map_times_out(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map = NULL;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = FIXED_VA;
	fake.devices[1].hangs = true;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ETIME);
	t_assert(!map);
	t_assert(fake.deadline && !fake.second_deadline);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_WAIT);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_TIMEOUT);
	t_equal(args.failed_device, 1);
	t_equal(args.failed_range, AMDGPU_USERPTR_NONE);
	t_equal(args.failed_reachable, 2);
	t_equal(num_maps(ctx), 0);
	t_equal(fake.devices[1].open_bos, num_bos());

	/* Map at other addresses, on the device that works. */
	fake.deadline = 0;
	args.va_mode = AMDGPU_USERPTR_VA_RESERVE;
	args.fixed_va = 0;
	args.devices = 1;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_unmap(map), 0);
	t_equal(fake.devices[1].open_bos, num_bos());
	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = FIXED_VA;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EEXIST);

	fake.devices[1].hangs = false;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(fake.devices[1].open_bos, 0);
	t_equal(fake.devices[0].open_bos, num_bos());
	t_equal(amdgpu_userptr_unmap(map), 0);
	fake_check_empty(&fake);
	end(&fake, ctx);
}

/*
 * Failed calls of map() have left maps, one on each device. A query of the counters tells which
 * devices may reach the memory of these maps, and ends each map as soon as its device works again.
 */
static void stats_tell_and_end_late_maps(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	t_equal(stats_of(ctx).failed_reachable, 0);
	for (unsigned int i = 0; i < NUM_DEVICES; i++) {
		args.devices = au_device_bit(i);
		fake.devices[i].hangs = true;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -ETIME);
		t_equal(args.failed_reachable, au_device_bit(i));
		t_equal(stats_of(ctx).failed_reachable, au_device_bit(i + 1) - 1);
	}
	fake.devices[0].hangs = false;
	t_equal(stats_of(ctx).failed_reachable, 2);
	t_equal(fake.devices[0].open_bos, 0);
	fake.devices[1].hangs = false;
	t_equal(stats_of(ctx).failed_reachable, 0);
	fake_check_empty(&fake);
	end(&fake, ctx);
}

/*
 * @late: the roll back is late, and then the device is reset, so that its page tables may still
 * have the map. Otherwise the roll back fails at once. In both cases the map is gone, but the
 * counter failed_reachable has the device until the end of the context.
 */
static void failed_roll_back_stays(bool late)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	args.devices = 2;
	if (late) {
		fake.devices[1].hangs = true;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -ETIME);
		fake.devices[1].hangs = false;
		fake.devices[1].reset = true;
	} else {
		/* The wait fails, after the calls for the address and for each BO. */
		fake.fail_call = 1 + 2 * num_bos() + 1;
		fake.fail_error = -EIO;
		fake.devices[1].refused_clears = 1;
		fake.devices[1].clear_error = -EIO;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EIO);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_WAIT);
		t_equal(fake.devices[1].open_bos, 0);
	}
	t_equal(args.failed_reachable, 2);
	for (unsigned int i = 0; i < 2; i++) {
		t_equal(stats_of(ctx).failed_reachable, 2);
		t_equal(fake.devices[1].open_bos, 0);
	}
	t_equal(fake.reservations, 1);
	fake.reservations = 0;
	/* Maps that succeed change nothing. */
	t_equal(amdgpu_userptr_unmap(map_all(ctx)), 0);
	t_equal(stats_of(ctx).failed_reachable, 2);
	end(&fake, ctx);
}

/*
 * Two failed calls of map() have left maps on a device that hangs. unmap() of another map frees
 * them.
 */
static void unmap_ends_late_maps(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map, *failed;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	map = map_all(ctx);
	fake.devices[0].hangs = true;
	t_equal(amdgpu_userptr_map(ctx, &args, &failed), -ETIME);
	t_equal(amdgpu_userptr_map(ctx, &args, &failed), -ETIME);
	t_equal(fake.reservations, 3);
	t_equal(amdgpu_userptr_unmap(map), -ETIME);
	t_equal(fake.devices[0].open_bos, 3 * num_bos());
	fake.devices[0].hangs = false;
	t_equal(amdgpu_userptr_unmap(map), 0);
	fake_check_empty(&fake);
	end(&fake, ctx);
}

/* The BOs and the addresses stay until an unmap() has waited long enough. */
static void unmap_times_out(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_info info = { .size = sizeof(info) };
	struct amdgpu_userptr_mapping *map, *other;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	unsigned int bos;

	ctx = begin(&fake, TIMEOUT_NS);
	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = FIXED_VA;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	bos = fake.devices[0].open_bos;
	for (unsigned int slow = 0; slow < NUM_DEVICES; slow++) {
		const unsigned int clears = fake.count[FAKE_CLEAR];

		fake.devices[slow].hangs = true;
		for (unsigned int i = 0; i < 3; i++) {
			t_equal(amdgpu_userptr_unmap(map), -ETIME);
			t_equal(fake.devices[0].open_bos, bos);
			t_equal(fake.devices[1].open_bos, bos);
			t_equal(fake.count[FAKE_CLEAR], clears + NUM_DEVICES);
			t_equal(num_maps(ctx), 0);
			t_equal(amdgpu_userptr_query(ctx, FIXED_VA, &info), -ENOENT);
			t_equal(amdgpu_userptr_map(ctx, &args, &other), -EEXIST);
		}
		fake.devices[slow].hangs = false;
		t_equal(amdgpu_userptr_unmap(map), 0);
		fake_check_empty(&fake);
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	}
	t_equal(amdgpu_userptr_unmap(map), 0);
	end(&fake, ctx);
}

/*
 * The removal of a map from device 0 is late, and until the removal is done the kernel would not
 * close any BO of this device. So another map(), whose memory the kernel refuses, keeps the BOs
 * that it has made. query_caps() and the search for the bad range make no BO meanwhile, because
 * they could not close it.
 */
static void refused_beside_late_map(int error, uint32_t reason)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_attach_args attach = { .size = sizeof(attach), .device = 0 };
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_mapping *late, *map, *refused;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	unsigned int made;

	ctx = begin(&fake, TIMEOUT_NS);
	late = map_all(ctx);
	args.devices = 2;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	fake.devices[0].hangs = true;
	t_equal(amdgpu_userptr_unmap(late), -ETIME);
	fake.bad_addr = ranges[1].cpu_addr;
	fake.bad_error = error;
	made = fake.count[FAKE_USERPTR];
	args.devices = 0;
	watch_deadline(&fake);
	t_equal(amdgpu_userptr_map(ctx, &args, &refused), error);
	t_equal(fake.second_deadline, false);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
	t_equal(args.failed_range, AMDGPU_USERPTR_NONE);
	t_equal(args.failed_reason, reason);
	/* No GPU has seen the memory. */
	t_equal(args.failed_reachable, 0);
	t_equal(fake.count[FAKE_USERPTR], made + num_bos());
	t_equal(amdgpu_userptr_attach(map, &attach), error);
	t_equal(fake.devices[0].open_bos, num_bos() + 2 * (num_bos() - 1));
	t_equal(amdgpu_userptr_detach(map, 0), num_bos() == 1 ? -ENOENT : -ETIME);
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	t_equal(caps.hsa_status, -ETIME);
	t_equal(caps.hsa_reason, AMDGPU_USERPTR_REASON_TIMEOUT);

	fake.devices[0].hangs = false;
	t_equal(amdgpu_userptr_detach(map, 0), num_bos() == 1 ? -ENOENT : 0);
	t_equal(amdgpu_userptr_unmap(late), 0);
	t_equal(fake.devices[0].open_bos, 0);
	t_equal(amdgpu_userptr_unmap(map), 0);
	fake_check_empty(&fake);
	end(&fake, ctx);
}

static struct au_device *busy_device; /* NULL: the other thread has begun, or will not begin */

/* When the library has closed a BO, another thread starts an update, and the GPU hangs. */
static int ioctl_beside_update(void *priv, int fd, unsigned long request, void *arg)
{
	const int ret = fake_ops.ioctl(priv, fd, request, arg);
	struct fake_kernel *fake = priv;

	if (request == DRM_IOCTL_GEM_CLOSE && busy_device) {
		busy_device->timeline_point++;
		fake->devices[0].point++;
		fake->devices[0].hangs = true;
		busy_device = NULL;
	}
	return ret;
}

/* The device begins to hang in the middle of the search for the bad range, so the search ends. */
static void hang_in_search(void)
{
	static const struct amdgpu_userptr_range neighbours[] = {
		{ 1 * PAGE, PAGE, 0, 0 },
		{ 2 * PAGE, PAGE, 0, 0 },
	};
	struct amdgpu_userptr_map_args args = fake_map_args(neighbours, T_ARRAY_SIZE(neighbours));
	struct au_ops ops = fake_ops;
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	ops.ioctl = ioctl_beside_update;
	ctx->ops = &ops;
	busy_device = &ctx->devices[0];
	fake.bad_addr = neighbours[1].cpu_addr;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EFAULT);
	t_assert(!busy_device);
	t_equal(args.failed_range, AMDGPU_USERPTR_NONE);
	t_equal(args.failed_device, 0);
	fake_check_empty(&fake);
	end(&fake, ctx);
}

/*
 * ctx_destroy() starts all removals, and waits for all of them until one deadline. It closes the
 * BOs of the device that works, and gives up the BOs of the device that hangs.
 */
static void destroy_times_out(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	for (unsigned int i = 0; i < 3; i++)
		map = map_all(ctx);
	fake.devices[0].hangs = true;
	t_equal(amdgpu_userptr_unmap(map), -ETIME);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ETIME);
	fake.num_traced = 0;
	watch_deadline(&fake);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), -ETIME);
	for (unsigned int i = 0; i < 2 * NUM_DEVICES; i++)
		t_equal(fake.trace[i], FAKE_CLEAR);
	t_assert(fake.deadline && !fake.second_deadline);
	t_equal(fake.devices[0].open_bos, 4 * num_bos());
	t_equal(fake.devices[1].open_bos, 0);
	t_equal(fake.reservations, 4);
	fake.reservations = 0;
	/* The process ends, so the kernel closes the file. */
	fake.devices[0].open_bos = 0;
	fake_fini(&fake);
}

/*
 * Device 0 is late with both maps. Device 1 has removed the first map, but is late with the second
 * one. ctx_destroy() must not close the BO of the first map on device 1 either, because GEM_CLOSE
 * would wait for the late update.
 */
static void destroy_with_two_late_devices(void)
{
	struct amdgpu_userptr_mapping *first, *second;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	second = map_all(ctx);
	first = map_all(ctx);
	fake.devices[0].hangs = true;
	t_equal(amdgpu_userptr_unmap(first), -ETIME);
	fake.devices[1].hangs = true;
	t_equal(amdgpu_userptr_unmap(second), -ETIME);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), -ETIME);
	for (unsigned int i = 0; i < NUM_DEVICES; i++) {
		t_equal(fake.devices[i].open_bos, 2 * num_bos());
		fake.devices[i].open_bos = 0;
	}
	t_equal(fake.reservations, 2);
	fake.reservations = 0;
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	deadlines();
	map_times_out();
	stats_tell_and_end_late_maps();
	failed_roll_back_stays(true);
	failed_roll_back_stays(false);
	unmap_ends_late_maps();
	refused_beside_late_map(-EFAULT, AMDGPU_USERPTR_REASON_MEMORY);
	refused_beside_late_map(-EPERM, AMDGPU_USERPTR_REASON_OTHER);
	unmap_times_out();
	hang_in_search();
	destroy_times_out();
	destroy_with_two_late_devices();
	return 0;
}
