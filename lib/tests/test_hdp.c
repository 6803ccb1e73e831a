/* SPDX-License-Identifier: MIT */
/*
 * The flush of the host data path: which way, and what each way does. test_hdp_reset.c tests
 * resets.
 */
#include <pthread.h>

#include "fake_kernel.h"
#include "test.h"

#define PAGE	    FAKE_CPU_PAGE
#define NUM_THREADS 4
#define WAY(name)   AMDGPU_USERPTR_HDP_##name
#define NUM_WAYS    AMDGPU_USERPTR_HDP_NUM_WAYS

static uint32_t backend;

/*
 * The linker's option --wrap sends the library's allocations to the functions below, which count
 * them. The allocation with the number fail_alloc fails, counted from 1; 0: none fails.
 */
static atomic_uint allocations;
static unsigned int fail_alloc;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

static bool alloc_fails(void)
{
	atomic_fetch_add(&allocations, 1);
	return fail_alloc && !--fail_alloc;
}

void *__wrap_malloc(size_t size)
{
	return alloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return alloc_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return alloc_fails() ? NULL : __real_reallocarray(old, count, size);
}

static struct amdgpu_userptr_ctx *begin(struct fake_kernel *fake)
{
	fake_init(fake, backend);
	return fake_ctx(fake, 2);
}

/*
 * Let the kernel have all ways. Call this before fake_ctx(), because there the library asks whether
 * the kernel has the ioctl.
 */
static void has_all(struct fake_kernel *fake)
{
	fake->remap_error = 0;
	fake->kernel_flush_error = 0;
}

static struct amdgpu_userptr_ctx *begin_with_all(struct fake_kernel *fake)
{
	fake_init(fake, backend);
	has_all(fake);
	return fake_ctx(fake, 2);
}

static void end(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx)
{
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(fake);
}

static int flush(struct amdgpu_userptr_ctx *ctx, uint32_t way, void *addr, uint64_t len)
{
	const struct amdgpu_userptr_hdp_flush_args args = {
		.size = sizeof(args),
		.way = way,
		.addr = addr,
		.len = len,
	};

	errno = EDOM;
	const int ret = amdgpu_userptr_hdp_flush(ctx, &args);

	t_equal(errno, EDOM);
	return ret;
}

static struct amdgpu_userptr_hdp query(struct amdgpu_userptr_ctx *ctx)
{
	struct amdgpu_userptr_hdp hdp = { .size = sizeof(hdp) };

	t_equal(amdgpu_userptr_query_hdp(ctx, &hdp), 0);
	return hdp;
}

/* ------------------------------------------------------------------------------------------- */
/* Which way										       */

static const struct kernel {
	const char *name;
	uint64_t page_size;
	int remap_error, kernel_error;
	uint32_t dma_rings, compute_rings;
	bool no_vram;
	uint32_t best, best_with_memory;
	int error; /* of a flush by AUTO whose caller names no memory */
} kernels[] = {
	{ "all", 4096, 0, 0, 1, 1, false, WAY(REMAP), WAY(REMAP), 0 },
	{ "64 KiB pages", 65536, 0, 0, 1, 1, false, WAY(KERNEL), WAY(KERNEL), 0 },
	{ "16 KiB pages", 16384, 0, -EINVAL, 1, 1, false, WAY(SUBMIT), WAY(SUBMIT), 0 },
	{ "virtual function", 4096, -EOPNOTSUPP, 0, 1, 1, false, WAY(KERNEL), WAY(KERNEL), 0 },
	{ "stock", 4096, -ENOENT, -EINVAL, 1, 1, false, WAY(SUBMIT), WAY(SUBMIT), 0 },
	{ "stock, handle 0 exists", 4096, -EINVAL, -EINVAL, 1, 1, false, WAY(SUBMIT), WAY(SUBMIT),
	  0 },
	{ "stock without SDMA", 4096, -ENOENT, -EINVAL, 0, 1, false, WAY(SUBMIT), WAY(SUBMIT), 0 },
	{ "user queues only", 4096, -ENOENT, -EINVAL, 0, 0, false, WAY(DUMMY), WAY(READ_BACK), 0 },
	{ "nothing", 4096, -ENOENT, -EINVAL, 0, 0, true, WAY(AUTO), WAY(READ_BACK), -ENOMEM },
	{ "out of memory", 4096, -ENOMEM, 0, 1, 1, false, WAY(KERNEL), WAY(KERNEL), 0 },
};

static void set_kernel(struct fake_kernel *fake, const struct kernel *kernel)
{
	fake_init(fake, backend);
	fake->page_size = kernel->page_size;
	fake->next_reservation = UINT64_C(0x7f0000000000);
	fake->remap_error = kernel->remap_error;
	fake->kernel_flush_error = kernel->kernel_error;
	fake->dma_rings = kernel->dma_rings;
	fake->compute_rings = kernel->compute_rings;
	fake->no_vram = kernel->no_vram;
}

/* A flush by AUTO finds the best way of each kernel, and a query reports this way. */
static void best_way(void)
{
	for (size_t i = 0; i < T_ARRAY_SIZE(kernels); i++) {
		const struct kernel *kernel = &kernels[i];
		struct amdgpu_userptr_hdp hdp;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		char memory[8] = { 0 };

		set_kernel(&fake, kernel);
		ctx = fake_ctx(&fake, 1);
		t_equal(flush(ctx, WAY(AUTO), NULL, 0), kernel->error);
		t_equal(flush(ctx, WAY(AUTO), memory, sizeof(memory)), 0);
		t_equal(ctx->devices[0].hdp.best, kernel->best);
		hdp = query(ctx);
		t_equal(hdp.way, kernel->best);
		t_equal(hdp.need, AMDGPU_USERPTR_HDP_NEEDED);
		t_equal(hdp.status[WAY(AUTO)], kernel->error);
		t_equal(hdp.status[WAY(NONE)], -EOPNOTSUPP);
		t_equal(hdp.status[WAY(REMAP)], kernel->page_size > 4096 ||
								kernel->remap_error == -ENOENT ||
								kernel->remap_error == -EINVAL
							? -EOPNOTSUPP
							: kernel->remap_error);
		t_equal(hdp.status[WAY(KERNEL)], kernel->kernel_error ? -EOPNOTSUPP : 0);
		t_equal(hdp.status[WAY(SUBMIT)],
			kernel->dma_rings || kernel->compute_rings ? 0 : -EOPNOTSUPP);
		t_equal(hdp.status[WAY(READ_BACK)], 0);
		t_equal(hdp.status[WAY(DUMMY)], kernel->no_vram ? -ENOMEM : 0);
		for (uint32_t way = WAY(REMAP); way < NUM_WAYS; way++)
			t_equal(flush(ctx, way, memory, sizeof(memory)), hdp.status[way]);
		end(&fake, ctx);
	}
}

/* Devices that need no flush: for these the driver's own flush does nothing, too. */
static void not_needed(void)
{
	const uint64_t fusion = AMDGPU_IDS_FLAGS_FUSION;
	static const uint64_t passthrough = AMDGPU_IDS_FLAGS_MODE_PT << AMDGPU_IDS_FLAGS_MODE_SHIFT;
	static const uint64_t virtual_function = AMDGPU_IDS_FLAGS_MODE_VF
						 << AMDGPU_IDS_FLAGS_MODE_SHIFT;
#ifdef __x86_64__
	const uint32_t apu = AMDGPU_USERPTR_HDP_APU;
#else
	const uint32_t apu = AMDGPU_USERPTR_HDP_NEEDED;
#endif
	const struct {
		uint64_t ids_flags;
		bool xgmi;
		uint32_t need;
	} cases[] = {
		{ 0, false, AMDGPU_USERPTR_HDP_NEEDED },
		{ fusion, false, apu },
		{ fusion | virtual_function, false, apu },
		{ fusion | passthrough, false, AMDGPU_USERPTR_HDP_NEEDED },
		{ passthrough, false, AMDGPU_USERPTR_HDP_NEEDED },
		{ 0, true, AMDGPU_USERPTR_HDP_XGMI },
	};

	for (size_t i = 0; i < T_ARRAY_SIZE(cases); i++) {
		const bool needed = cases[i].need == AMDGPU_USERPTR_HDP_NEEDED;
		struct amdgpu_userptr_hdp hdp;
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		uint32_t word = 0;
		struct amdgpu_userptr_hdp_flush_args args = {
			.size = sizeof(args),
			.mem_flush_cntl = &word,
		};
		unsigned int calls;

		fake_init(&fake, backend);
		has_all(&fake);
		fake.ids_flags = cases[i].ids_flags;
		fake.xgmi = cases[i].xgmi;
		ctx = fake_ctx(&fake, 1);
		calls = fake.calls;
		t_equal(flush(ctx, WAY(AUTO), NULL, 0), 0);
		t_equal(amdgpu_userptr_hdp_flush(ctx, &args), 0);
		t_equal(fake.calls != calls, needed);
		t_equal(word, needed);
		hdp = query(ctx);
		t_equal(hdp.need, cases[i].need);
		t_equal(hdp.way, needed ? WAY(REMAP) : WAY(NONE));
		t_equal(hdp.status[WAY(NONE)], needed ? -EOPNOTSUPP : 0);
		t_equal(hdp.status[WAY(AUTO)], 0);
		end(&fake, ctx);
	}
}

static void system_memory(void)
{
	struct amdgpu_userptr_range ranges[12]; /* so many that the look-up allocates an array */
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_hdp hdp = { .size = sizeof(hdp), .device = 1 };
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	for (unsigned int i = 0; i < T_ARRAY_SIZE(ranges); i++)
		ranges[i] = (struct amdgpu_userptr_range){ (1 + 2 * i) * PAGE, PAGE, 0, 0 };
	ctx = begin(&fake);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	hdp.addr = (void *)(uintptr_t)(5 * PAGE + 1);
	t_equal(amdgpu_userptr_query_hdp(ctx, &hdp), 0);
	t_equal(hdp.way, WAY(NONE));
	t_equal(hdp.need, AMDGPU_USERPTR_HDP_SYSTEM_MEMORY);
	t_equal(hdp.status[WAY(NONE)], 0);
	hdp.addr = (void *)(uintptr_t)(6 * PAGE);
	t_equal(amdgpu_userptr_query_hdp(ctx, &hdp), 0);
	t_equal(hdp.need, AMDGPU_USERPTR_HDP_NEEDED);
	t_equal(amdgpu_userptr_unmap(map), 0);

	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	fail_alloc = 1;
	t_equal(amdgpu_userptr_query_hdp(ctx, &hdp), -ENOMEM);
	t_equal(fail_alloc, 0);
	end(&fake, ctx);
}

/* ------------------------------------------------------------------------------------------- */
/* What each way does									       */

static uint32_t *page_of(struct fake_kernel *fake, uint32_t handle)
{
	return fake->devices[0].bos[handle - 1].page;
}

static void check_remap(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx, unsigned int i)
{
	volatile uint32_t *page = fake->devices[0].remap_page;

	t_assert(page);
	t_equal(page[0], 1);
	page[0] = 0;
	for (unsigned int at = 1; at < PAGE / 4; at++)
		t_equal(page[at], 0);
	t_equal(fake->count[FAKE_GEM_OP], 1);
}

static void check_kernel(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx, unsigned int i)
{
	/* The first flush calls the ioctl once more, to learn whether the kernel knows it. */
	t_equal(fake->count[FAKE_HDP_FLUSH], 2 + i);
}

static void check_submit(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx, unsigned int i)
{
	t_equal(fake->count[FAKE_CS], 1 + i);
	t_equal(fake->count[FAKE_WAIT_CS], 1 + i);
	t_equal(fake->devices[0].cs_fence, 1 + i);
	t_equal(fake->devices[0].cs_done, 1 + i);
}

static void check_read_back(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx,
			    unsigned int i)
{
	t_equal(fake->count[FAKE_GEM_CREATE], 0);
}

static void check_dummy(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx, unsigned int i)
{
	const uint32_t *page = page_of(fake, ctx->devices[0].hdp.dummy.handle);

	t_equal(page[0], i);
	t_equal(page[PAGE / 4 - 1], i);
	for (unsigned int at = 1; at < PAGE / 4 - 1; at++)
		t_equal(page[at], 0);
}

/*
 * Make ten flushes. Check the effect and the ioctls of each flush, and that only the first one
 * allocates.
 */
static void each_way(void)
{
	static const struct {
		uint32_t way;
		unsigned int calls; /* of the kernel, in each flush but the first */
		void (*check)(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx,
			      unsigned int i);
	} ways[] = {
		{ WAY(NONE), 0, NULL },
		{ WAY(REMAP), 0, check_remap },
		{ WAY(KERNEL), 1, check_kernel },
		{ WAY(SUBMIT), 2, check_submit },
		{ WAY(READ_BACK), 0, check_read_back },
		{ WAY(DUMMY), 0, check_dummy },
	};

	for (size_t w = 0; w < T_ARRAY_SIZE(ways); w++) {
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		unsigned int calls, allocs;
		char memory[9] = "abcdefgh";

		ctx = begin_with_all(&fake);
		for (unsigned int i = 0; i < 10; i++) {
			calls = fake.calls;
			allocs = allocations;
			t_equal(flush(ctx, ways[w].way, memory, 8), 0);
			if (i) {
				t_equal(fake.calls - calls, ways[w].calls);
				t_equal(allocations, allocs);
			}
			if (ways[w].check)
				ways[w].check(&fake, ctx, i);
		}
		t_assert(!strcmp(memory, "abcdefgh"));
		end(&fake, ctx);
	}
}

/*
 * The caller names a page that it has from KFD: the library makes no ioctl, also not for the first
 * flush.
 */
static void page_of_caller(void)
{
	uint32_t page[2] = { 0, 0 };
	struct amdgpu_userptr_hdp_flush_args args = {
		.size = sizeof(args),
		.device = 1,
		.mem_flush_cntl = page,
	};
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	unsigned int calls;

	ctx = begin(&fake);
	calls = fake.calls;
	for (args.way = WAY(AUTO); args.way <= WAY(REMAP); args.way += WAY(REMAP)) {
		t_equal(amdgpu_userptr_hdp_flush(ctx, &args), 0);
		t_assert(page[0] == 1 && !page[1]);
		page[0] = 0;
	}
	t_equal(fake.calls, calls);
	args.way = WAY(KERNEL);
	t_equal(amdgpu_userptr_hdp_flush(ctx, &args), -EINVAL);
	args.way = WAY(NONE);
	t_equal(amdgpu_userptr_hdp_flush(ctx, &args), -EINVAL);
	t_equal(page[0], 0);
	end(&fake, ctx);
}

/* ------------------------------------------------------------------------------------------- */
/* What goes wrong									       */

static void bad_arguments(void)
{
	struct amdgpu_userptr_hdp hdp = { .size = sizeof(hdp), .device = 2 };
	const struct amdgpu_userptr_hdp_flush_args good = { .size = sizeof(good) };
	struct amdgpu_userptr_hdp_flush_args args = good;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	unsigned int calls;

	ctx = begin(&fake);
	calls = fake.calls;
	t_equal(amdgpu_userptr_hdp_flush(NULL, &args), -EINVAL);
	t_equal(amdgpu_userptr_hdp_flush(ctx, NULL), -EINVAL);
	args.device = 2;
	t_equal(amdgpu_userptr_hdp_flush(ctx, &args), -EINVAL);
	args = good;
	args.way = NUM_WAYS;
	t_equal(amdgpu_userptr_hdp_flush(ctx, &args), -EINVAL);
	args = good;
	args.reserved = 1;
	t_equal(amdgpu_userptr_hdp_flush(ctx, &args), -EINVAL);
	t_equal(flush(ctx, WAY(READ_BACK), NULL, 0), -EINVAL);
	t_equal(flush(ctx, WAY(AUTO), NULL, 1), -EINVAL);
	t_equal(flush(ctx, WAY(AUTO), &args, 0), -EINVAL);
	t_equal(flush(ctx, WAY(READ_BACK), (void *)UINTPTR_MAX, 2), -EINVAL);
	t_equal(amdgpu_userptr_query_hdp(NULL, &hdp), -EINVAL);
	t_equal(amdgpu_userptr_query_hdp(ctx, NULL), -EINVAL);
	t_equal(amdgpu_userptr_query_hdp(ctx, &hdp), -EINVAL);
	hdp.device = 0;
	hdp.reserved = 1;
	t_equal(amdgpu_userptr_query_hdp(ctx, &hdp), -EINVAL);
	t_equal(fake.calls, calls);
	end(&fake, ctx);
}

/*
 * GFX 6 has other packets, and without a timeline the library does not know when the GPU can reach
 * the IB. So the device does not have SUBMIT in either case.
 */
static void no_submission(void)
{
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	fake.family = AMDGPU_FAMILY_SI;
	ctx = fake_ctx(&fake, 1);
	t_equal(flush(ctx, WAY(SUBMIT), NULL, 0), -EOPNOTSUPP);
	t_equal(flush(ctx, WAY(AUTO), NULL, 0), 0);
	t_equal(ctx->devices[0].hdp.best, WAY(DUMMY));
	end(&fake, ctx);

	fake_init(&fake, AMDGPU_USERPTR_BACKEND_RANGES);
	fake.drm_minor = AU_DRM_MINOR_VM_TIMELINE - 1;
	ctx = fake_ctx(&fake, 1);
	t_equal(flush(ctx, WAY(SUBMIT), NULL, 0), -EOPNOTSUPP);
	t_equal(fake.count[FAKE_CS], 0);
	end(&fake, ctx);
}

/*
 * Each call of the kernel fails once in the first flush. Nothing is left, and the next flush works.
 */
static void each_call_fails(void)
{
	static const uint32_t ways[] = { WAY(REMAP), WAY(KERNEL), WAY(SUBMIT), WAY(DUMMY) };

	for (size_t i = 0; i < T_ARRAY_SIZE(ways); i++) {
		bool failed = true;
		unsigned int failures = 0;

		for (unsigned int call = 1; failed; call++) {
			struct amdgpu_userptr_ctx *ctx;
			struct fake_kernel fake;
			int ret;

			ctx = begin_with_all(&fake);
			fake.fail_call = call;
			fake.fail_error = -ENODEV;
			ret = flush(ctx, ways[i], NULL, 0);
			failed = fake.failed;
			failures += failed;
			t_assert(!ret || failed);
			if (fake.count[FAKE_CS] || ways[i] == WAY(KERNEL))
				t_equal(ret, failed ? -ENODEV : 0);
			fake.fail_call = 0;
			t_equal(flush(ctx, ways[i], NULL, 0), 0);
			end(&fake, ctx);
			t_assert(call < 50);
		}
		/* KERNEL needs two ioctls, REMAP needs GEM_OP, GEM_MMAP and mmap(), others more. */
		t_assert(failures >= (ways[i] == WAY(KERNEL) ? 2 : 3));
	}
}

static void device_is_gone(void)
{
	const struct amdgpu_userptr_hdp_flush_args args = {
		.size = sizeof(args),
		.way = WAY(KERNEL),
	};
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin_with_all(&fake);
	fake.kernel_flush_error = -ENODEV;
	t_equal(amdgpu_userptr_hdp_flush(ctx, &args), -ENODEV);
	end(&fake, ctx);
}

static void no_memory(void)
{
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake);
	fail_alloc = 1;
	t_equal(flush(ctx, WAY(SUBMIT), NULL, 0), -ENOMEM);
	t_equal(fail_alloc, 0);
	t_equal(flush(ctx, WAY(SUBMIT), NULL, 0), 0);
	end(&fake, ctx);
}

/*
 * On a stock kernel SUBMIT is the only way that is certain, and it fails with -ENOMEM. AUTO must
 * return that error. It must not fall back to READ_BACK or DUMMY, now or in later calls.
 */
static void best_effort_is_last(void)
{
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	char memory[8] = { 0 };

	ctx = begin(&fake);
	fail_alloc = 1;
	t_equal(flush(ctx, WAY(AUTO), NULL, 0), -ENOMEM);
	t_equal(fail_alloc, 0);
	fail_alloc = 1;
	t_equal(flush(ctx, WAY(AUTO), memory, sizeof(memory)), -ENOMEM);
	t_equal(fail_alloc, 0);
	t_equal(flush(ctx, WAY(AUTO), NULL, 0), 0);
	t_equal(fake.count[FAKE_CS], 1);
	t_equal(query(ctx).way, WAY(SUBMIT));
	end(&fake, ctx);
}

/* ------------------------------------------------------------------------------------------- */
/* Threads										       */

static struct amdgpu_userptr_ctx *shared;

static void *flush_often(void *arg)
{
	const uintptr_t number = (uintptr_t)arg;
	char memory[64];

	for (unsigned int i = 0; i < 200; i++) {
		const uint32_t way = (number + i) % NUM_WAYS;

		t_equal(flush(shared, way, memory, sizeof(memory)), 0);
		if (i % 50 == 49)
			t_equal(query(shared).way, WAY(REMAP));
	}
	return NULL;
}

static void threads(void)
{
	pthread_t thread[NUM_THREADS];
	struct fake_kernel fake;

	shared = begin_with_all(&fake);
	for (uintptr_t i = 0; i < NUM_THREADS; i++)
		t_equal(pthread_create(&thread[i], NULL, flush_often, (void *)i), 0);
	for (unsigned int i = 0; i < NUM_THREADS; i++)
		t_equal(pthread_join(thread[i], NULL), 0);
	/* Each way was prepared once. */
	t_equal(fake.count[FAKE_GEM_OP], 1);
	t_equal(fake.count[FAKE_GEM_CREATE], 2);
	t_equal(fake.devices[0].cs_ctxs, 1);
	end(&fake, shared);
}

/* No two ways have the same name, and each way and each need has a text. */
static void names(void)
{
	for (uint32_t i = 0; i < NUM_WAYS; i++) {
		t_assert(strcmp(amdgpu_userptr_hdp_way_name(i), "unknown"));
		for (uint32_t j = 0; j < i; j++)
			t_assert(strcmp(amdgpu_userptr_hdp_way_name(i),
					amdgpu_userptr_hdp_way_name(j)));
	}
	t_assert(!strcmp(amdgpu_userptr_hdp_way_name(NUM_WAYS), "unknown"));
	t_assert(!strcmp(amdgpu_userptr_hdp_way_name(UINT32_MAX), "unknown"));
	for (uint32_t i = 0; i <= AMDGPU_USERPTR_HDP_SYSTEM_MEMORY; i++)
		t_assert(strcmp(amdgpu_userptr_hdp_need_text(i), "unknown"));
	t_assert(!strcmp(amdgpu_userptr_hdp_need_text(AMDGPU_USERPTR_HDP_SYSTEM_MEMORY + 1),
			 "unknown"));
	t_assert(!strcmp(amdgpu_userptr_hdp_need_text(UINT32_MAX), "unknown"));
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	best_way();
	not_needed();
	system_memory();
	each_way();
	page_of_caller();
	bad_arguments();
	no_submission();
	each_call_fails();
	device_is_gone();
	no_memory();
	best_effort_is_last();
	threads();
	names();
	return 0;
}
