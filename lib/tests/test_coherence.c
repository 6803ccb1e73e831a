/* SPDX-License-Identifier: MIT */
/* AMDGPU_USERPTR_MAP_COHERENT and the like, on kernels that know these flags or do not. */
#include "fake_kernel.h"
#include "test.h"

#define PAGE FAKE_CPU_PAGE

static uint32_t backend;

/* Each flag of a map becomes one flag of its BOs. */
static void kinds(void)
{
	static const struct {
		uint32_t map, gem;
	} flags[] = {
		{ 0, 0 },
		{ AMDGPU_USERPTR_MAP_COHERENT, AMDGPU_GEM_USERPTR_COHERENT },
		{ AMDGPU_USERPTR_MAP_UNCACHED, AMDGPU_GEM_USERPTR_UNCACHED },
		{ AMDGPU_USERPTR_MAP_EXT_COHERENT, AMDGPU_GEM_USERPTR_EXT_COHERENT },
		{ AU_MAP_COHERENCE | AMDGPU_USERPTR_MAP_NO_COALESCE,
		  AMDGPU_GEM_USERPTR_COHERENT | AMDGPU_GEM_USERPTR_UNCACHED |
			  AMDGPU_GEM_USERPTR_EXT_COHERENT },
	};
	const struct amdgpu_userptr_range ranges[] = {
		{ PAGE, PAGE, 0, 0 },
		{ 5 * PAGE, PAGE, 0, 0 },
	};
	const uint32_t mask = flags[T_ARRAY_SIZE(flags) - 1].gem;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 2);
	for (size_t i = 0; i < T_ARRAY_SIZE(flags); i++) {
		struct amdgpu_userptr_map_args args = fake_map_args(ranges, T_ARRAY_SIZE(ranges));
		struct amdgpu_userptr_mapping *map;

		args.flags = flags[i].map;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
		for (unsigned int at = 0; at < 2 * T_ARRAY_SIZE(ranges); at++) {
			const uint64_t va = args.gpu_va + at / 2 * PAGE;

			t_equal(fake_find_bo(&fake, at % 2, va)->flags & mask, flags[i].gem);
		}
		t_equal(amdgpu_userptr_unmap(map), 0);
	}
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* Caps report the flags, and a map with flags that the kernel does not know fails. */
static void expect_coherence(struct fake_kernel *fake, bool known)
{
	const struct amdgpu_userptr_range range = { PAGE, PAGE, 0, 0 };
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
	struct amdgpu_userptr_ctx *ctx = fake_ctx(fake, 1);
	struct amdgpu_userptr_mapping *map;

	args.flags = AMDGPU_USERPTR_MAP_COHERENT;
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	t_equal(caps.map_flags, AMDGPU_USERPTR_MAP_NO_COALESCE | AMDGPU_USERPTR_MAP_ROUND_OUT |
					(known ? AU_MAP_COHERENCE : 0));
	t_equal(caps.hsa_reason, AMDGPU_USERPTR_REASON_NONE);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), known ? 0 : -EINVAL);
	if (!known)
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_check_empty(fake);
}

static void kernels_without(void)
{
	struct fake_kernel fake;

	fake_init(&fake, backend);
	expect_coherence(&fake, true);
	fake.devices[0].no_coherence = true;
	expect_coherence(&fake, false);
	fake.devices[0].no_coherence = false;
	/* A kernel that is too old for the flags does not know scatter BOs either. */
	if (backend != AMDGPU_USERPTR_BACKEND_SCATTER) {
		fake.drm_minor = AU_DRM_MINOR_COHERENCE - 1;
		expect_coherence(&fake, false);
	}
	fake_fini(&fake);
}

/* ROCr's hsa_amd_memory_lock() passes WRITABLE and EXECUTABLE to KFD, and no coherence flag. */
static void like_memory_lock(void)
{
	const struct amdgpu_userptr_range range = { PAGE, PAGE, 0, 0 };
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	args.flags = AMDGPU_USERPTR_MAP_MEMORY_LOCK;
	args.va_flags = AMDGPU_USERPTR_VA_MEMORY_LOCK;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(fake_find_flags(&fake, 0, args.gpu_va),
		AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE | AMDGPU_VM_PAGE_EXECUTABLE);
	t_equal(fake_find_bo(&fake, 0, args.gpu_va)->flags &
			(AMDGPU_GEM_USERPTR_COHERENT | AMDGPU_GEM_USERPTR_UNCACHED |
			 AMDGPU_GEM_USERPTR_EXT_COHERENT),
		0);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	kinds();
	kernels_without();
	like_memory_lock();
	return 0;
}
