/* SPDX-License-Identifier: MIT */
/* The flush of the host data path while a GPU hangs, and after a reset. */
#include "fake_kernel.h"
#include "test.h"

#define PAGE	   FAKE_CPU_PAGE
#define TIMEOUT_NS UINT64_C(1000000)

static uint32_t backend;

static struct amdgpu_userptr_ctx *begin(struct fake_kernel *fake)
{
	fake_init(fake, backend);
	return fake_ctx(fake, 2);
}

static void end(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx)
{
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(fake);
}

static int flush(struct amdgpu_userptr_ctx *ctx, uint32_t way)
{
	const struct amdgpu_userptr_hdp_flush_args args = { .size = sizeof(args), .way = way };

	return amdgpu_userptr_hdp_flush(ctx, &args);
}

/*
 * A reset cancels the commands of the CS context. A flush makes a new CS context and tries again,
 * but only once.
 */
static void resets(void)
{
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = begin(&fake);
	t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), 0);
	fake.devices[0].cancels = 1;
	t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), 0);
	t_equal(fake.count[FAKE_CS], 3);
	t_equal(fake.devices[0].cs_ctxs, 1);
	fake.devices[0].cancels = 2;
	t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), -ECANCELED);
	t_equal(fake.devices[0].cancels, 0);
	t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), 0);
	end(&fake, ctx);
}

/*
 * A reset ends commands that the GPU runs already, and their fence gets an error. The library must
 * not take this error for a time-out, because the context has no limit. If both tries of a flush
 * get such an error, the flush fails. The next flush gets the error from its submission and works
 * with a new CS context.
 */
static void resets_in_wait(void)
{
	static const int errors[] = { -ETIME, -ECANCELED, -ENODATA };

	for (size_t i = 0; i < T_ARRAY_SIZE(errors); i++) {
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		ctx = begin(&fake);
		fake.devices[0].cs_error = errors[i];
		fake.devices[0].cs_errors = 1;
		t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), 0);
		t_equal(fake.count[FAKE_CS], 2);
		t_equal(fake.devices[0].cs_ctxs, 1);
		t_equal(fake.devices[0].cs_done, 2);
		fake.devices[0].cs_errors = 2;
		t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), -ECANCELED);
		t_equal(fake.devices[0].cs_errors, 0);
		t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), 0);
		end(&fake, ctx);
	}
}

/*
 * A flush was late, and then a reset ends its commands. The first submission of the next flush
 * fails, so the library tries again.
 */
static void resets_after_time_out(void)
{
	static const int errors[] = { -ETIME, -ECANCELED, -ENODATA };

	for (size_t i = 0; i < T_ARRAY_SIZE(errors); i++) {
		struct amdgpu_userptr_ctx *ctx;
		struct fake_kernel fake;

		fake_init(&fake, backend);
		fake.timeout_ns = TIMEOUT_NS;
		ctx = fake_ctx(&fake, 1);
		t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), 0);
		fake.devices[0].hangs = true;
		t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), -ETIME);
		fake.devices[0].hangs = false;
		fake.devices[0].cs_error = errors[i];
		fake.devices[0].cs_failed = fake.devices[0].cs_ctx;
		t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), 0);
		t_equal(fake.count[FAKE_CS], 4);
		t_equal(fake.devices[0].cs_ctxs, 1);
		end(&fake, ctx);
	}
}

/* The GPU hangs in a map's update: the library makes no BO that it could not close in time. */
static void hangs_in_a_map(void)
{
	static const uint32_t ways[] = { AMDGPU_USERPTR_HDP_REMAP, AMDGPU_USERPTR_HDP_SUBMIT,
					 AMDGPU_USERPTR_HDP_DUMMY };
	const struct amdgpu_userptr_range range = { PAGE, PAGE, 0, 0 };
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	fake.remap_error = 0;
	fake.kernel_flush_error = 0;
	fake.timeout_ns = TIMEOUT_NS;
	ctx = fake_ctx(&fake, 1);
	for (size_t i = 0; i < T_ARRAY_SIZE(ways); i++) {
		struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
		unsigned int calls;

		fake.devices[0].hangs = true;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -ETIME);
		calls = fake.count[FAKE_GEM_CREATE] + fake.count[FAKE_GEM_OP];
		t_equal(flush(ctx, ways[i]), -ETIME);
		t_equal(fake.count[FAKE_GEM_CREATE] + fake.count[FAKE_GEM_OP], calls);
		fake.devices[0].hangs = false;
		t_equal(flush(ctx, ways[i]), 0);
	}
	end(&fake, ctx);
}

/* While the GPU hangs, a flush and ctx_destroy() return in time, and the BOs stay open. */
static void hangs(void)
{
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	for (unsigned int prepared = 0; prepared < 2; prepared++) {
		fake_init(&fake, backend);
		fake.timeout_ns = TIMEOUT_NS;
		ctx = fake_ctx(&fake, 1);
		if (prepared)
			t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), 0);
		fake.devices[0].hangs = true;
		t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), -ETIME);
		fake.devices[0].hangs = false;
		t_equal(flush(ctx, AMDGPU_USERPTR_HDP_SUBMIT), 0);
		fake.devices[0].hangs = true;
		amdgpu_userptr_ctx_destroy(ctx);
		t_assert(fake.devices[0].open_bos && fake.reservations);
		fake.devices[0].hangs = false;
		fake.devices[0].open_bos = fake.devices[0].num_mappings = fake.reservations = 0;
		fake_fini(&fake);
	}
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	resets();
	resets_in_wait();
	resets_after_time_out();
	hangs_in_a_map();
	hangs();
	return 0;
}
