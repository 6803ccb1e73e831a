/* SPDX-License-Identifier: MIT */
/*
 * The rule of sizes, for each struct that begins with its size and each function that takes it: the
 * first published size and all larger ones are good as long as the part that the library does not
 * know is zero.
 */
#include "fake_kernel.h"
#include "test.h"

static uint32_t backend;

#define PAGE	FAKE_CPU_PAGE
/* Larger than all structs. A size above LARGEST is garbage. */
#define ROOM	8192
#define LARGEST 4096

static const struct amdgpu_userptr_range range = { PAGE, PAGE, 0, 0 };
static const int fd = FAKE_FIRST_FD;

/* A caller's struct, and the objects that a call may need. */
struct call {
	struct fake_kernel fake;
	struct amdgpu_userptr_ctx *ctx;	    /* of two devices; ctx_create() makes its own */
	struct amdgpu_userptr_mapping *map; /* on the first device */
	uint64_t va;
	_Alignas(uint64_t) unsigned char bytes[ROOM];
};

static void fill_ctx_args(struct call *call)
{
	const struct amdgpu_userptr_ctx_args args = { .fds = &fd, .num_devices = 1 };

	memcpy(call->bytes, &args, sizeof(args));
}

static int ctx_create(struct call *call)
{
	const struct amdgpu_userptr_ctx_args *args = (const void *)call->bytes;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	int ret;

	fake_init(&fake, backend);
	ret = au_ctx_create(args, &fake_ops, &fake, &ctx);
	if (!ret)
		t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
	return ret;
}

static int query_caps(struct call *call)
{
	return amdgpu_userptr_query_caps(call->ctx, (void *)call->bytes);
}

static void fill_map_args(struct call *call)
{
	const struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);

	memcpy(call->bytes, &args, sizeof(args));
}

static int map(struct call *call)
{
	struct amdgpu_userptr_mapping *new;
	int ret = amdgpu_userptr_map(call->ctx, (void *)call->bytes, &new);

	if (!ret)
		t_equal(amdgpu_userptr_unmap(new), 0);
	return ret;
}

static void fill_attach_args(struct call *call)
{
	const struct amdgpu_userptr_attach_args args = { .device = 1 };

	memcpy(call->bytes, &args, sizeof(args));
}

static int attach(struct call *call)
{
	int ret = amdgpu_userptr_attach(call->map, (void *)call->bytes);

	if (!ret)
		t_equal(amdgpu_userptr_detach(call->map, 1), 0);
	return ret;
}

static int query(struct call *call)
{
	return amdgpu_userptr_query(call->ctx, call->va, (void *)call->bytes);
}

static int query_cpu(struct call *call)
{
	return amdgpu_userptr_query_cpu(call->ctx, (void *)PAGE, 0, (void *)call->bytes);
}

static int query_stats(struct call *call)
{
	return amdgpu_userptr_query_stats(call->ctx, (void *)call->bytes);
}

static void fill_watch_args(struct call *call)
{
	const struct amdgpu_userptr_watch_args args = {
		.kfd_fd = FAKE_KFD_FD,
		.gpu_id = FAKE_FIRST_GPU,
	};

	memcpy(call->bytes, &args, sizeof(args));
}

static int watch_evictions(struct call *call)
{
	int ret = amdgpu_userptr_watch_evictions(call->ctx, (void *)call->bytes);

	if (!ret)
		au_smi_close(&call->ctx->devices[0]);
	return ret;
}

static int query_evictions(struct call *call)
{
	struct amdgpu_userptr_watch_args args = {
		.size = sizeof(args),
		.kfd_fd = FAKE_KFD_FD,
		.gpu_id = FAKE_FIRST_GPU,
	};
	int ret;

	t_equal(amdgpu_userptr_watch_evictions(call->ctx, &args), 0);
	ret = amdgpu_userptr_query_evictions(call->ctx, (void *)call->bytes);
	au_smi_close(&call->ctx->devices[0]);
	return ret;
}

static int hdp_flush(struct call *call)
{
	return amdgpu_userptr_hdp_flush(call->ctx, (const void *)call->bytes);
}

static int query_hdp(struct call *call)
{
	return amdgpu_userptr_query_hdp(call->ctx, (void *)call->bytes);
}

static const struct function {
	int (*call)(struct call *call);
	void (*fill)(struct call *call); /* NULL: with zeros */
	size_t first, known;		 /* the first published size, and the size now */
} functions[] = {
#define SIZES(type, behind_first) \
	offsetof(struct amdgpu_userptr_##type, behind_first), sizeof(struct amdgpu_userptr_##type)
#define ONE_SIZE(type) sizeof(struct amdgpu_userptr_##type), sizeof(struct amdgpu_userptr_##type)
	{ ctx_create, fill_ctx_args, SIZES(ctx_args, timeout_ns) },
	{ query_caps, NULL, SIZES(caps, map_flags) },
	{ map, fill_map_args, SIZES(map_args, devices) },
	{ attach, fill_attach_args, ONE_SIZE(attach_args) },
	{ query, NULL, SIZES(info, gpu_va) },
	{ query_cpu, NULL, SIZES(info, gpu_va) },
	{ query_stats, NULL, SIZES(stats, scatter_bos) },
	{ watch_evictions, fill_watch_args, ONE_SIZE(watch_args) },
	{ query_evictions, NULL, ONE_SIZE(evictions) },
	{ hdp_flush, NULL, ONE_SIZE(hdp_flush_args) },
	{ query_hdp, NULL, ONE_SIZE(hdp) },
};

/*
 * Call with a struct of @size bytes whose byte at @garbage is not zero (0: all are zero). After an
 * error the library must not have written to the struct, and in no case behind @size or behind the
 * part that it knows.
 */
static void expect_of_all(struct call *call, const struct function *function, uint32_t size,
			  size_t garbage, int expected)
{
	const size_t end = size < function->known ? size : function->known;
	unsigned char before[ROOM];

	memset(call->bytes, 0, sizeof(call->bytes));
	if (function->fill)
		function->fill(call);
	memset(call->bytes + end, 0, ROOM - end);
	if (size < ROOM)
		memset(call->bytes + size, 0x5a, ROOM - size);
	memcpy(call->bytes, &size, sizeof(size));
	if (garbage)
		call->bytes[garbage] = 1;
	memcpy(before, call->bytes, sizeof(before));
	t_equal(function->call(call), expected);
	t_assert(!memcmp(call->bytes + end, before + end, ROOM - end));
	t_assert(!memcmp(call->bytes, before, expected ? ROOM : sizeof(size)));
}

static void check_sizes(struct call *call, const struct function *function)
{
	expect_of_all(call, function, function->first, 0, 0);
	expect_of_all(call, function, function->known, 0, 0);
	expect_of_all(call, function, function->known + 8, 0, 0);
	expect_of_all(call, function, LARGEST, 0, 0);
	expect_of_all(call, function, 0, 0, -EINVAL);
	expect_of_all(call, function, sizeof(uint32_t), 0, -EINVAL);
	expect_of_all(call, function, function->first - 1, 0, -EINVAL);
	expect_of_all(call, function, function->known + 8, function->known, -E2BIG);
	expect_of_all(call, function, function->known + 8, function->known + 7, -E2BIG);
	expect_of_all(call, function, LARGEST, LARGEST - 1, -E2BIG);
	expect_of_all(call, function, LARGEST + 1, 0, -E2BIG);
	expect_of_all(call, function, UINT32_MAX, 0, -E2BIG);
}

/*
 * In this test and the other older_*() tests the caller has the first version of a struct. The
 * library writes nothing behind that struct, and takes members that the struct lacks as 0. It
 * refuses a struct that is smaller than the first version.
 */
static void older_stats(void)
{
	const uint64_t untouched = UINT64_C(0x5a5a5a5a5a5a5a5a);
	struct amdgpu_userptr_stats stats = {
		.size = offsetof(struct amdgpu_userptr_stats, scatter_bos),
		.scatter_bos = untouched,
	};
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
	t_equal(stats.ioctls, fake.calls);
	t_equal(stats.scatter_bos, untouched);
	stats.size--;
	t_equal(amdgpu_userptr_query_stats(ctx, &stats), -EINVAL);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void older_caps(void)
{
	struct amdgpu_userptr_caps caps = {
		.size = offsetof(struct amdgpu_userptr_caps, map_flags),
		.map_flags = UINT32_MAX,
	};
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	t_equal(caps.va_max, FAKE_VA_MAX);
	t_equal(caps.map_flags, UINT32_MAX);
	caps.size--;
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), -EINVAL);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* Without @devices the map is on all devices. */
static void older_map_args(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 2);
	args.size = offsetof(struct amdgpu_userptr_map_args, devices);
	args.devices = UINT64_MAX;
	args.failed_reachable = UINT64_MAX;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(fake_translate(&fake, 1, args.gpu_va), range.cpu_addr);
	t_equal(args.failed_reachable, UINT64_MAX);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void older_info(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
	struct amdgpu_userptr_info info = {
		.size = offsetof(struct amdgpu_userptr_info, gpu_va),
		.gpu_va = UINT64_MAX,
	};
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_query(ctx, args.gpu_va, &info), 0);
	t_equal(info.cpu_addr, range.cpu_addr);
	t_equal(info.gpu_va, UINT64_MAX);
	info.size--;
	t_equal(amdgpu_userptr_query(ctx, args.gpu_va, &info), -EINVAL);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* Without @timeout_ns there is no time limit. */
static void older_ctx_args(void)
{
	struct amdgpu_userptr_ctx_args args = {
		.size = offsetof(struct amdgpu_userptr_ctx_args, timeout_ns),
		.fds = &fd,
		.num_devices = 1,
		.timeout_ns = 1,
	};
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	t_equal(au_ctx_create(&args, &fake_ops, &fake, &ctx), 0);
	t_equal(au_deadline(ctx), INT64_MAX);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	args.size--;
	t_equal(au_ctx_create(&args, &fake_ops, &fake, &ctx), -EINVAL);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static struct call call;
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);

	backend = fake_backend(argc, argv);
	fake_init(&call.fake, backend);
	call.ctx = fake_ctx(&call.fake, 2);
	args.devices = 1;
	t_equal(amdgpu_userptr_map(call.ctx, &args, &call.map), 0);
	call.va = args.gpu_va;
	for (size_t i = 0; i < T_ARRAY_SIZE(functions); i++)
		check_sizes(&call, &functions[i]);
	t_equal(amdgpu_userptr_ctx_destroy(call.ctx), 0);
	fake_fini(&call.fake);
	older_stats();
	older_caps();
	older_map_args();
	older_info();
	older_ctx_args();
	return 0;
}
