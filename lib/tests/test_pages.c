/* SPDX-License-Identifier: MIT */
/*
 * Ranges that do not begin and end at CPU pages, with CPU pages of 4, 16 and 64 KiB, on kernels
 * that map parts of CPU pages and on those that do not.
 */
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"

#define KIB	 UINT64_C(1024)
#define RO	 AMDGPU_USERPTR_RANGE_READONLY
#define ROUND	 AMDGPU_USERPTR_MAP_ROUND_OUT
#define ONE_BY_1 AMDGPU_USERPTR_MAP_NO_COALESCE
#define BASE	 (UINT64_C(1) << 30) /* CPU address of the memory */
#define FIXED_VA UINT64_C(0x100000000)
#define STEP	 512 /* the random ranges are multiples of this */

static uint32_t backend;

static const struct machine {
	uint64_t page, unit;
} machines[] = {
	{ 4 * KIB, 4 * KIB },	{ 16 * KIB, 16 * KIB }, { 16 * KIB, 4 * KIB },
	{ 64 * KIB, 64 * KIB }, { 64 * KIB, 4 * KIB },
};

#define NUM_MACHINES T_ARRAY_SIZE(machines)

/* The page size that sysconf() tells the library, if the test sets it; 0: the machine's. */
static long shim_page_size;

long __real_sysconf(int name);
long __wrap_sysconf(int name);

long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE && shim_page_size ? shim_page_size : __real_sysconf(name);
}

static uint64_t page_size_of_shim(void *priv)
{
	return au_kernel_ops.page_size(NULL);
}

static struct au_ops ops;

static struct amdgpu_userptr_ctx *begin(struct fake_kernel *fake, const struct machine *machine)
{
	const int fds[] = { FAKE_FIRST_FD, FAKE_FIRST_FD + 1 };
	struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = fds,
		.num_devices = 2,
		.backend = backend,
	};
	struct amdgpu_userptr_ctx *ctx;

	fake_init(fake, backend);
	ops = fake_ops;
	ops.page_size = page_size_of_shim;
	shim_page_size = machine->page;
	fake->page_size = machine->page;
	fake->next_reservation = UINT64_C(0x7f0000000000);
	fake->gpu_page_va = machine->unit < machine->page;
	t_equal(au_ctx_create(&args, &ops, fake, &ctx), 0);
	return ctx;
}

static void end(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx)
{
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(fake);
	shim_page_size = 0;
}

static void caps_tell_the_unit(void)
{
	for (size_t i = 0; i < NUM_MACHINES; i++) {
		struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake, &machines[i]);
		t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
		t_equal(caps.page_size, machines[i].page);
		t_equal(caps.granularity, machines[i].unit);
		t_equal(caps.va_alignment, machines[i].page);
		t_assert(caps.map_flags & ROUND);
		end(&fake, ctx);
	}
}

/* One of two devices cannot map parts of CPU pages, so no map of the context may have them. */
static void devices_differ(void)
{
	static const struct machine machine = { 64 * KIB, 4 * KIB };
	const int fds[] = { FAKE_FIRST_FD, FAKE_FIRST_FD + 1 };
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = fds,
		.num_devices = 2,
	};
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	for (unsigned int lacks = 0; lacks < 2; lacks++) {
		amdgpu_userptr_ctx_destroy(begin(&fake, &machine));
		fake.devices[lacks].no_gpu_page_va = true;
		t_equal(au_ctx_create(&args, &ops, &fake, &ctx), 0);
		for (caps.device = 0; caps.device < 2; caps.device++) {
			t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
			t_equal(caps.granularity, machine.page);
		}
		end(&fake, ctx);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Checks of a map									       */

/* The GPU finds the byte of the range at its place, and so do the queries. */
static void check_byte(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx, uint64_t devices,
		       const struct amdgpu_userptr_range *range, uint64_t va, uint64_t at)
{
	struct amdgpu_userptr_info info = { .size = sizeof(info) };
	const uint64_t addr = range->cpu_addr + at;

	for (unsigned int i = 0; i < 2; i++) {
		const bool on = devices & au_device_bit(i);

		t_equal(fake_translate(fake, i, va + at), on ? addr : 0);
		if (on)
			t_equal(!(fake_find_flags(fake, i, va + at) & AMDGPU_VM_PAGE_WRITEABLE),
				!!(range->flags & RO));
	}
	t_equal(amdgpu_userptr_query(ctx, va + at, &info), 0);
	t_equal(info.cpu_addr, addr);
	t_equal(info.range_cpu_addr, range->cpu_addr);
	t_equal(info.range_size, range->size);
	t_equal(info.range_flags, range->flags);
	t_equal(info.range_va, va);
	t_equal(amdgpu_userptr_query_cpu(ctx, (void *)(uintptr_t)addr, va + at, &info), 0);
	t_equal(info.gpu_va, va + at);
}

static void check_ranges(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx, uint64_t devices,
			 const struct amdgpu_userptr_range *ranges, uint32_t count, uint64_t va)
{
	for (uint32_t i = 0; i < count; va += ranges[i++].size) {
		for (uint64_t at = 0; at < ranges[i].size; at += STEP)
			check_byte(fake, ctx, devices, &ranges[i], va, at);
		check_byte(fake, ctx, devices, &ranges[i], va, ranges[i].size - 1);
	}
}

/* The span is the smallest that has whole units, and the GPU reaches nothing beside it. */
static void check_span(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx, uint64_t va,
		       uint64_t bytes, uint64_t unit)
{
	struct amdgpu_userptr_info info = { .size = sizeof(info) };

	t_equal(amdgpu_userptr_query(ctx, va, &info), 0);
	t_equal(info.mapping_va, va);
	t_equal(info.mapping_size, bytes);
	t_equal(info.span_va, va / unit * unit);
	t_equal(info.span_va + info.span_size, (va + bytes + unit - 1) / unit * unit);
	t_equal(fake_translate(fake, 0, info.span_va - 1), 0);
	t_equal(fake_translate(fake, 0, info.span_va + info.span_size), 0);
	t_equal(amdgpu_userptr_query(ctx, va - 1, &info), -ENOENT);
	t_equal(amdgpu_userptr_query(ctx, va + bytes, &info), -ENOENT);
}

/*
 * How often the kernel has registered the CPU page on the first device. @flags: out: the flags of
 * the last registration.
 */
static unsigned int registrations(const struct fake_kernel *fake, uint64_t page, uint32_t *flags)
{
	const struct fake_device *device = &fake->devices[0];
	unsigned int count = 0;

	for (uint32_t i = 0; i < device->num_bos; i++) {
		const struct fake_bo *bo = &device->bos[i];

		if (!bo->open)
			continue;
		if (!bo->num_ranges && page >= bo->addr && page < bo->addr + bo->size) {
			*flags = bo->flags & AMDGPU_GEM_USERPTR_READONLY ? RO : 0;
			count++;
		}
		for (uint32_t j = 0; j < bo->num_ranges; j++) {
			const struct amdgpu_userptr_range *range =
				&device->ranges[bo->first_range + j];

			if (page < range->cpu_addr || page >= range->cpu_addr + range->size)
				continue;
			*flags = range->flags;
			count++;
		}
	}
	return count;
}

/* A page that only read-only ranges have may be read-only for the CPU, too. */
static uint32_t flags_of_page(const struct amdgpu_userptr_range *ranges, uint32_t count,
			      uint64_t page, uint64_t page_size)
{
	uint32_t flags = RO;

	for (uint32_t i = 0; i < count; i++) {
		if (ranges[i].cpu_addr < page + page_size &&
		    ranges[i].cpu_addr + ranges[i].size > page)
			flags &= ranges[i].flags;
	}
	return flags;
}

static void check_registered_once(const struct fake_kernel *fake, uint64_t page_size,
				  const struct amdgpu_userptr_range *ranges, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t end = ranges[i].cpu_addr + ranges[i].size;
		uint64_t page = ranges[i].cpu_addr / page_size * page_size;

		for (; page < end; page += page_size) {
			uint32_t flags = UINT32_MAX;

			t_equal(registrations(fake, page, &flags), 1);
			t_equal(flags, flags_of_page(ranges, count, page, page_size));
		}
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Single cases										       */

/* Addresses and sizes in quarters of 4 KiB, from the start of a CPU page on. */
static const struct layout {
	const char *name;
	uint64_t units[NUM_MACHINES]; /* 1: the map succeeds on that machine; 0: it fails */
	uint32_t flags;
	uint32_t count;
	struct {
		uint64_t page, quarter, quarters;
		uint32_t flags;
	} ranges[5];
} layouts[] = {
	{ "bytes in one unit", { 1, 1, 1, 1, 1 }, ROUND, 1, { { 1, 1, 2, 0 } } },
	{ "bytes in two units", { 1, 1, 1, 1, 1 }, ROUND, 1, { { 1, 3, 2, 0 } } },
	{ "no permission to round out", { 0, 0, 0, 0, 0 }, 0, 1, { { 1, 1, 2, 0 } } },
	{ "a GPU page is a unit", { 1, 0, 1, 0, 1 }, 0, 1, { { 1, 4, 4, 0 } } },
	{ "last range ends inside",
	  { 1, 0, 1, 0, 1 },
	  ROUND,
	  2,
	  { { 1, 0, 4, 0 }, { 3, 0, 2, 0 } } },
	{ "first range begins inside",
	  { 1, 0, 1, 0, 1 },
	  ROUND,
	  2,
	  { { 1, 3, 5, 0 }, { 3, 0, 4, 0 } } },
	{ "inner range of half a GPU page",
	  { 0, 0, 0, 0, 0 },
	  ROUND,
	  3,
	  { { 1, 0, 4, 0 }, { 3, 0, 2, 0 }, { 5, 0, 4, 0 } } },
	{ "inner range begins inside",
	  { 0, 0, 0, 0, 0 },
	  ROUND,
	  2,
	  { { 1, 0, 4, 0 }, { 3, 2, 6, 0 } } },
	{ "continues inside of a unit",
	  { 1, 1, 1, 1, 1 },
	  ROUND,
	  3,
	  { { 1, 1, 1, 0 }, { 1, 2, 7, 0 }, { 1, 9, 1, 0 } } },
	{ "continues inside of a unit, but is read-only",
	  { 0, 0, 0, 0, 0 },
	  ROUND,
	  2,
	  { { 1, 1, 1, 0 }, { 1, 2, 7, RO } } },
	{ "four pieces of a CPU page, backwards",
	  { 1, 0, 1, 0, 1 },
	  0,
	  4,
	  { { 1, 12, 4, 0 }, { 1, 8, 4, RO }, { 1, 4, 4, 0 }, { 1, 0, 4, RO } } },
	{ "a ring: the first and the last piece share a page",
	  { 1, 0, 1, 0, 1 },
	  ROUND,
	  3,
	  { { 1, 5, 3, 0 }, { 9, 0, 4, 0 }, { 1, 0, 5, 0 } } },
	{ "all of the page in which the first range begins",
	  { 1, 0, 1, 0, 1 },
	  ROUND,
	  2,
	  { { 1, 2, 2, 0 }, { 1, 0, 4, 0 } } },
	{ "all of the page in which the last range ends",
	  { 1, 0, 1, 0, 1 },
	  ROUND,
	  2,
	  { { 1, 0, 4, RO }, { 1, 0, 2, RO } } },
	{ "the same piece twice",
	  { 1, 0, 1, 0, 1 },
	  0,
	  3,
	  { { 2, 4, 4, 0 }, { 2, 4, 4, RO }, { 2, 0, 4, 0 } } },
};

static uint32_t fill(const struct layout *layout, uint64_t page,
		     struct amdgpu_userptr_range *ranges, uint64_t *bytes)
{
	*bytes = 0;
	for (uint32_t i = 0; i < layout->count; i++) {
		ranges[i] = (struct amdgpu_userptr_range){
			.cpu_addr = BASE + layout->ranges[i].page * page +
				    layout->ranges[i].quarter * KIB,
			.size = layout->ranges[i].quarters * KIB,
			.flags = layout->ranges[i].flags,
		};
		*bytes += ranges[i].size;
	}
	return layout->count;
}

/* Map on the first device with @map_flags, at a fixed address or not, and attach the second. */
static void check_accepted(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx,
			   const struct layout *layout, const struct machine *machine,
			   uint32_t map_flags, bool fixed)
{
	struct amdgpu_userptr_attach_args attach = { .size = sizeof(attach), .device = 1 };
	struct amdgpu_userptr_range ranges[T_ARRAY_SIZE(layout->ranges)];
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, layout->count);
	struct amdgpu_userptr_mapping *map;
	uint64_t bytes;

	fill(layout, machine->page, ranges, &bytes);
	args.flags = layout->flags | map_flags;
	args.devices = 1;
	if (fixed) {
		args.va_mode = AMDGPU_USERPTR_VA_FIXED;
		args.fixed_va = FIXED_VA + ranges[0].cpu_addr % machine->unit;
	}
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	if (fixed)
		t_equal(args.gpu_va, args.fixed_va);
	check_ranges(fake, ctx, 1, ranges, layout->count, args.gpu_va);
	check_span(fake, ctx, args.gpu_va, bytes, machine->unit);
	if (map->layout.partial)
		check_registered_once(fake, machine->page, ranges, layout->count);
	t_equal(amdgpu_userptr_attach(map, &attach), 0);
	check_ranges(fake, ctx, 3, ranges, layout->count, args.gpu_va);
	t_equal(amdgpu_userptr_detach(map, 0), 0);
	check_ranges(fake, ctx, 2, ranges, layout->count, args.gpu_va);
	t_equal(amdgpu_userptr_unmap(map), 0);
	fake_check_empty(fake);
}

static void check_refused(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx,
			  const struct layout *layout, const struct machine *machine)
{
	struct amdgpu_userptr_range ranges[T_ARRAY_SIZE(layout->ranges)];
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, layout->count);
	struct amdgpu_userptr_mapping *map;
	const unsigned int calls = fake->calls;
	uint64_t bytes;

	fill(layout, machine->page, ranges, &bytes);
	args.flags = layout->flags;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VALIDATE);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_GRANULARITY);
	t_assert(args.failed_range < layout->count);
	t_equal(fake->calls, calls);
}

static void single_cases(void)
{
	for (size_t i = 0; i < NUM_MACHINES; i++) {
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake, &machines[i]);
		for (size_t j = 0; j < T_ARRAY_SIZE(layouts); j++) {
			if (!layouts[j].units[i]) {
				check_refused(&fake, ctx, &layouts[j], &machines[i]);
				continue;
			}
			for (unsigned int way = 0; way < 4; way++)
				check_accepted(&fake, ctx, &layouts[j], &machines[i],
					       way & 1 ? ONE_BY_1 : 0, way & 2);
		}
		end(&fake, ctx);
	}
}

/* With NO_COALESCE ranges share a BO only if they share a CPU page. */
static void own_bos(void)
{
	static const struct machine machine = { 64 * KIB, 4 * KIB };
	const struct amdgpu_userptr_range ranges[] = {
		{ BASE, 4 * KIB, 0, 0 },
		{ BASE + 8 * KIB, 4 * KIB, 0, 0 },		       /* the same page */
		{ BASE + machine.page, machine.page + 4 * KIB, 0, 0 }, /* the pages behind it */
		{ BASE + 3 * machine.page, 4 * KIB, 0, 0 },	       /* the page behind these */
	};
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake, &machine);
	args.flags = ONE_BY_1;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(fake.devices[0].open_bos, 3);
	t_equal(amdgpu_userptr_unmap(map), 0);
	args.flags = 0;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(fake.devices[0].open_bos, 1);
	end(&fake, ctx);
}

/*
 * Where CPU pages are larger than the unit, each piece of a CPU page gets its GPU address by an
 * ioctl of its own, with either backend. The whole pages of one BO get their addresses by one
 * ioctl.
 */
static void cost_of_pieces(void)
{
	enum { COUNT = 40 };
	struct amdgpu_userptr_range ranges[COUNT];
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, COUNT);
	const bool scatter = backend == AMDGPU_USERPTR_BACKEND_SCATTER;

	for (size_t i = 0; i < NUM_MACHINES; i++) {
		const struct machine *machine = &machines[i];
		const uint64_t step = machine->unit < machine->page ? machine->page / 2
								    : 2 * machine->page;
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		for (unsigned int j = 0; j < COUNT; j++)
			ranges[j] = (struct amdgpu_userptr_range){ BASE + j * step, machine->unit,
								   0, 0 };
		ctx = begin(&fake, machine);
		args.devices = 1;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
		t_equal(map->layout.packed, machine->unit < machine->page);
		t_equal(fake.count[FAKE_MAP], scatter && !map->layout.packed ? 1 : COUNT);
		t_equal(amdgpu_userptr_unmap(map), 0);
		t_equal(fake.count[FAKE_CLEAR], 1);
		end(&fake, ctx);
	}
}

/* Fixed addresses with a wrong offset in their unit, and ranges in the first and last CPU page. */
static void bad_addresses(void)
{
	for (size_t i = 0; i < NUM_MACHINES; i++) {
		const uint64_t page = machines[i].page;
		struct amdgpu_userptr_range range = { BASE + 100, page, 0, 0 };
		struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake, &machines[i]);
		args.flags = ROUND;
		args.va_mode = AMDGPU_USERPTR_VA_FIXED;
		args.fixed_va = FIXED_VA + 101;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
		t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_GRANULARITY);
		t_equal(args.failed_range, AMDGPU_USERPTR_NONE);
		args.fixed_va = 99;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
		args.fixed_va = FIXED_VA + page + 100;
		args.alignment = 2 * page;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
		t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_ARGUMENT);
		args.fixed_va += page;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
		t_equal(amdgpu_userptr_unmap(map), 0);

		args = fake_map_args(&range, 1);
		args.flags = ROUND;
		range.cpu_addr = page - 1;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
		t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_ARGUMENT);
		range.cpu_addr = -page - 100;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EOVERFLOW);
		range.cpu_addr = -page + 1;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EOVERFLOW);
		t_equal(args.failed_range, 0);
		end(&fake, ctx);
	}
}

static void cover(void)
{
	for (size_t i = 0; i < NUM_MACHINES; i++) {
		struct amdgpu_userptr_range range;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		uint64_t offset;

		ctx = begin(&fake, &machines[i]);
		t_equal(amdgpu_userptr_range_cover(ctx, (void *)(uintptr_t)(BASE + 5000), 100,
						   &range, &offset),
			0);
		t_equal(range.cpu_addr, BASE + 5000 / machines[i].unit * machines[i].unit);
		t_equal(range.size, machines[i].unit);
		t_equal(range.cpu_addr + offset, BASE + 5000);
		end(&fake, ctx);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* What goes wrong									       */

/* The kernel refuses one page: the library names the first range that has a part of it. */
static void bad_page_is_named(void)
{
	static const struct machine machine = { 64 * KIB, 4 * KIB };
	const struct amdgpu_userptr_range ranges[] = {
		{ BASE + 3 * machine.page, 20 * KIB, 0, 0 },
		{ BASE + 0 * machine.page, 4 * KIB, RO, 0 },
		{ BASE + 1 * machine.page, 3 * machine.page, 0, 0 },
		{ BASE + 9 * machine.page + 8 * KIB, 8 * KIB, 0, 0 },
		{ BASE + 7 * machine.page + 8 * KIB, 8 * KIB, 0, 0 },
	};
	static const struct {
		uint64_t page;
		uint32_t range;
	} bad[] = { { 0, 1 }, { 1, 2 }, { 2, 2 }, { 3, 0 }, { 7, 4 }, { 9, 3 } };

	for (size_t i = 0; i < T_ARRAY_SIZE(bad); i++) {
		struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake, &machine);
		fake.bad_addr = BASE + bad[i].page * machine.page + machine.page / 2;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EFAULT);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
		t_equal(args.failed_range, bad[i].range);
		fake_check_empty(&fake);
		end(&fake, ctx);
	}
}

/* Each call of the kernel fails once: nothing is left, or the map works. */
static void each_call_fails(void)
{
	static const struct machine machine = { 64 * KIB, 4 * KIB };
	struct amdgpu_userptr_range ranges[4];
	bool failed = true;
	uint64_t bytes;

	fill(&layouts[10], machine.page, ranges, &bytes);
	for (unsigned int call = 1; failed; call++) {
		struct amdgpu_userptr_map_args args = fake_map_args(ranges, 4);
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		int ret;

		ctx = begin(&fake, &machine);
		fake.fail_call = call;
		fake.fail_error = -EIO;
		ret = amdgpu_userptr_map(ctx, &args, &map);
		failed = fake.failed;
		t_equal(ret, failed ? -EIO : 0);
		fake.fail_call = 0;
		if (!ret)
			t_equal(amdgpu_userptr_unmap(map), 0);
		end(&fake, ctx);
		t_assert(call < 100);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Random ranges */

/* Whether each unit of the map has bytes of one unit of memory, with one kind of access. */
static bool is_possible(const struct amdgpu_userptr_range *ranges, uint32_t count, uint64_t unit)
{
	uint64_t va = ranges[0].cpu_addr % unit, index = UINT64_MAX, base = 0;
	uint32_t flags = 0;

	for (uint32_t i = 0; i < count; i++) {
		for (uint64_t at = 0; at < ranges[i].size; at += STEP, va += STEP) {
			const uint64_t memory = ranges[i].cpu_addr + at - va % unit;

			if (memory % unit)
				return false;
			if (va / unit == index && (memory != base || ranges[i].flags != flags))
				return false;
			index = va / unit;
			base = memory;
			flags = ranges[i].flags;
		}
	}
	return true;
}

/*
 * Most ranges meet at the start of a unit or continue each other, so the library accepts most maps.
 * Some ranges do not, so that the test also sees refusals.
 */
static uint32_t random_ranges(struct amdgpu_userptr_range *ranges, uint32_t max, uint64_t unit,
			      uint64_t page)
{
	const uint32_t count = 1 + random() % max;

	for (uint32_t i = 0; i < count; i++) {
		const bool continues = i && random() % 3 == 0;
		uint64_t start = BASE + random() % (8 * page / unit) * unit, size;

		size = (1 + random() % (2 * page / unit)) * unit;
		if (!i && random() % 2)
			start += random() % (unit / STEP) * STEP;
		if (continues)
			start = ranges[i - 1].cpu_addr + ranges[i - 1].size;
		/* Let most ranges end at the end of a unit. */
		if (random() % 4)
			size = (start + size + unit - 1) / unit * unit - start;
		else if (i + 1 == count || random() % 4 == 0)
			size = STEP * (1 + random() % (2 * unit / STEP));
		ranges[i] = (struct amdgpu_userptr_range){
			.cpu_addr = start,
			.size = size,
			.flags = continues && random() % 4 ? ranges[i - 1].flags
				 : random() % 3		   ? 0
							   : RO,
		};
	}
	return count;
}

static void random_maps(void)
{
	enum { ROUNDS = 300, MAX = 12 };
	struct amdgpu_userptr_range ranges[MAX];
	unsigned int mapped = 0, packed = 0, refused = 0;

	srandom(1);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		const struct machine *machine = &machines[round % NUM_MACHINES];
		const uint32_t count = random_ranges(ranges, MAX, machine->unit, machine->page);
		struct amdgpu_userptr_map_args args = fake_map_args(ranges, count);
		struct amdgpu_userptr_mapping *map;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		uint64_t bytes = 0;

		for (uint32_t i = 0; i < count; i++)
			bytes += ranges[i].size;
		ctx = begin(&fake, machine);
		if (random() % 2)
			ctx->limits = (struct au_bo_limits){ 4 * machine->page, 3 };
		args.flags = ROUND | (random() % 2 ? ONE_BY_1 : 0);
		args.devices = 1;
		if (!is_possible(ranges, count, machine->unit)) {
			t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
			t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_GRANULARITY);
			refused++;
		} else {
			t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
			check_ranges(&fake, ctx, 1, ranges, count, args.gpu_va);
			check_span(&fake, ctx, args.gpu_va, bytes, machine->unit);
			if (map->layout.packed)
				check_registered_once(&fake, machine->page, ranges, count);
			packed += map->layout.packed;
			mapped++;
		}
		end(&fake, ctx);
	}
	t_assert(refused > ROUNDS / 10 && mapped > ROUNDS / 3 && packed > ROUNDS / 10);
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	caps_tell_the_unit();
	devices_differ();
	single_cases();
	own_bos();
	cost_of_pieces();
	bad_addresses();
	cover();
	bad_page_is_named();
	each_call_fails();
	random_maps();
	return 0;
}
