/* SPDX-License-Identifier: MIT */
/* The kernel refuses to remove VA mappings, for a while or for good. */
#include <limits.h>
#include <time.h>
#include <xf86drm.h>

#include "two_devices.h"

/* The linker's option --wrap sends the library's calls of clock_gettime() here. */
static time_t seconds_passed; /* added to the real time */

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	const int ret = __real_clock_gettime(clock, ts);

	ts->tv_sec += seconds_passed;
	return ret;
}

/* The kernel refuses to remove the mappings for a while, so the library tries again. */
static void removal_is_refused(int error, uint64_t timeout_ns, unsigned int times)
{
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	ctx = begin(&fake, timeout_ns);
	map = map_all(ctx);
	fake.devices[1].refused_clears = times;
	fake.devices[1].clear_error = error;
	t_equal(amdgpu_userptr_unmap(map), 0);
	t_equal(fake.count[FAKE_CLEAR], NUM_DEVICES + times);
	fake_check_empty(&fake);
	end(&fake, ctx);
}

static int slow_ioctl(void *priv, int fd, unsigned long request, void *arg)
{
	if (request == DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT)
		seconds_passed += 10;
	return fake_ops.ioctl(priv, fd, request, arg);
}

/*
 * A reset makes map() fail after a wait of 10 seconds, and in the roll back the kernel refuses the
 * removals for a while. The time for new tries begins with the first refusal, so the wait before
 * must not use it up.
 */
static void removal_is_refused_after_wait(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct au_ops ops = fake_ops;
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, 0);
	ops.ioctl = slow_ioctl;
	ctx->ops = &ops;
	fake.devices[0].reset = true;
	fake.devices[1].refused_clears = 3;
	fake.devices[1].clear_error = -EBUSY;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ECANCELED);
	t_equal(args.failed_reachable, 0);
	t_equal(fake.devices[1].refused_clears, 0);
	fake_check_empty(&fake);
	end(&fake, ctx);
}

/*
 * The kernel goes on refusing the removal. With a time limit unmap() returns -ETIME, and the caller
 * can call it again. Without a limit unmap() returns the kernel's error and keeps the addresses.
 */
static void removal_stays_refused(uint64_t timeout_ns)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;
	uint64_t reachable;

	ctx = begin(&fake, timeout_ns);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	fake.devices[1].refused_clears = UINT_MAX;
	fake.devices[1].clear_error = -ENOMEM;
	/* Without a time limit the library closes mapped BOs, so let the model accept that. */
	fake.failed = !timeout_ns;
	/* A reset makes this map() fail, and the kernel refuses the removals of its roll back. */
	fake.devices[0].reset = true;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ECANCELED);
	t_equal(args.failed_reachable, 2);
	fake.devices[1].refused_clears = 0;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(fake.reservations, 3 - (timeout_ns != 0));

	fake.devices[1].refused_clears = UINT_MAX;
	t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), timeout_ns ? -ETIME : -ENOMEM);
	t_equal(reachable, 2);
	fake.devices[1].refused_clears = 0;
	if (timeout_ns)
		t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), 0);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	t_equal(fake.reservations, timeout_ns ? 0 : 2);
	fake.reservations = 0;
	fake_fini(&fake);
}

/*
 * The kernel goes on refusing the removal at the end of the context. ctx_destroy() must not return
 * the kernel's -ENOMEM, because to the caller this error means that only address space is left.
 */
static void destroy_stays_refused(uint64_t timeout_ns)
{
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, timeout_ns);
	map_all(ctx);
	fake.devices[1].refused_clears = UINT_MAX;
	fake.devices[1].clear_error = -ENOMEM;
	/* Without a time limit the library closes mapped BOs, so let the model accept that. */
	fake.failed = !timeout_ns;
	t_equal(amdgpu_userptr_ctx_destroy(ctx), timeout_ns ? -ETIME : -EIO);
	t_equal(fake.devices[0].open_bos, 0);
	t_equal(fake.devices[1].open_bos, timeout_ns ? num_bos() : 0);
	t_equal(fake.reservations, 1);
	/* The process ends, so the kernel closes the file. */
	fake.devices[1].open_bos = fake.devices[1].num_mappings = 0;
	fake.reservations = 0;
	fake_fini(&fake);
}

/*
 * Each call of ctx_destroy() to the kernel fails once: clear, wait and query on each device, and a
 * close. The context is gone, so ctx_destroy() must not return -EPERM, which would mean that a map
 * is still there.
 */
static void destroy_fails_at_each_call(int error)
{
	for (unsigned int call = 1; call <= 3 * NUM_DEVICES + 1; call++) {
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake, 0);
		map_all(ctx);
		fake.fail_call = call;
		fake.fail_error = error;
		t_equal(amdgpu_userptr_ctx_destroy(ctx), -EIO);
		t_assert(fake.failed);
		t_equal(fake.reservations, call <= 3 * NUM_DEVICES);
		fake.reservations = 0;
		for (unsigned int i = 0; i < NUM_DEVICES; i++) {
			t_equal(fake.devices[i].open_bos, fake.devices[i].failed_closes);
			fake.devices[i].open_bos = 0;
		}
		fake_fini(&fake);
	}
}

/*
 * The removal itself fails with -ETIME. The map is gone, so unmap() must not tell the caller to
 * call again.
 */
static void removal_returns_etime(void)
{
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	map = map_all(ctx);
	fake.fail_call = 1;
	fake.fail_error = -ETIME;
	t_equal(amdgpu_userptr_unmap(map), -EIO);
	t_equal(fake.reservations, 1);
	fake.reservations = 0;
	end(&fake, ctx);
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	removal_is_refused(-ENOMEM, 0, 3);
	removal_is_refused(-EBUSY, 60 * UINT64_C(1000000000), 5);
	removal_is_refused_after_wait();
	removal_stays_refused(0);
	removal_stays_refused(TIMEOUT_NS);
	destroy_stays_refused(0);
	destroy_stays_refused(TIMEOUT_NS);
	destroy_fails_at_each_call(-EPERM);
	destroy_fails_at_each_call(-EIO);
	removal_returns_etime();
	return 0;
}
