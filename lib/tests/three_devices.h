/* SPDX-License-Identifier: MIT */
/* Contexts on three devices, and maps of three ranges on some of the devices. */
#ifndef THREE_DEVICES_H
#define THREE_DEVICES_H

#include "fake_kernel.h"
#include "test.h"

#define PAGE	    FAKE_CPU_PAGE
#define NUM_DEVICES 3
#define ALL	    UINT64_C(7)
#define TIMEOUT_NS  UINT64_C(1000000)
#define FIXED_VA    UINT64_C(0x100000000)

static uint32_t backend; /* of the contexts; main() sets it */

static const struct amdgpu_userptr_range ranges[] = {
	{ 1 * PAGE, PAGE, 0, 0 },
	{ 5 * PAGE, 2 * PAGE, AMDGPU_USERPTR_RANGE_READONLY, 0 },
	{ 9 * PAGE, PAGE, 0, 0 },
};

static inline struct amdgpu_userptr_ctx *begin(struct fake_kernel *fake)
{
	fake_init(fake, backend);
	return fake_ctx(fake, NUM_DEVICES);
}

static inline struct amdgpu_userptr_ctx *begin_with_limit(struct fake_kernel *fake)
{
	fake_init(fake, backend);
	fake->timeout_ns = TIMEOUT_NS;
	return fake_ctx(fake, NUM_DEVICES);
}

static inline void end(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx)
{
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(fake);
}

/* A map at FIXED_VA. */
static inline struct amdgpu_userptr_mapping *map_on(struct amdgpu_userptr_ctx *ctx,
						    uint64_t devices)
{
	struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_mapping *map;

	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = FIXED_VA;
	args.devices = devices;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(args.failed_reachable, 0);
	return map;
}

static inline int attach(struct amdgpu_userptr_mapping *map, uint32_t device)
{
	struct amdgpu_userptr_attach_args args = { .size = sizeof(args), .device = device };

	return amdgpu_userptr_attach(map, &args);
}

static inline unsigned int num_bos(void)
{
	return backend == AMDGPU_USERPTR_BACKEND_SCATTER ? 1 : T_ARRAY_SIZE(ranges);
}

/* Check that kernel, info and statistics agree: the map at FIXED_VA is on these devices. */
static inline void check_on(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx,
			    uint64_t devices)
{
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };
	struct amdgpu_userptr_info info = { .size = sizeof(info) };

	t_equal(amdgpu_userptr_query(ctx, FIXED_VA, &info), 0);
	t_equal(info.devices, devices);
	t_equal(info.gpu_va, FIXED_VA);
	t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
	t_equal(stats.mappings, 1);
	t_equal(stats.bos, num_bos() * __builtin_popcountll(devices));
	t_equal(stats.scatter_bos,
		num_bos() == 1 ? (unsigned int)__builtin_popcountll(devices) : 0);
	for (unsigned int i = 0; i < NUM_DEVICES; i++) {
		const bool on = devices & au_device_bit(i);
		uint64_t va = FIXED_VA;

		t_equal(fake->devices[i].open_bos, on ? num_bos() : 0);
		for (size_t j = 0; j < T_ARRAY_SIZE(ranges); va += ranges[j++].size) {
			t_equal(fake_translate(fake, i, va), on ? ranges[j].cpu_addr : 0);
			if (on)
				t_equal(!(fake_find_flags(fake, i, va) & AMDGPU_VM_PAGE_WRITEABLE),
					ranges[j].flags == AMDGPU_USERPTR_RANGE_READONLY);
		}
	}
}

#endif /* THREE_DEVICES_H */
