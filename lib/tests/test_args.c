/* SPDX-License-Identifier: MIT */
/* The library refuses bad arguments before the first ioctl, and writes only the failed_* fields. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"

static uint32_t backend;

#define PAGE FAKE_CPU_PAGE

static const struct amdgpu_userptr_range good_range = { PAGE, PAGE, 0, 0 };
static const struct amdgpu_userptr_range odd_range = { PAGE, PAGE / 2, 0, 0 };
static const struct amdgpu_userptr_range null_range = { 0, PAGE, 0, 0 };
static const struct amdgpu_userptr_range high_range = { -PAGE, PAGE, 0, 0 };
static const struct amdgpu_userptr_range huge_range = { PAGE, UINT64_C(1) << 63, 0, 0 };
static const struct amdgpu_userptr_range large_range = { PAGE, FAKE_VA_MAX, 0, 0 };

/* Members of the arguments that differ from a good call. */
static const struct bad_map {
	int error;
	uint32_t flags, va_mode, va_flags;
	uint64_t fixed_va, alignment;
	const struct amdgpu_userptr_range *ranges;
	uint32_t num_ranges;
	uint32_t failed_range, failed_device;
} bad_maps[] = {
#define NONE  AMDGPU_USERPTR_NONE
#define FIXED AMDGPU_USERPTR_VA_FIXED
	{ -EINVAL, 1u << 5, 0, 0, 0, 0, &good_range, 1, NONE, NONE },
	{ -EINVAL, 1u << 31, 0, 0, 0, 0, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, 3, 0, 0, 0, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, UINT32_MAX, 0, 0, 0, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, 0, AMDGPU_VM_DELAY_UPDATE, 0, 0, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, 0, AMDGPU_VM_PAGE_PRT, 0, 0, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, 0, 1u << 31, 0, 0, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, 0, 0, PAGE, 0, &good_range, 1, NONE, NONE },
	/* VA_ALLOC needs a context that was created from a libdrm handle. */
	{ -EINVAL, 0, AMDGPU_USERPTR_VA_ALLOC, 0, 0, 0, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, 0, 0, 0, PAGE + 1, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, 0, 0, 0, 3 * PAGE, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, 0, 0, 0, PAGE / 2, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, FIXED, 0, FAKE_VA_MIN + 1, 0, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, FIXED, 0, FAKE_VA_MIN + PAGE, 2 * PAGE, &good_range, 1, NONE, NONE },
	{ -EINVAL, 0, 0, 0, 0, 0, NULL, 1, NONE, NONE },
	{ -EINVAL, 0, 0, 0, 0, 0, &good_range, 0, NONE, NONE },
	{ -E2BIG, 0, 0, 0, 0, 0, &good_range, AU_MAX_RANGES + 1, NONE, NONE },
	{ -E2BIG, 0, 0, 0, 0, 0, &good_range, UINT32_MAX, NONE, NONE },
	{ -EINVAL, 0, 0, 0, 0, 0, &odd_range, 1, 0, NONE },
	{ -EINVAL, 0, 0, 0, 0, 0, &null_range, 1, 0, NONE },
	{ -EOVERFLOW, 0, 0, 0, 0, 0, &high_range, 1, 0, NONE },
	/* The range is larger than the GPU address space. */
	{ -ERANGE, 0, 0, 0, 0, 0, &huge_range, 1, NONE, 0 },
	{ -ERANGE, 0, 0, 0, 0, 0, &large_range, 1, NONE, 0 },
	/* Below, between and above the two halves of GPU addresses, and at the end of 64 bits. */
	{ -ERANGE, 0, FIXED, 0, 0, 0, &good_range, 1, NONE, 0 },
	{ -ERANGE, 0, FIXED, 0, FAKE_VA_MIN - PAGE, 0, &good_range, 1, NONE, 0 },
	{ -ERANGE, 0, FIXED, 0, FAKE_VA_MAX, 0, &good_range, 1, NONE, 0 },
	{ -ERANGE, 0, FIXED, 0, FAKE_HIGH_VA_MIN - PAGE, 0, &good_range, 1, NONE, 0 },
	{ -ERANGE, 0, FIXED, 0, FAKE_HIGH_VA_MAX, 0, &good_range, 1, NONE, 0 },
	{ -ERANGE, 0, FIXED, 0, -PAGE, 0, &good_range, 1, NONE, 0 },
};

static void map_refuses(void)
{
	struct amdgpu_userptr_mapping *map = (void *)1;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	unsigned int calls;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 2);
	calls = fake.calls;
	for (size_t i = 0; i < T_ARRAY_SIZE(bad_maps); i++) {
		const struct bad_map *bad = &bad_maps[i];
		struct amdgpu_userptr_map_args args = {
			.size = sizeof(args),
			.flags = bad->flags,
			.va_mode = bad->va_mode,
			.va_flags = bad->va_flags,
			.fixed_va = bad->fixed_va,
			.alignment = bad->alignment,
			.ranges = bad->ranges,
			.num_ranges = bad->num_ranges,
			.range_stride = sizeof(struct amdgpu_userptr_range),
		};
		struct amdgpu_userptr_map_args expected = args;

		expected.failed_range = bad->failed_range;
		expected.failed_device = bad->failed_device;
		expected.failed_stage = AMDGPU_USERPTR_STAGE_VALIDATE;
		expected.failed_reason = bad->error == -ERANGE ? AMDGPU_USERPTR_REASON_NO_ADDRESSES
							       : AMDGPU_USERPTR_REASON_ARGUMENT;
		if (bad->ranges == &odd_range || bad->fixed_va == FAKE_VA_MIN + 1)
			expected.failed_reason = AMDGPU_USERPTR_REASON_GRANULARITY;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), bad->error);
		t_assert(!memcmp(&args, &expected, sizeof(args)));
		t_assert(map == (void *)1);
	}
	t_equal(fake.calls, calls);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* A struct may be larger than the known one, if the rest is zero. */
static void struct_sizes(void)
{
	struct {
		struct amdgpu_userptr_map_args args;
		uint64_t newer;
	} larger = {
		.args = {
			.size = sizeof(larger),
			.ranges = &good_range,
			.num_ranges = 1,
			.range_stride = sizeof(struct amdgpu_userptr_range),
		},
	};
	struct amdgpu_userptr_map_args *args = &larger.args, before;
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_map(ctx, args, &map), 0);
	larger.newer = 1;
	before = *args;
	t_equal(amdgpu_userptr_map(ctx, args, &map), -E2BIG);
	t_assert(!memcmp(args, &before, sizeof(before)));
	args->size = UINT32_MAX;
	t_equal(amdgpu_userptr_map(ctx, args, &map), -E2BIG);
	args->size = offsetof(struct amdgpu_userptr_map_args, devices) - 1;
	t_equal(amdgpu_userptr_map(ctx, args, &map), -EINVAL);
	args->size = 0;
	t_equal(amdgpu_userptr_map(ctx, args, &map), -EINVAL);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* Ranges of a newer header may be larger, if the rest is zero. */
static void range_strides(void)
{
	struct {
		struct amdgpu_userptr_range range;
		uint64_t newer;
	} larger[2] = { { { 1 * PAGE, PAGE, 0, 0 }, 0 }, { { 5 * PAGE, PAGE, 0, 0 }, 0 } };
	struct amdgpu_userptr_map_args args = fake_map_args(&larger[0].range, 2);
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	unsigned int calls;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	args.range_stride = sizeof(larger[0]);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(fake_translate(&fake, 0, args.gpu_va), PAGE);
	t_equal(fake_translate(&fake, 0, args.gpu_va + PAGE), 5 * PAGE);
	t_equal(amdgpu_userptr_unmap(map), 0);

	calls = fake.calls;
	larger[1].newer = 1;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -E2BIG);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
	t_equal(args.failed_range, 1);
	larger[1].newer = 0;
	args.range_stride = 0;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
	args.range_stride = sizeof(struct amdgpu_userptr_range) - 8;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
	args.range_stride = sizeof(struct amdgpu_userptr_range) + 4;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
	t_equal(fake.calls, calls);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void null_pointers(void)
{
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_info info = { .size = sizeof(info) };
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };
	struct amdgpu_userptr_map_args args = { .size = sizeof(args) };
	struct amdgpu_userptr_attach_args attach = { .size = sizeof(attach) };
	struct amdgpu_userptr_range range;
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;
	uint64_t offset;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_ctx_create(NULL, &ctx), -EINVAL);
	t_equal(amdgpu_userptr_map(NULL, &args, &map), -EINVAL);
	t_equal(amdgpu_userptr_map(ctx, NULL, &map), -EINVAL);
	t_equal(amdgpu_userptr_map(ctx, &args, NULL), -EINVAL);
	t_equal(amdgpu_userptr_query_caps(NULL, &caps), -EINVAL);
	t_equal(amdgpu_userptr_query_caps(ctx, NULL), -EINVAL);
	t_equal(amdgpu_userptr_query(NULL, 0, &info), -EINVAL);
	t_equal(amdgpu_userptr_query(ctx, 0, NULL), -EINVAL);
	t_equal(amdgpu_userptr_query_cpu(NULL, &range, 0, &info), -EINVAL);
	t_equal(amdgpu_userptr_query_cpu(ctx, &range, 0, NULL), -EINVAL);
	t_equal(amdgpu_userptr_query_stats(NULL, &stats), -EINVAL);
	t_equal(amdgpu_userptr_query_stats(ctx, NULL), -EINVAL);
	t_equal(amdgpu_userptr_range_cover(NULL, &range, 1, &range, &offset), -EINVAL);
	t_equal(amdgpu_userptr_range_cover(ctx, &range, 1, NULL, &offset), -EINVAL);
	t_equal(amdgpu_userptr_range_cover(ctx, &range, 1, &range, NULL), -EINVAL);
	t_equal(amdgpu_userptr_unmap(NULL), 0);
	t_equal(amdgpu_userptr_unmap_reachable(NULL, NULL), 0);
	t_equal(amdgpu_userptr_unmap_reachable(NULL, &offset), 0);
	t_equal(offset, 0);
	t_equal(amdgpu_userptr_attach(NULL, &attach), -EINVAL);
	t_equal(amdgpu_userptr_detach(NULL, 0), -EINVAL);
	t_equal(amdgpu_userptr_ctx_destroy(NULL), 0);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void queries_refuse(void)
{
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps), .device = 1 };
	struct amdgpu_userptr_info info = { .size = 0 };
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats), .reserved = 1 };
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_range range;
	struct fake_kernel fake;
	uint64_t offset;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), -EINVAL);
	t_equal(amdgpu_userptr_query(ctx, 0, &info), -EINVAL);
	t_equal(amdgpu_userptr_query_stats(ctx, &stats), -EINVAL);
	t_equal(amdgpu_userptr_range_cover(ctx, &range, 0, &range, &offset), -EINVAL);
	t_equal(amdgpu_userptr_range_cover(ctx, (void *)UINTPTR_MAX, 2, &range, &offset),
		-EOVERFLOW);
	t_equal(amdgpu_userptr_range_cover(ctx, (void *)(uintptr_t)-PAGE, 1, &range, &offset),
		-EOVERFLOW);
	t_equal(amdgpu_userptr_range_cover(ctx, (void *)(uintptr_t)(PAGE + 5), 1, &range, &offset),
		0);
	t_equal(range.cpu_addr, PAGE);
	t_equal(range.size, PAGE);
	t_equal(offset, 5);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* Each stage has a word of its own. */
static void stage_names(void)
{
	for (uint32_t i = 0; i <= AMDGPU_USERPTR_STAGE_WAIT; i++) {
		const char *name = amdgpu_userptr_stage_name(i);

		t_assert(*name && strcmp(name, "unknown"));
		for (uint32_t j = 0; j < i; j++)
			t_assert(strcmp(name, amdgpu_userptr_stage_name(j)));
	}
	t_assert(!strcmp(amdgpu_userptr_stage_name(AMDGPU_USERPTR_STAGE_WAIT), "wait"));
	t_assert(!strcmp(amdgpu_userptr_stage_name(AMDGPU_USERPTR_STAGE_WAIT + 1), "unknown"));
	t_assert(!strcmp(amdgpu_userptr_stage_name(UINT32_MAX), "unknown"));
}

static int create(struct fake_kernel *fake, const amdgpu_device_handle *devices, const int *fds,
		  uint32_t num_devices, uint32_t flags, uint32_t wanted)
{
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.flags = flags,
		.devices = devices,
		.fds = fds,
		.num_devices = num_devices,
		.backend = wanted,
	};
	struct amdgpu_userptr_ctx *ctx;

	return au_ctx_create(&args, &fake_ops, fake, &ctx);
}

static void ctx_create_refuses(void)
{
	const int fds[] = { FAKE_FIRST_FD, FAKE_FIRST_FD + 1, FAKE_FIRST_FD };
	const int bad_fd = -1;
	struct fake_kernel fake;
	const amdgpu_device_handle handle = (amdgpu_device_handle)&fake.devices[0];
	const amdgpu_device_handle same[] = { handle, handle };
	const amdgpu_device_handle no_handle = NULL;

	fake_init(&fake, backend);
	t_equal(create(&fake, NULL, NULL, 1, 0, 0), -EINVAL);
	t_equal(create(&fake, &handle, fds, 1, 0, 0), -EINVAL);
	t_equal(create(&fake, NULL, fds, 0, 0, 0), -EINVAL);
	t_equal(create(&fake, NULL, fds, AMDGPU_USERPTR_MAX_DEVICES + 1, 0, 0), -EINVAL);
	t_equal(create(&fake, NULL, fds, 3, 0, 0), -EINVAL);
	t_equal(create(&fake, same, NULL, 2, 0, 0), -EINVAL);
	t_equal(create(&fake, NULL, &bad_fd, 1, 0, 0), -EINVAL);
	t_equal(create(&fake, &no_handle, NULL, 1, 0, 0), -EINVAL);
	t_equal(create(&fake, NULL, fds, 1, 1, 0), -EINVAL);
	t_equal(create(&fake, NULL, fds, 1, 0, AMDGPU_USERPTR_BACKEND_RANGES + 1), -EINVAL);
	t_equal(create(&fake, NULL, fds, 1, 0, UINT32_MAX), -EINVAL);
	/* Two different files of one render node. */
	fake.one_node = true;
	t_equal(create(&fake, NULL, fds, 2, 0, 0), -EINVAL);
	fake.one_node = false;
	t_equal(fake.calls, 0);

	/* Drivers with other names, also similar ones. */
	fake.driver = "amdgpux";
	t_equal(create(&fake, NULL, fds, 1, 0, 0), -ENODEV);
	fake.driver = "amdgp";
	t_equal(create(&fake, NULL, fds, 1, 0, 0), -ENODEV);
	fake.driver = "i915";
	t_equal(create(&fake, NULL, fds, 1, 0, 0), -ENODEV);
	fake_fini(&fake);
}

/* On the real kernel: the library's own page is not from the heap, and it is gone afterwards. */
static void own_page(void)
{
	const uint64_t size = sysconf(_SC_PAGESIZE);
	uint64_t addr;

	t_equal(au_kernel_ops.page_get(NULL, size, &addr), 0);
	t_assert(addr && !(addr & (size - 1)));
	*(volatile char *)(uintptr_t)addr = 1;
	t_assert(!msync((void *)(uintptr_t)addr, size, MS_ASYNC));
	au_kernel_ops.page_put(NULL, addr, size);
	t_assert(msync((void *)(uintptr_t)addr, size, MS_ASYNC) && errno == ENOMEM);
}

/* On the real kernel: files of one device have the same ID, and only device files have one. */
static void device_ids(void)
{
	int null = open("/dev/null", O_RDWR), same = dup(null), zero = open("/dev/zero", O_RDWR);
	int other = open("/dev/null", O_RDONLY), regular = fileno(tmpfile());
	uint64_t id, another;

	t_equal(au_kernel_ops.device_id(NULL, null, &id), 0);
	t_equal(au_kernel_ops.device_id(NULL, same, &another), 0);
	t_equal(id, another);
	t_equal(au_kernel_ops.device_id(NULL, other, &another), 0);
	t_equal(id, another);
	t_equal(au_kernel_ops.device_id(NULL, zero, &another), 0);
	t_assert(id != another);
	t_equal(au_kernel_ops.device_id(NULL, regular, &id), -ENODEV);
	t_assert(!close(zero));
	t_equal(au_kernel_ops.device_id(NULL, zero, &id), -EBADF);
}

static void reasons(void)
{
	static const struct {
		int error;
		uint32_t stage;
		int probe;
		uint32_t reason;
	} cases[] = {
#define V	     AMDGPU_USERPTR_STAGE_VALIDATE
#define R	     AMDGPU_USERPTR_STAGE_VA_RESERVE
#define U	     AMDGPU_USERPTR_STAGE_USERPTR
#define M	     AMDGPU_USERPTR_STAGE_VA_MAP
#define W	     AMDGPU_USERPTR_STAGE_WAIT
#define REASON(name) AMDGPU_USERPTR_REASON_##name
		{ 0, AMDGPU_USERPTR_STAGE_NONE, 0, REASON(NONE) },
		{ -E2BIG, V, 0, REASON(ARGUMENT) },
		{ -ENOMEM, V, 0, REASON(NO_MEMORY) },
		{ -ENOMEM, R, 0, REASON(NO_ADDRESSES) },
		{ -ERANGE, R, 0, REASON(NO_ADDRESSES) },
		{ -EEXIST, R, 0, REASON(ADDRESS_IN_USE) },
		{ -EINVAL, U, 0, REASON(KERNEL_TOO_OLD) },
		{ -EOPNOTSUPP, U, 0, REASON(NO_KFD_VM) },
		{ -EPERM, U, -EPERM, REASON(FOREIGN_VM) },
		{ -EPERM, U, 0, REASON(MEMORY) },
		/* The probe failed, so the reason can be FOREIGN_VM or MEMORY. */
		{ -EPERM, U, -ENOMEM, REASON(OTHER) },
		{ -EFAULT, U, 0, REASON(MEMORY) },
		{ -EHWPOISON, U, 0, REASON(MEMORY) },
		{ -EADDRINUSE, U, 0, REASON(SVM) },
		{ -EPROTO, U, 0, REASON(XNACK) },
		{ -E2BIG, U, 0, REASON(LIMIT) },
		{ -EDQUOT, U, 0, REASON(KFD_LIMIT) },
		{ -EBUSY, U, 0, REASON(BUSY) },
		{ -ENOMEM, U, 0, REASON(NO_MEMORY) },
		{ -ESRCH, U, 0, REASON(OTHER) },
		{ -EINVAL, M, 0, REASON(ADDRESS_IN_USE) },
		{ -EBUSY, M, 0, REASON(BUSY) },
		{ -ENODEV, M, 0, REASON(OTHER) },
		{ -ETIME, W, 0, REASON(TIMEOUT) },
		{ -ECANCELED, W, 0, REASON(RESET) },
		{ -EINVAL, W, 0, REASON(OTHER) },
	};

	for (size_t i = 0; i < T_ARRAY_SIZE(cases); i++)
		t_equal(au_reason(cases[i].error, cases[i].stage, cases[i].probe), cases[i].reason);
	for (uint32_t i = 0; i <= AMDGPU_USERPTR_REASON_KFD_LIMIT; i++)
		t_assert(strcmp(amdgpu_userptr_reason_text(i), "unknown"));
	t_assert(!strcmp(amdgpu_userptr_reason_text(AMDGPU_USERPTR_REASON_KFD_LIMIT + 1),
			 "unknown"));
	t_assert(!strcmp(amdgpu_userptr_reason_text(UINT32_MAX), "unknown"));
}

/* The header, the library and the build have the same version. */
static void version(void)
{
	char text[32];

	t_equal(amdgpu_userptr_version(), AMDGPU_USERPTR_VERSION);
	snprintf(text, sizeof(text), "%u.%u.%u", AMDGPU_USERPTR_VERSION_MAJOR,
		 AMDGPU_USERPTR_VERSION_MINOR, AMDGPU_USERPTR_VERSION_PATCH);
	t_assert(!strcmp(text, PROJECT_VERSION));
	t_assert(AMDGPU_USERPTR_MAKE_VERSION(1, 0, 0) > AMDGPU_USERPTR_MAKE_VERSION(0, 255, 255));
}

static void expect_status(struct fake_kernel *fake, int error, uint32_t reason)
{
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.ranges = &good_range,
		.num_ranges = 1,
		.range_stride = sizeof(struct amdgpu_userptr_range),
	};
	struct amdgpu_userptr_ctx *ctx = fake_ctx(fake, 1);
	struct amdgpu_userptr_mapping *map;

	fake->userptr_error = error;
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	t_equal(caps.hsa_status, error);
	t_equal(caps.hsa_reason, reason);
	t_equal(caps.drm_major, 3);
	t_equal(caps.drm_minor, fake->drm_minor);
	t_equal(caps.va_min, FAKE_VA_MIN);
	t_equal(caps.va_max, FAKE_VA_MAX);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), error);
	t_equal(args.failed_reason, reason);
	if (error)
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake->userptr_error = 0;
}

/* Kernels that lack something: caps say so, and map() fails and leaves nothing behind. */
static void kernels_without(void)
{
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.ranges = &good_range,
		.num_ranges = 1,
		.range_stride = sizeof(struct amdgpu_userptr_range),
	};
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;
	unsigned int calls;

	fake_init(&fake, AMDGPU_USERPTR_BACKEND_AUTO);
	expect_status(&fake, 0, AMDGPU_USERPTR_REASON_NONE);
	expect_status(&fake, -EINVAL, AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD);
	expect_status(&fake, -EOPNOTSUPP, AMDGPU_USERPTR_REASON_NO_KFD_VM);
	expect_status(&fake, -EPERM, AMDGPU_USERPTR_REASON_FOREIGN_VM);
	expect_status(&fake, -EPROTO, AMDGPU_USERPTR_REASON_XNACK);
	expect_status(&fake, -EBUSY, AMDGPU_USERPTR_REASON_BUSY);
	expect_status(&fake, -EDQUOT, AMDGPU_USERPTR_REASON_KFD_LIMIT);
	expect_status(&fake, -ENOMEM, AMDGPU_USERPTR_REASON_NO_MEMORY);
	expect_status(&fake, -EIO, AMDGPU_USERPTR_REASON_OTHER);
	/* The library asks the kernel with a page of its own, so let the kernel refuse it. */
	fake.bad_addr = FAKE_OWN_PAGE;
	fake.bad_error = -EADDRINUSE;
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	t_equal(caps.hsa_status, -EADDRINUSE);
	t_equal(caps.hsa_reason, AMDGPU_USERPTR_REASON_SVM);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);

	/* The kernel ignores timeline points, so the library must not wait for one. */
	fake_init(&fake, AMDGPU_USERPTR_BACKEND_AUTO);
	fake.drm_minor = AU_DRM_MINOR_VM_TIMELINE - 1;
	ctx = fake_ctx(&fake, 1);
	t_equal(fake.count[FAKE_SYNCOBJ_CREATE], 0);
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	t_equal(caps.vm_timeline, 0);
	t_equal(caps.hsa_reason, AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD);
	calls = fake.calls;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EOPNOTSUPP);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD);
	t_equal(args.failed_device, 0);
	t_equal(fake.calls, calls);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* Map two ranges on a context that asks for @wanted. Returns the number of BOs per device. */
static unsigned int bos_of_map(struct fake_kernel *fake, uint32_t num_devices, uint32_t wanted,
			       uint32_t expected)
{
	const struct amdgpu_userptr_range ranges[] = {
		{ PAGE, PAGE, 0, 0 },
		{ 9 * PAGE, PAGE, 0, 0 },
	};
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.ranges = ranges,
		.num_ranges = T_ARRAY_SIZE(ranges),
		.range_stride = sizeof(struct amdgpu_userptr_range),
	};
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	unsigned int bos;

	fake->backend = wanted;
	ctx = fake_ctx(fake, num_devices);
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	t_equal(caps.backend, expected);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	bos = fake->devices[0].open_bos;
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	return bos;
}

/* If the kernel does not know scatter BOs for each device, AUTO uses none, and SCATTER fails. */
static void backends(void)
{
	const int fds[] = { FAKE_FIRST_FD, FAKE_FIRST_FD + 1 };
	const uint32_t automatic = AMDGPU_USERPTR_BACKEND_AUTO;
	const uint32_t scatter = AMDGPU_USERPTR_BACKEND_SCATTER;
	const uint32_t per_range = AMDGPU_USERPTR_BACKEND_RANGES;
	struct fake_kernel fake;
	unsigned int probes;

	fake_init(&fake, automatic);
	t_equal(bos_of_map(&fake, 2, automatic, scatter), 1);
	t_equal(bos_of_map(&fake, 2, scatter, scatter), 1);
	t_equal(bos_of_map(&fake, 2, per_range, per_range), 2);

	fake.devices[1].no_scatter = true;
	t_equal(bos_of_map(&fake, 2, automatic, per_range), 2);
	t_equal(bos_of_map(&fake, 1, automatic, scatter), 1);
	t_equal(create(&fake, NULL, fds, 2, 0, scatter), -EOPNOTSUPP);

	/*
	 * With this error the context still gets SCATTER, because KFD may acquire the address space
	 * later.
	 */
	fake.devices[1].no_scatter = false;
	fake.userptr_error = -EOPNOTSUPP;
	fake.backend = scatter;
	t_equal(amdgpu_userptr_ctx_destroy(fake_ctx(&fake, 2)), 0);
	fake.userptr_error = 0;

	/* The library does not ask a kernel that is too old for a scatter BO. */
	fake.drm_minor = AU_DRM_MINOR_SCATTER - 1;
	probes = fake.count[FAKE_USERPTR];
	t_equal(create(&fake, NULL, fds, 2, 0, scatter), -EOPNOTSUPP);
	t_equal(create(&fake, NULL, fds, 1, 0, scatter), -EOPNOTSUPP);
	t_equal(fake.count[FAKE_USERPTR], probes);
	t_equal(bos_of_map(&fake, 2, automatic, per_range), 2);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	map_refuses();
	struct_sizes();
	range_strides();
	null_pointers();
	queries_refuse();
	stage_names();
	ctx_create_refuses();
	own_page();
	device_ids();
	reasons();
	version();
	kernels_without();
	backends();
	return 0;
}
