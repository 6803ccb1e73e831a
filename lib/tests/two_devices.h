/* SPDX-License-Identifier: MIT */
/* Contexts on two devices, and maps of two ranges, for tests of failures on one device. */
#ifndef TWO_DEVICES_H
#define TWO_DEVICES_H

#include "fake_kernel.h"
#include "test.h"

#define PAGE	    FAKE_CPU_PAGE
#define NUM_DEVICES 2
#define TIMEOUT_NS  UINT64_C(1000000)

static uint32_t backend; /* of the contexts; main() sets it */

static const struct amdgpu_userptr_range ranges[] = {
	{ 1 * PAGE, PAGE, 0, 0 },
	{ 5 * PAGE, PAGE, 0, 0 },
};

/* Number of BOs on one device of a map of all ranges. */
static inline unsigned int num_bos(void)
{
	return backend == AMDGPU_USERPTR_BACKEND_SCATTER ? 1 : T_ARRAY_SIZE(ranges);
}

static inline struct amdgpu_userptr_ctx *begin(struct fake_kernel *fake, uint64_t timeout_ns)
{
	fake_init(fake, backend);
	fake->timeout_ns = timeout_ns;
	return fake_ctx(fake, NUM_DEVICES);
}

static inline void end(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx)
{
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(fake);
}

static inline struct amdgpu_userptr_mapping *map_all(struct amdgpu_userptr_ctx *ctx)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;

	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	return map;
}

#endif /* TWO_DEVICES_H */
