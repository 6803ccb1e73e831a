/* SPDX-License-Identifier: MIT */
/* A GPU whose page tables are not up to date in time, or which the driver resets. */
#include <limits.h>
#include <xf86drm.h>

#include "fake_kernel.h"
#include "test.h"

static uint32_t backend;

#define PAGE	    FAKE_CPU_PAGE
#define NUM_DEVICES 2
#define TIMEOUT_NS  UINT64_C(1000000)
#define FIXED_VA    UINT64_C(0x100000000)

static const struct amdgpu_userptr_range ranges[] = {
	{ 1 * PAGE, PAGE, 0, 0 },
	{ 5 * PAGE, PAGE, 0, 0 },
};

static struct amdgpu_userptr_ctx *begin(struct fake_kernel *fake, uint64_t timeout_ns)
{
	fake_init(fake, backend);
	fake->timeout_ns = timeout_ns;
	return fake_ctx(fake, NUM_DEVICES);
}

static uint64_t num_maps(struct amdgpu_userptr_ctx *ctx)
{
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };

	t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
	return stats.mappings;
}

/* A deadline is an absolute time. A context without a limit, or with a huge one, has no deadline.
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

/* BOs of the map of all ranges on one device. */
static unsigned int num_bos(void)
{
	return backend == AMDGPU_USERPTR_BACKEND_SCATTER ? 1 : T_ARRAY_SIZE(ranges);
}

/*
 * The device hangs during the call and its roll back. The BOs and the addresses stay, and have one
 * deadline. Later calls ask again, but do not wait. When the device works again they free them.
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

	/* A map elsewhere on the device that works. */
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
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* A failed map() has left two maps on a device that hangs. unmap() of another map frees them. */
static void unmap_ends_late_maps(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map, *failed;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	fake.devices[0].hangs = true;
	t_equal(amdgpu_userptr_map(ctx, &args, &failed), -ETIME);
	t_equal(amdgpu_userptr_map(ctx, &args, &failed), -ETIME);
	t_equal(fake.reservations, 3);
	t_equal(amdgpu_userptr_unmap(map), -ETIME);
	t_equal(fake.devices[0].open_bos, 3 * num_bos());
	fake.devices[0].hangs = false;
	t_equal(amdgpu_userptr_unmap(map), 0);
	fake_check_empty(&fake);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
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
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/*
 * A map on the device is late, and the kernel would not close any BO of the device until its update
 * is done. So a map() that the kernel refuses keeps the BOs that it has made. Queries and the
 * search for the bad range do not make any.
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
	t_equal(amdgpu_userptr_map(ctx, &args, &late), 0);
	args.devices = 2;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	fake.devices[0].hangs = true;
	t_equal(amdgpu_userptr_unmap(late), -ETIME);
	fake.bad_addr = ranges[1].cpu_addr;
	fake.bad_error = error;
	made = fake.count[FAKE_USERPTR];
	args.devices = 0;
	fake.deadline = 0;
	fake.second_deadline = false;
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
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/*
 * The end of the context starts all removals, and waits for all of them until one deadline. It
 * closes the BOs of the devices that work, and gives up those of the device that hangs.
 */
static void destroy_times_out(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	fake.devices[0].hangs = true;
	t_equal(amdgpu_userptr_unmap(map), -ETIME);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ETIME);
	fake.num_traced = 0;
	fake.deadline = 0;
	fake.second_deadline = false;
	t_equal(amdgpu_userptr_ctx_destroy(ctx), -ETIME);
	for (unsigned int i = 0; i < 2 * NUM_DEVICES; i++)
		t_equal(fake.trace[i], FAKE_CLEAR);
	t_assert(fake.deadline && !fake.second_deadline);
	t_equal(fake.devices[0].open_bos, 4 * num_bos());
	t_equal(fake.devices[1].open_bos, 0);
	t_equal(fake.reservations, 4);
	fake.reservations = 0;
	/* The caller closes the file. */
	fake.devices[0].open_bos = 0;
	fake_fini(&fake);
}

/*
 * One device is late with each map. On the other one the first map is done, but the second is late,
 * so the end of the context must not close the BO of the first map there either.
 */
static void destroy_with_two_late_devices(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *first, *second;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	t_equal(amdgpu_userptr_map(ctx, &args, &second), 0);
	t_equal(amdgpu_userptr_map(ctx, &args, &first), 0);
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

/* The kernel refuses to remove the mappings for a while, so the library tries again. */
static void removal_is_refused(int error, uint64_t timeout_ns, unsigned int times)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	ctx = begin(&fake, timeout_ns);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	fake.devices[1].refused_clears = times;
	fake.devices[1].clear_error = error;
	t_equal(amdgpu_userptr_unmap(map), 0);
	t_equal(fake.count[FAKE_CLEAR], NUM_DEVICES + times);
	fake_check_empty(&fake);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/*
 * The kernel goes on refusing. With a time limit the caller can call again. Without one unmap()
 * returns the error and keeps the addresses.
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
	/* Without a time limit the library closes BOs although their mappings are left. */
	fake.failed = !timeout_ns;
	/* The roll back of this one finds the same. */
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

/* -ETIME of the removal itself is an error like others: the map is gone. */
static void removal_returns_etime(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	ctx = begin(&fake, TIMEOUT_NS);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	fake.fail_call = 1;
	fake.fail_error = -ETIME;
	t_equal(amdgpu_userptr_unmap(map), -EIO);
	t_equal(fake.reservations, 1);
	fake.reservations = 0;
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* The kernel signals the fence of an update that it has cancelled, so only a query shows the reset.
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
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* Two waits run while the GPU is reset. Both must fail, though the kernel tells only one of them.
 */
static void reset_in_two_maps(void)
{
	struct au_updates updates[2] = { 0 };
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	struct au_device *device;

	ctx = begin(&fake, 0);
	device = &ctx->devices[0];
	fake.devices[0].point = 1;
	for (unsigned int i = 0; i < T_ARRAY_SIZE(updates); i++) {
		au_updates_begin(device, &updates[i]);
		updates[i].point = 1;
	}
	fake.devices[0].reset = true;
	for (unsigned int i = 0; i < T_ARRAY_SIZE(updates); i++)
		t_equal(au_va_wait(device, &updates[i], INT64_MAX), -ECANCELED);
	au_updates_begin(device, &updates[0]);
	t_equal(au_va_wait(device, &updates[0], INT64_MAX), 0);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
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
 * The first query for resets has got its answer, but the library has not seen it yet. If the
 * library does not hold its lock, let the other thread's wait run to its end now.
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
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	struct au_device *device;

	ctx = begin(&fake, 0);
	ops.ioctl = racing_ioctl;
	ctx->ops = &ops;
	device = &ctx->devices[0];
	fake.devices[0].point = 1;
	au_updates_begin(device, &updates);
	other_updates = updates;
	updates.point = other_updates.point = 1;
	fake.devices[0].reset = true;
	racing_device = device;
	t_equal(au_va_wait(device, &updates, INT64_MAX), -ECANCELED);
	t_assert(!racing_device);
	if (other_thread)
		t_equal(pthread_join(other_thread, NULL), 0);
	t_equal(other_result, -ECANCELED);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void reset_in_unmap(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	ctx = begin(&fake, 0);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	fake.devices[0].reset = true;
	t_equal(amdgpu_userptr_unmap(map), -ECANCELED);
	/* Page table entries may be left: nobody gets these addresses. */
	t_equal(fake.reservations, 1);
	fake.reservations = 0;
	fake_check_empty(&fake);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	deadlines();
	map_times_out();
	unmap_ends_late_maps();
	refused_beside_late_map(-EFAULT, AMDGPU_USERPTR_REASON_MEMORY);
	refused_beside_late_map(-EPERM, AMDGPU_USERPTR_REASON_OTHER);
	unmap_times_out();
	destroy_times_out();
	destroy_with_two_late_devices();
	removal_is_refused(-ENOMEM, 0, 3);
	removal_is_refused(-EBUSY, 60 * UINT64_C(1000000000), 5);
	removal_stays_refused(0);
	removal_stays_refused(TIMEOUT_NS);
	removal_returns_etime();
	reset_in_map();
	reset_in_two_maps();
	reset_in_two_threads();
	reset_in_unmap();
	return 0;
}
