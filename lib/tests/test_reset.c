/* SPDX-License-Identifier: MIT */
/* The driver resets a GPU, so updates of its page tables may be lost. */
#include <xf86drm.h>

#include "two_devices.h"

#ifdef AMDGPU_CTX_QUERY2_FLAGS_RESET_IN_PROGRESS
static_assert(AMD_CTX_IN_RESET == AMDGPU_CTX_QUERY2_FLAGS_RESET_IN_PROGRESS, "");
#endif

/*
 * The kernel signals the fence of an update that it has cancelled, so only a query shows the reset.
 */
static void reset_in_map(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map = NULL;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, 0);
	fake.devices[1].reset = true;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ECANCELED);
	t_assert(!map);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_WAIT);
	t_equal(args.failed_device, 1);
	fake_check_empty(&fake);
	/* The reset has no effect on later updates. */
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_unmap(map), 0);
	end(&fake, ctx);
}

/*
 * A reset makes map() fail, and goes on for a while. The kernel may drop updates that begin during
 * the reset, so the roll back and the next map() wait for the end of the reset.
 */
static void reset_goes_on(uint64_t timeout_ns)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, timeout_ns);
	fake.devices[1].reset = true;
	fake.devices[1].reset_polls = 3;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ECANCELED);
	t_equal(args.failed_reachable, 0);
	t_equal(fake.devices[1].reset_polls, 0);
	fake_check_empty(&fake);
	fake.devices[1].reset_polls = 3;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(fake.devices[1].reset_polls, 0);
	t_equal(amdgpu_userptr_unmap(map), 0);
	end(&fake, ctx);
}

/*
 * The context is created while a reset is running. The kernel never reports this reset to the
 * context, and may drop updates that begin before the end of the reset. So the first map() waits
 * for this end.
 */
static void reset_at_creation(void)
{
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	fake.devices[1].reset_polls = 3;
	ctx = fake_ctx(&fake, NUM_DEVICES);
	t_assert(fake.devices[1].reset_polls);
	t_equal(amdgpu_userptr_unmap(map_all(ctx)), 0);
	t_equal(fake.devices[1].reset_polls, 0);
	end(&fake, ctx);
}

/*
 * The context is created while a reset is running, and the reset is not over by the deadline. So
 * map() fails before it maps a BO, and leaves nothing behind.
 */
static void reset_at_creation_is_late(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	fake.timeout_ns = TIMEOUT_NS;
	fake.devices[0].reset_polls = UINT_MAX;
	ctx = fake_ctx(&fake, NUM_DEVICES);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ETIME);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_WAIT);
	t_equal(args.failed_device, 0);
	t_equal(args.failed_reachable, 0);
	t_equal(fake.count[FAKE_MAP], 0);
	fake_check_empty(&fake);
	fake.devices[0].reset_polls = 0;
	t_equal(amdgpu_userptr_unmap(map_all(ctx)), 0);
	end(&fake, ctx);
}

/*
 * A reset is not over by the deadline. map() and unmap() are late, and work when the reset is over.
 */
static void reset_is_late(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	uint64_t reachable;

	ctx = begin(&fake, TIMEOUT_NS);
	map = map_all(ctx);
	fake.devices[1].reset = true;
	fake.devices[1].reset_polls = UINT_MAX;
	t_equal(amdgpu_userptr_map(ctx, &args, &(struct amdgpu_userptr_mapping *){ NULL }),
		-ECANCELED);
	t_equal(args.failed_reachable, 2);
	t_equal(fake.devices[1].open_bos, 2 * num_bos());

	t_equal(amdgpu_userptr_map(ctx, &args, &(struct amdgpu_userptr_mapping *){ NULL }), -ETIME);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_WAIT);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_TIMEOUT);
	t_equal(args.failed_device, 1);
	t_equal(args.failed_reachable, 0);
	for (unsigned int i = 0; i < 2; i++) {
		t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), -ETIME);
		t_equal(reachable, 2);
	}
	fake.devices[1].reset_polls = 0;
	t_equal(amdgpu_userptr_unmap(map), 0);
	fake_check_empty(&fake);
	end(&fake, ctx);
}

/*
 * Two waits run while the GPU is reset. Both must fail, although the kernel reports the reset to
 * only one of them.
 */
static void reset_in_two_maps(void)
{
	struct au_updates updates[2] = { 0 };
	struct au_timer timer = { 0 };
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	struct au_device *device;

	ctx = begin(&fake, 0);
	device = &ctx->devices[0];
	fake.devices[0].point = 1;
	for (unsigned int i = 0; i < T_ARRAY_SIZE(updates); i++) {
		t_equal(au_updates_begin(device, &updates[i], &timer), 0);
		updates[i].point = 1;
	}
	fake.devices[0].reset = true;
	for (unsigned int i = 0; i < T_ARRAY_SIZE(updates); i++)
		t_equal(au_va_wait(device, &updates[i], INT64_MAX), -ECANCELED);
	t_equal(au_updates_begin(device, &updates[0], &timer), 0);
	t_equal(au_va_wait(device, &updates[0], INT64_MAX), 0);
	end(&fake, ctx);
}

/* For the test below: another thread's wait, which may run in the middle of a query for resets. */
static struct au_updates other_updates;
static struct au_device *racing_device; /* NULL: the race is over, or has not begun */
static pthread_t other_thread;
static int other_result;

static void *wait_in_other_thread(void *device)
{
	other_result = au_va_wait(device, &other_updates, INT64_MAX);
	return NULL;
}

/*
 * Start the other thread when the first query for resets has its answer, but the library has not
 * seen the answer yet. If the library does not hold device->resets_lock, let the other thread's
 * wait run to its end now, so that it misses the reset.
 */
static int racing_ioctl(void *priv, int fd, unsigned long request, void *arg)
{
	const bool query = request == DRM_IOCTL_AMDGPU_CTX &&
			   ((union drm_amdgpu_ctx *)arg)->in.op == AMDGPU_CTX_OP_QUERY_STATE;
	struct au_device *device = racing_device;
	const int ret = fake_ops.ioctl(priv, fd, request, arg);

	if (!query || !device)
		return ret;
	racing_device = NULL;
	t_equal(pthread_create(&other_thread, NULL, wait_in_other_thread, device), 0);
	if (!pthread_mutex_trylock(&device->resets_lock)) {
		pthread_mutex_unlock(&device->resets_lock);
		t_equal(pthread_join(other_thread, NULL), 0);
		other_thread = 0;
	}
	return ret;
}

/* Two threads wait. One gets the report of a reset, and the other must not miss it. */
static void reset_in_two_threads(void)
{
	struct au_ops ops = fake_ops;
	struct au_updates updates = { 0 };
	struct au_timer timer = { 0 };
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	struct au_device *device;

	ctx = begin(&fake, 0);
	ops.ioctl = racing_ioctl;
	ctx->ops = &ops;
	device = &ctx->devices[0];
	fake.devices[0].point = 1;
	t_equal(au_updates_begin(device, &updates, &timer), 0);
	other_updates = updates;
	updates.point = other_updates.point = 1;
	fake.devices[0].reset = true;
	racing_device = device;
	t_equal(au_va_wait(device, &updates, INT64_MAX), -ECANCELED);
	t_assert(!racing_device);
	if (other_thread)
		t_equal(pthread_join(other_thread, NULL), 0);
	t_equal(other_result, -ECANCELED);
	end(&fake, ctx);
}

/*
 * For the test below: @polls counts the library's questions whether a reset of device 1 is over.
 * @mappings_at_poll is the number of mappings on device 0 at the second question.
 */
static unsigned int polls, mappings_at_poll;

static int polled_ioctl(void *priv, int fd, unsigned long request, void *arg)
{
	const struct fake_kernel *fake = priv;

	if (request == DRM_IOCTL_AMDGPU_CTX &&
	    ((union drm_amdgpu_ctx *)arg)->in.op == AMDGPU_CTX_OP_QUERY_STATE2 && ++polls == 2)
		mappings_at_poll = fake->devices[0].num_mappings;
	return fake_ops.ioctl(priv, fd, request, arg);
}

/* While one GPU is in a reset, the other one already removes the mapping. */
static void reset_delays_no_other_device(uint64_t timeout_ns)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct au_ops ops = fake_ops;
	struct amdgpu_userptr_mapping *map, *failed;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, timeout_ns);
	map = map_all(ctx);
	fake.devices[1].reset = true;
	t_equal(amdgpu_userptr_map(ctx, &args, &failed), -ECANCELED);
	ops.ioctl = polled_ioctl;
	ctx->ops = &ops;
	fake.devices[1].reset_polls = 4;
	polls = 0;
	mappings_at_poll = UINT_MAX;
	t_equal(amdgpu_userptr_unmap(map), 0);
	t_assert(polls > 4);
	t_equal(mappings_at_poll, 0);
	fake_check_empty(&fake);
	end(&fake, ctx);
}

static void reset_in_unmap(void)
{
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	ctx = begin(&fake, 0);
	map = map_all(ctx);
	fake.devices[0].reset = true;
	t_equal(amdgpu_userptr_unmap(map), -ECANCELED);
	/* Page table entries may be left, so nobody may get these addresses. */
	t_equal(fake.reservations, 1);
	fake.reservations = 0;
	fake_check_empty(&fake);
	end(&fake, ctx);
}

/* A reset during ctx_destroy(): page table entries may be left, so the addresses stay reserved. */
static void reset_in_destroy(void)
{
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, 0);
	map_all(ctx);
	fake.devices[0].reset = true;
	t_equal(amdgpu_userptr_ctx_destroy(ctx), -ECANCELED);
	t_equal(fake.reservations, 1);
	fake.reservations = 0;
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	reset_in_map();
	reset_goes_on(0);
	reset_goes_on(60 * UINT64_C(1000000000));
	reset_at_creation();
	reset_at_creation_is_late();
	reset_is_late();
	reset_in_two_maps();
	reset_in_two_threads();
	reset_delays_no_other_device(0);
	reset_delays_no_other_device(60 * UINT64_C(1000000000));
	reset_in_unmap();
	reset_in_destroy();
	return 0;
}
