/* SPDX-License-Identifier: MIT */
/*
 * mmap() may return higher addresses than the GPU has, as on arm64 with addresses of 48 bits and a
 * gfx9. These tests check that the library finds lower addresses, first in the address space of the
 * fake kernel, then in that of this process.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"

#define PAGE	    FAKE_CPU_PAGE
#define HIGH	    UINT64_C(0xffff63b60000) /* an address of mmap() on arm64 */
#define NUM_THREADS 4
#define NUM_ROUNDS  100

static const struct amdgpu_userptr_range range = { PAGE, PAGE, 0, 0 };

static struct amdgpu_userptr_ctx *begin(struct fake_kernel *fake)
{
	fake_init(fake, AMDGPU_USERPTR_BACKEND_AUTO);
	fake->next_reservation = HIGH;
	return fake_ctx(fake, 2);
}

static void end(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx)
{
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(fake);
}

static struct amdgpu_userptr_mapping *map_range(struct amdgpu_userptr_ctx *ctx,
						const struct amdgpu_userptr_range *memory,
						uint64_t *va)
{
	struct amdgpu_userptr_map_args args = fake_map_args(memory, 1);
	struct amdgpu_userptr_mapping *map;

	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_assert(args.gpu_va >= FAKE_VA_MIN && args.gpu_va + memory->size <= FAKE_VA_MAX);
	*va = args.gpu_va;
	return map;
}

/* All maps are below the end, side by side, and their addresses are used again. */
static void below_the_end(void)
{
	struct amdgpu_userptr_mapping *map[3];
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	uint64_t va[3], again;

	ctx = begin(&fake);
	for (unsigned int i = 0; i < T_ARRAY_SIZE(map); i++)
		map[i] = map_range(ctx, &range, &va[i]);
	/* The first attempt has got a high address, and the library has given it back. */
	t_equal(fake.count[FAKE_RESERVE], 1 + T_ARRAY_SIZE(map));
	t_equal(fake.count[FAKE_RELEASE], 1);
	t_equal(fake.count[FAKE_FIND_GAP], 0);
	t_equal(va[1], va[0] - PAGE);
	t_equal(va[2], va[1] - PAGE);
	for (unsigned int round = 0; round < NUM_ROUNDS; round++) {
		t_equal(amdgpu_userptr_unmap(map[0]), 0);
		map[0] = map_range(ctx, &range, &again);
		t_equal(again, va[0]);
	}
	end(&fake, ctx);
}

/* The search begins at an address that depends on the kernel's first choice, which is random. */
static void random_start(void)
{
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	uint64_t one, other;

	ctx = begin(&fake);
	map_range(ctx, &range, &one);
	end(&fake, ctx);
	fake_init(&fake, AMDGPU_USERPTR_BACKEND_AUTO);
	fake.next_reservation = HIGH - 12345 * PAGE;
	ctx = fake_ctx(&fake, 2);
	map_range(ctx, &range, &other);
	t_equal(other, one - 12345 * PAGE);
	end(&fake, ctx);
}

/* A map whose end would be behind the last address. */
static void across_the_end(void)
{
	const struct amdgpu_userptr_range two = { PAGE, 2 * PAGE, 0, 0 };
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	uint64_t va;

	ctx = begin(&fake);
	fake.next_reservation = FAKE_VA_MAX - PAGE;
	map_range(ctx, &two, &va);
	t_equal(fake.count[FAKE_RELEASE], 1);
	end(&fake, ctx);
}

/*
 * If the memory in the way is small, one of the next hints is free. If the memory is large, the
 * library has to ask find_gap().
 */
static void something_is_in_the_way(void)
{
	static const struct {
		uint64_t start, end;
		unsigned int gaps; /* 0: the library must not need find_gap() */
	} ways[] = {
		{ FAKE_VA_MAX - 4 * PAGE, FAKE_VA_MAX, 0 },
		{ FAKE_VA_MAX / 2, FAKE_VA_MAX, 1 },
		{ FAKE_VA_MIN + 2 * PAGE, FAKE_VA_MAX, 1 },
	};

	for (unsigned int i = 0; i < T_ARRAY_SIZE(ways); i++) {
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;
		uint64_t va;

		ctx = begin(&fake);
		fake.next_reservation = 2 * FAKE_VA_MAX - PAGE;
		fake_take(&fake, ways[i].start, ways[i].end - ways[i].start);
		map_range(ctx, &range, &va);
		t_assert(va + PAGE <= ways[i].start);
		t_assert(!ways[i].gaps == !fake.count[FAKE_FIND_GAP]);
		fake_give_back(&fake, ways[i].start, ways[i].end - ways[i].start);
		end(&fake, ctx);
	}
}

/* Another thread takes each address first, for a while and then for ever. The search must end. */
static void others_are_faster(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	uint64_t va;

	ctx = begin(&fake);
	fake.refused_hints = 40;
	map_range(ctx, &range, &va);
	t_equal(fake.refused_hints, 0);
	t_assert(fake.count[FAKE_FIND_GAP]);
	fake.refused_hints = 1000;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ENOMEM);
	t_assert(fake.refused_hints > 900);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VA_RESERVE);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_NO_ADDRESSES);
	end(&fake, ctx);
}

/* All addresses of the GPU are in use, or the library cannot see which are. */
static void no_address(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
	const uint64_t size = FAKE_VA_MAX - FAKE_VA_MIN;
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake);
	fake_take(&fake, FAKE_VA_MIN, size);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -ENOMEM);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VA_RESERVE);
	t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_NO_ADDRESSES);
	/* Let each call fail in turn, also the one that reads the free addresses from /proc. */
	for (unsigned int call = 1; call < 64; call++) {
		fake.failed = false;
		fake.fail_call = call;
		fake.fail_error = -ENOENT;
		t_assert(amdgpu_userptr_map(ctx, &args, &map));
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VA_RESERVE);
	}
	fake.fail_call = 0;
	fake_give_back(&fake, FAKE_VA_MIN, size);
	end(&fake, ctx);
}

/* ------------------------------------------------------------------------------------------- */
/* The address space of this process							       */

static struct amdgpu_userptr_ctx *real_ctx;
static struct au_ops ops; /* the GPU is the model, the address space is real */

static void real_begin(struct fake_kernel *fake, uint64_t va_max)
{
	const int fd = FAKE_FIRST_FD;
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = &fd,
		.num_devices = 1,
	};

	ops = fake_ops;
	ops.reserve = au_kernel_ops.reserve;
	ops.release = au_kernel_ops.release;
	ops.find_gap = au_kernel_ops.find_gap;
	fake_init(fake, AMDGPU_USERPTR_BACKEND_AUTO);
	fake->page_size = sysconf(_SC_PAGESIZE);
	fake->va_max = va_max;
	t_equal(au_ctx_create(&args, &ops, fake, &real_ctx), 0);
}

/* An end of the GPU's addresses that is so low that the GPU has no address of mmap(). */
static uint64_t low_end(void)
{
	void *here = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t end = FAKE_VA_MIN;

	t_assert(here != MAP_FAILED);
	while (end < (uintptr_t)here / 4)
		end *= 2;
	munmap(here, 1);
	return end;
}

static void *reserve_and_release(void *arg)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);

	for (unsigned int round = 0; round < NUM_ROUNDS; round++) {
		struct au_reservation *some[4];

		for (unsigned int i = 0; i < T_ARRAY_SIZE(some); i++) {
			some[i] = calloc(1, sizeof(*some[i]));
			t_assert(some[i]);
			t_equal(au_reserve(real_ctx, (1 + i) * page, some[i]), 0);
			t_assert(some[i]->addr + some[i]->size <= real_ctx->va_max);
			/* No other thread has the same addresses, so the memory is still zero. */
			t_equal(mprotect((void *)(uintptr_t)some[i]->addr, page,
					 PROT_READ | PROT_WRITE),
				0);
			t_equal(*(uint64_t *)(uintptr_t)some[i]->addr, 0);
			*(uint64_t *)(uintptr_t)some[i]->addr = 1;
		}
		for (unsigned int i = 0; i < T_ARRAY_SIZE(some); i++)
			au_release(real_ctx, some[i]);
	}
	return NULL;
}

static void real_threads(void)
{
	pthread_t threads[NUM_THREADS];
	struct fake_kernel fake;

	real_begin(&fake, low_end());
	for (unsigned int i = 0; i < NUM_THREADS; i++)
		t_equal(pthread_create(&threads[i], NULL, reserve_and_release, NULL), 0);
	for (unsigned int i = 0; i < NUM_THREADS; i++)
		t_equal(pthread_join(threads[i], NULL), 0);
	t_equal(amdgpu_userptr_ctx_destroy(real_ctx), 0);
	fake_fini(&fake);
}

/* reserve() must not replace memory at its hint, and find_gap() must find the gaps beside it. */
static void real_gaps(void)
{
	const uint64_t page = sysconf(_SC_PAGESIZE), size = 16 * page;
	uint64_t window, addr, gap;

	t_equal(au_kernel_ops.reserve(NULL, 0, size, &window), 0);
	t_equal(au_kernel_ops.reserve(NULL, window + page, page, &addr), -EEXIST);
	t_equal(au_kernel_ops.find_gap(NULL, window, window + size, page, &gap), -ENOMEM);
	t_equal(au_kernel_ops.release(NULL, window + 3 * page, 2 * page), 0);
	t_equal(au_kernel_ops.release(NULL, window + 9 * page, page), 0);
	t_equal(au_kernel_ops.find_gap(NULL, window, window + size, page, &gap), 0);
	t_equal(gap, window + 9 * page);
	t_equal(au_kernel_ops.find_gap(NULL, window, window + size, 2 * page, &gap), 0);
	t_equal(gap, window + 3 * page);
	t_equal(au_kernel_ops.find_gap(NULL, window, window + 4 * page, page, &gap), 0);
	t_equal(gap, window + 3 * page);
	t_equal(au_kernel_ops.find_gap(NULL, window, window + size, 3 * page, &gap), -ENOMEM);
	t_equal(au_kernel_ops.reserve(NULL, window + 3 * page, 2 * page, &addr), 0);
	t_equal(addr, window + 3 * page);
	t_equal(au_kernel_ops.reserve(NULL, window + 9 * page, page, &addr), 0);
	t_equal(au_kernel_ops.release(NULL, window, size), 0);
	/* The gap above all memory of the process. */
	t_equal(au_kernel_ops.find_gap(NULL, UINT64_MAX - 2 * page, UINT64_MAX, page, &gap), 0);
}

int main(void)
{
	below_the_end();
	random_start();
	across_the_end();
	something_is_in_the_way();
	others_are_faster();
	no_address();
	real_threads();
	real_gaps();
	return 0;
}
