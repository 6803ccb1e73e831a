/* SPDX-License-Identifier: MIT */
/* map(), unmap() and the queries: results and errors. */
#include <limits.h>
#include <malloc.h>

#include "fake_kernel.h"
#include "test.h"

static uint32_t backend;

#define PAGE  FAKE_CPU_PAGE
#define RO    AMDGPU_USERPTR_RANGE_READONLY
#define RW_VA (AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE)

/* Pages 1, 3, 5 and so on, so that no two ranges are neighbours. */
static void scattered(struct amdgpu_userptr_range *ranges, uint32_t count, uint64_t page_size)
{
	for (uint32_t i = 0; i < count; i++)
		ranges[i] = (struct amdgpu_userptr_range){
			.cpu_addr = (2 * i + 1) * page_size,
			.size = page_size,
		};
}

static bool scatter(void)
{
	return backend == AMDGPU_USERPTR_BACKEND_SCATTER;
}

/* BOs that ctx_create() made and closed to find out whether the kernel knows scatter BOs. */
static unsigned int probes(unsigned int num_devices)
{
	return scatter() ? num_devices : 0;
}

static void ranges_become_contiguous(void)
{
	struct amdgpu_userptr_range ranges[7];
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	const unsigned int num_bos = scatter() ? 1 : T_ARRAY_SIZE(ranges);
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;
	bool readonly;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 2);
	scattered(ranges, T_ARRAY_SIZE(ranges), PAGE);
	ranges[3].flags = RO;
	errno = EDOM;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(errno, EDOM);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_NONE);
	t_equal(args.failed_range, AMDGPU_USERPTR_NONE);
	t_equal(args.failed_device, AMDGPU_USERPTR_NONE);

	for (unsigned int device = 0; device < 2; device++) {
		for (uint32_t i = 0; i < T_ARRAY_SIZE(ranges); i++) {
			uint64_t va = args.gpu_va + i * PAGE;

			t_equal(fake_translate(&fake, device, va), ranges[i].cpu_addr);
			t_equal(fake_find_flags(&fake, device, va),
				ranges[i].flags ? AMDGPU_VM_PAGE_READABLE : RW_VA);
			readonly = fake_find_bo(&fake, device, va)->flags &
				   AMDGPU_GEM_USERPTR_READONLY;
			t_equal(readonly, ranges[i].flags && !scatter());
		}
		/* The GPU sees the memory when map() returns. */
		t_equal(fake.devices[device].waited, num_bos);
	}
	/* One wait per device for all the updates. */
	t_equal(fake.count[FAKE_WAIT], 2);

	t_equal(amdgpu_userptr_unmap(map), 0);
	t_equal(errno, EDOM);
	t_equal(fake.count[FAKE_CLEAR], 2);
	t_equal(fake.count[FAKE_CLOSE], 2 * num_bos + probes(2));
	fake_check_empty(&fake);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void neighbours_share_a_bo(void)
{
	const struct amdgpu_userptr_range ranges[] = {
		{ PAGE, PAGE, 0, 0 },
		{ 2 * PAGE, PAGE, 0, 0 },
		{ 3 * PAGE, PAGE, RO, 0 },
	};
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };
	const unsigned int num_shared = scatter() ? 1 : 2;
	struct amdgpu_userptr_mapping *shared, *apart;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_map(ctx, &args, &shared), 0);
	t_equal(fake.count[FAKE_USERPTR], probes(1) + num_shared);
	args.flags = AMDGPU_USERPTR_MAP_NO_COALESCE;
	t_equal(amdgpu_userptr_map(ctx, &args, &apart), 0);
	t_equal(fake.count[FAKE_USERPTR], probes(1) + num_shared + 3);

	t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
	t_equal(stats.mappings, 2);
	t_equal(stats.ranges, 6);
	t_equal(stats.bos, num_shared + 3);
	t_equal(stats.scatter_bos, scatter());
	t_equal(stats.bytes, 6 * PAGE);
	t_equal(stats.map_calls, 2);
	t_equal(stats.map_failures, 0);
	t_equal(stats.unmap_calls, 0);
	t_equal(stats.ioctls, fake.calls - fake.count[FAKE_RESERVE]);

	t_equal(amdgpu_userptr_unmap(shared), 0);
	t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
	t_equal(stats.mappings, 1);
	t_equal(stats.bos, 3);
	t_equal(stats.scatter_bos, 0);
	t_equal(stats.unmap_calls, 1);
	/* The end of the context removes the other map. */
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void va_modes(void)
{
	const struct amdgpu_userptr_range range = { PAGE, PAGE, 0, 0 };
	const struct amdgpu_userptr_range large = { PAGE, UINT64_C(2) << 20, 0, 0 };
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
	struct amdgpu_userptr_mapping *map[4], *other;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx_by_handle(&fake);

	t_equal(amdgpu_userptr_map(ctx, &args, &map[0]), 0);
	t_equal(fake.count[FAKE_RESERVE], 1);

	args.va_mode = AMDGPU_USERPTR_VA_ALLOC;
	t_equal(amdgpu_userptr_map(ctx, &args, &map[1]), 0);
	t_equal(fake.count[FAKE_VA_ALLOC], 1);

	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = UINT64_C(0x123456789000);
	args.va_flags = AMDGPU_VM_PAGE_EXECUTABLE | AMDGPU_VM_PAGE_READABLE;
	t_equal(amdgpu_userptr_map(ctx, &args, &map[2]), 0);
	t_equal(args.gpu_va, UINT64_C(0x123456789000));
	t_equal(fake_translate(&fake, 0, args.gpu_va), PAGE);
	t_equal(fake_find(&fake, 0, args.gpu_va)->flags, args.va_flags);

	/* Alignment: the default of large maps, and the one in the arguments. */
	args = fake_map_args(&large, 1);
	t_equal(amdgpu_userptr_map(ctx, &args, &map[3]), 0);
	t_equal(args.gpu_va % AU_LARGE_ALIGNMENT, 0);
	t_equal(amdgpu_userptr_unmap(map[3]), 0);
	args = fake_map_args(&range, 1);
	args.alignment = UINT64_C(1) << 30;
	t_equal(amdgpu_userptr_map(ctx, &args, &map[3]), 0);
	t_equal(args.gpu_va % (UINT64_C(1) << 30), 0);

	/* libdrm gives the last page that the GPU can map, and then a page behind it. */
	args = fake_map_args(&range, 1);
	args.va_mode = AMDGPU_USERPTR_VA_ALLOC;
	fake.next_reservation = FAKE_VA_MAX - PAGE;
	t_equal(amdgpu_userptr_map(ctx, &args, &other), 0);
	t_equal(amdgpu_userptr_unmap(other), 0);
	t_equal(amdgpu_userptr_map(ctx, &args, &other), -ERANGE);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VA_RESERVE);
	t_equal(args.failed_device, 0);

	for (unsigned int i = 0; i < T_ARRAY_SIZE(map); i++)
		t_equal(amdgpu_userptr_unmap(map[i]), 0);
	t_equal(fake.count[FAKE_VA_FREE], 3);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void gpu_addresses_do_not_overlap(void)
{
	const struct amdgpu_userptr_range ranges[] = { { PAGE, 3 * PAGE, 0, 0 } };
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, 1);
	const uint64_t base = UINT64_C(0x100000000);
	struct amdgpu_userptr_mapping *map, *other;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	unsigned int calls;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = base;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	calls = fake.calls;
	for (int64_t shift = -2; shift <= 2; shift++) {
		args.fixed_va = base + shift * PAGE;
		t_equal(amdgpu_userptr_map(ctx, &args, &other), -EEXIST);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VA_RESERVE);
	}
	t_equal(fake.calls, calls);

	/* The addresses before and behind the map are free. */
	args.fixed_va = base - 3 * PAGE;
	t_equal(amdgpu_userptr_map(ctx, &args, &other), 0);
	args.fixed_va = base + 3 * PAGE;
	t_equal(amdgpu_userptr_map(ctx, &args, &other), 0);

	/* After unmap() the addresses are free again. */
	t_equal(amdgpu_userptr_unmap(map), 0);
	args.fixed_va = base;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* KFD or libdrm has a mapping that the library does not know. */
static void foreign_mapping_is_left_alone(void)
{
	struct amdgpu_userptr_range ranges[3];
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_ctx *ours, *theirs;
	const uint64_t base = UINT64_C(0x100000000);
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	theirs = fake_ctx(&fake, 1);
	scattered(ranges, T_ARRAY_SIZE(ranges), PAGE);
	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.num_ranges = 1;
	args.fixed_va = base + 2 * PAGE;
	t_equal(amdgpu_userptr_map(theirs, &args, &map), 0);

	/* The model has one syncobj per file, so hide it before the second context creates one. */
	fake.devices[0].syncobj = fake.devices[0].gpu_ctx = false;
	fake.devices[0].point = 0;
	ours = fake_ctx(&fake, 1);
	args.num_ranges = T_ARRAY_SIZE(ranges);
	args.fixed_va = base;
	t_equal(amdgpu_userptr_map(ours, &args, &map), -EINVAL);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VA_MAP);
	t_equal(args.failed_range, scatter() ? AMDGPU_USERPTR_NONE : 2);
	t_equal(args.failed_device, 0);
	t_equal(fake.devices[0].num_mappings, 1);
	t_equal(fake_translate(&fake, 0, base + 2 * PAGE), ranges[0].cpu_addr);

	t_equal(amdgpu_userptr_ctx_destroy(ours), 0);
	fake.devices[0].syncobj = fake.devices[0].gpu_ctx = true;
	fake.devices[0].point = 1;
	t_equal(amdgpu_userptr_ctx_destroy(theirs), 0);
	fake_fini(&fake);
}

static void bad_memory_is_named(void)
{
	const struct amdgpu_userptr_range together[] = {
		{ 1 * PAGE, PAGE, 0, 0 }, { 2 * PAGE, PAGE, 0, 0 }, { 3 * PAGE, PAGE, 0, 0 },
		{ 4 * PAGE, PAGE, 0, 0 }, { 5 * PAGE, PAGE, 0, 0 },
	};
	static const int memory_errors[] = { -EFAULT, -EPERM, -EACCES, -EADDRINUSE, -EHWPOISON };
	struct amdgpu_userptr_range ranges[64];
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map = NULL;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 2);
	scattered(ranges, T_ARRAY_SIZE(ranges), PAGE);
	fake.bad_addr = ranges[T_ARRAY_SIZE(ranges) - 1].cpu_addr;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EFAULT);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
	t_equal(args.failed_range, T_ARRAY_SIZE(ranges) - 1);
	t_equal(args.failed_device, 0);
	t_equal(args.gpu_va, 0);
	t_assert(!map);
	/* No GPU has seen any of the memory. */
	t_equal(fake.count[FAKE_MAP], 0);
	fake_check_empty(&fake);

	/* One BO for several ranges: each range can be at fault, with each error. */
	args = fake_map_args(together, T_ARRAY_SIZE(together));
	for (size_t i = 0; i < T_ARRAY_SIZE(memory_errors); i++) {
		fake.bad_error = memory_errors[i];
		for (uint32_t bad = 0; bad < T_ARRAY_SIZE(together); bad++) {
			fake.bad_addr = together[bad].cpu_addr;
			t_equal(amdgpu_userptr_map(ctx, &args, &map), memory_errors[i]);
			t_equal(args.failed_range, bad);
			t_equal(args.failed_reason, memory_errors[i] == -EADDRINUSE
							    ? AMDGPU_USERPTR_REASON_SVM
							    : AMDGPU_USERPTR_REASON_MEMORY);
			fake_check_empty(&fake);
		}
	}
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* The library does not search for the range when no range is at fault. */
static void all_memory_is_refused(void)
{
	static const int map_errors[] = { -EPERM, -EOPNOTSUPP, -EPROTO, -EBUSY, -ENOMEM,
					  -ESRCH, -ENODEV,     -E2BIG,	-EDQUOT };
	struct amdgpu_userptr_range ranges[64];
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	scattered(ranges, T_ARRAY_SIZE(ranges), PAGE);
	for (size_t i = 0; i < T_ARRAY_SIZE(map_errors); i++) {
		struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
		const unsigned int tries = fake.count[FAKE_USERPTR];
		struct amdgpu_userptr_mapping *map;

		/* Here -EPERM means that the GPU address space is another process's. */
		fake.userptr_error = map_errors[i];
		t_equal(amdgpu_userptr_map(ctx, &args, &map), map_errors[i]);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
		t_equal(args.failed_range, AMDGPU_USERPTR_NONE);
		t_equal(args.failed_reason == AMDGPU_USERPTR_REASON_FOREIGN_VM,
			map_errors[i] == -EPERM);
		t_equal(args.failed_reason == AMDGPU_USERPTR_REASON_LIMIT, map_errors[i] == -E2BIG);
		/* One try for the map, and one with a page of the library's own. */
		t_assert(fake.count[FAKE_USERPTR] - tries <= 2);
		fake_check_empty(&fake);
	}
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/*
 * If the search for the bad range meets another error, or finds no bad range any more, map() names
 * no range.
 */
static void search_meets_another_error(void)
{
	static const struct amdgpu_userptr_range together[] = {
		{ 1 * PAGE, PAGE, 0, 0 },
		{ 2 * PAGE, PAGE, 0, 0 },
		{ 3 * PAGE, PAGE, 0, 0 },
		{ 4 * PAGE, PAGE, 0, 0 },
	};
	struct amdgpu_userptr_map_args args = fake_map_args(together, T_ARRAY_SIZE(together));
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	fake.bad_addr = together[2].cpu_addr;
	/* Calls: reserve, BO, BO of the library's own page, its close, BO of half of the ranges. */
	fake.fail_call = 5;
	fake.fail_error = -ENOMEM;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EFAULT);
	t_assert(fake.failed);
	t_equal(args.failed_range, AMDGPU_USERPTR_NONE);

	/*
	 * After -EPERM the library tries to register a page of its own.  The fake kernel accepts
	 * that page, so the GPU's address space belongs to this process, and the memory is at
	 * fault.
	 */
	fake.bad_error = -EPERM;
	fake.fail_call = 5;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EPERM);
	t_equal(args.failed_range, AMDGPU_USERPTR_NONE);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_MEMORY);

	/* The kernel has no memory for the library's page, so the reason stays unknown. */
	fake.fail_call = 3;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EPERM);
	t_equal(args.failed_range, AMDGPU_USERPTR_NONE);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_OTHER);

	fake.bad_addr = UINT64_MAX;
	fake.fail_call = 2;
	fake.fail_error = -EFAULT;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EFAULT);
	t_equal(args.failed_range, AMDGPU_USERPTR_NONE);
	fake.failed = false;
	fake_check_empty(&fake);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void large_pages(void)
{
	enum { LARGE = 65536 };
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_range ranges[3], cover;
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;
	uint64_t offset;

	fake_init(&fake, backend);
	fake.page_size = LARGE;
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	t_equal(caps.page_size, LARGE);
	t_equal(caps.granularity, LARGE);
	t_equal(caps.hsa_status, 0);

	scattered(ranges, T_ARRAY_SIZE(ranges), PAGE);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
	t_equal(args.failed_range, 0);
	scattered(ranges, T_ARRAY_SIZE(ranges), LARGE);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(args.gpu_va % LARGE, 0);
	t_equal(fake_translate(&fake, 0, args.gpu_va + 2 * LARGE), ranges[2].cpu_addr);
	t_equal(amdgpu_userptr_unmap(map), 0);

	/* FIXED addresses and alignments follow the page size. */
	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = UINT64_C(0x100000000) + PAGE;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
	args.fixed_va = UINT64_C(0x100000000);
	args.alignment = PAGE;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);

	t_equal(amdgpu_userptr_range_cover(ctx, (void *)(uintptr_t)(LARGE + 1), LARGE, &cover,
					   &offset),
		0);
	t_equal(cover.cpu_addr, LARGE);
	t_equal(cover.size, 2 * LARGE);
	t_equal(offset, 1);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void query_translates(void)
{
	const struct amdgpu_userptr_range ranges[] = {
		{ 7 * PAGE, 2 * PAGE, 0, 0 },
		{ 9 * PAGE, PAGE, 0, 0 },
		{ PAGE, PAGE, RO, 0 },
	};
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_info info = { .size = sizeof(info) };
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;
	uint64_t va;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	va = args.gpu_va;
	t_equal(amdgpu_userptr_query(ctx, va + 2 * PAGE + 5, &info), 0);
	t_assert(info.mapping == map);
	t_equal(info.size, sizeof(info));
	t_equal(info.mapping_va, va);
	t_equal(info.mapping_size, 4 * PAGE);
	t_equal(info.cpu_addr, 9 * PAGE + 5);
	t_equal(info.range_va, va + 2 * PAGE);
	t_equal(info.range_cpu_addr, 9 * PAGE);
	t_equal(info.range_size, PAGE);
	t_equal(info.range_index, 1);
	t_equal(info.flags, 0);
	t_equal(amdgpu_userptr_query(ctx, va + 4 * PAGE - 1, &info), 0);
	t_equal(info.range_flags, RO);
	t_equal(info.cpu_addr, 2 * PAGE - 1);
	t_equal(amdgpu_userptr_query(ctx, va - 1, &info), -ENOENT);
	t_equal(amdgpu_userptr_query(ctx, va + 4 * PAGE, &info), -ENOENT);
	t_equal(amdgpu_userptr_unmap(map), 0);
	t_equal(amdgpu_userptr_query(ctx, va, &info), -ENOENT);

	/* The CPU addresses of the range are its GPU addresses, so there is no clash. */
	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = FAKE_VA_MIN;
	args.num_ranges = 1;
	args.ranges = &(struct amdgpu_userptr_range){ FAKE_VA_MIN, 2 * PAGE, 0, 0 };
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_query(ctx, FAKE_VA_MIN, &info), 0);
	t_equal(info.flags, 0);
	t_equal(amdgpu_userptr_unmap(map), 0);
	/* Now the second GPU page of the map has the number of the range's first CPU page. */
	args.ranges = &(struct amdgpu_userptr_range){ FAKE_VA_MIN + PAGE, 2 * PAGE, 0, 0 };
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_query(ctx, FAKE_VA_MIN, &info), 0);
	t_equal(info.flags, AMDGPU_USERPTR_INFO_VA_CLASH);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/*
 * The linker's option --wrap sends the library's calls of free() and pthread_mutex_unlock() to the
 * functions below.
 */
void __real_free(void *memory);
void __wrap_free(void *memory);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

/* Make it visible when the library reads memory that it has freed. */
void __wrap_free(void *memory)
{
	if (memory)
		memset(memory, 0x5a, malloc_usable_size(memory));
	__real_free(memory);
}

/* As soon as a query finds a mapping in this context, unmap it; NULL: do not. */
static struct amdgpu_userptr_ctx *hasty_ctx;

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	struct amdgpu_userptr_info info = { .size = sizeof(info) };
	struct amdgpu_userptr_ctx *ctx = hasty_ctx;
	const int ret = __real_pthread_mutex_unlock(mutex);

	if (!ctx || mutex != &ctx->lock)
		return ret;
	hasty_ctx = NULL;
	if (amdgpu_userptr_query_cpu(ctx, (void *)PAGE, 0, &info))
		hasty_ctx = ctx;
	else
		t_equal(amdgpu_userptr_unmap(info.mapping), 0);
	return ret;
}

/* Another thread may unmap a mapping before the map() that makes it has returned. */
static void map_is_gone_at_once(void)
{
	const struct amdgpu_userptr_range range = { PAGE, PAGE, 0, 0 };
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = UINT64_C(0x123456789000);
	hasty_ctx = ctx;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_assert(!hasty_ctx);
	t_equal(args.gpu_va, args.fixed_va);
	fake_check_empty(&fake);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* More ranges than one scatter BO can have. */
static void limits_of_a_bo(void)
{
	struct amdgpu_userptr_range ranges[10];
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;
	uint64_t va;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 2);
	ctx->limits.num_ranges = 3;
	ctx->limits.size = 8 * PAGE;
	scattered(ranges, T_ARRAY_SIZE(ranges), PAGE);
	/* A range that is too large for one BO gets two of its own. */
	ranges[7] = (struct amdgpu_userptr_range){ 1000 * PAGE, 9 * PAGE, 0, 0 };
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
	t_equal(stats.bos, 2 * (scatter() ? 3 + 2 + 1 : 7 + 2 + 2));
	t_equal(stats.scatter_bos, 2 * (scatter() ? 3 + 1 : 0));
	va = args.gpu_va;
	for (uint32_t i = 0; i < T_ARRAY_SIZE(ranges); va += ranges[i++].size) {
		for (uint64_t at = 0; at < ranges[i].size; at += PAGE)
			t_equal(fake_translate(&fake, 1, va + at), ranges[i].cpu_addr + at);
	}
	t_equal(amdgpu_userptr_unmap(map), 0);
	fake_check_empty(&fake);

	fake.bad_addr = ranges[9].cpu_addr;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EFAULT);
	t_equal(args.failed_range, 9);
	fake_check_empty(&fake);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* A map can have as many ranges as caps.max_ranges says, and not one more. */
static void range_limit_is_honest(void)
{
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_range *ranges;
	struct amdgpu_userptr_map_args args;
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	ranges = calloc((size_t)caps.max_ranges + 1, sizeof(*ranges));
	t_assert(ranges);
	scattered(ranges, caps.max_ranges + 1, PAGE);

	args = fake_map_args(ranges, caps.max_ranges + 1);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -E2BIG);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
	args.num_ranges = caps.max_ranges;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(fake.devices[0].num_mappings, scatter() ? 1 : caps.max_ranges);
	t_equal(fake_translate(&fake, 0, args.gpu_va + (caps.max_ranges - 1) * PAGE),
		ranges[caps.max_ranges - 1].cpu_addr);
	t_equal(amdgpu_userptr_unmap(map), 0);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	free(ranges);
	fake_fini(&fake);
}

/* Each range fits into 64 bits, but their sum does not. */
static void sum_does_not_fit(void)
{
	const uint64_t half = UINT64_C(1) << 63;
	const struct amdgpu_userptr_range ranges[] = {
		{ PAGE, half, 0, 0 },
		{ PAGE, half - PAGE, 0, 0 },
		{ PAGE, PAGE, 0, 0 },
	};
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EOVERFLOW);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_ARGUMENT);
	t_equal(args.failed_range, 2);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* The ranges and their sum fit into 64 bits, but not the units around them. */
static void units_do_not_fit(void)
{
	static const uint32_t modes[] = { AMDGPU_USERPTR_VA_RESERVE, AMDGPU_USERPTR_VA_FIXED };
	const struct amdgpu_userptr_range ranges[] = {
		{ PAGE + 1, -2 * PAGE - 1, 0, 0 },
		{ 2 * PAGE, 2 * PAGE, 0, 0 },
	};

	for (size_t i = 0; i < T_ARRAY_SIZE(modes); i++) {
		struct amdgpu_userptr_map_args args = fake_map_args(ranges, 2);
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		fake_init(&fake, backend);
		ctx = fake_ctx(&fake, 1);
		args.flags = AMDGPU_USERPTR_MAP_ROUND_OUT;
		args.va_mode = modes[i];
		if (args.va_mode == AMDGPU_USERPTR_VA_FIXED)
			args.fixed_va = (UINT64_C(1) << 32) + 1;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EOVERFLOW);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
		t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
		fake_fini(&fake);
	}
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	ranges_become_contiguous();
	neighbours_share_a_bo();
	va_modes();
	gpu_addresses_do_not_overlap();
	foreign_mapping_is_left_alone();
	bad_memory_is_named();
	all_memory_is_refused();
	search_meets_another_error();
	large_pages();
	query_translates();
	map_is_gone_at_once();
	limits_of_a_bo();
	range_limit_is_honest();
	sum_does_not_fit();
	units_do_not_fit();
	return 0;
}
