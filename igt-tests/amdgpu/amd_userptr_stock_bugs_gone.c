// SPDX-License-Identifier: MIT
/* VRAM that TTM discards, and so takes from a process (H25 of docs/upstreaming.md). */
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_procfs.h"

#include "amd_userptr_stock_bugs.h"

/* ---- VRAM that is discarded ---- */

/* All BOs have this size, so that a new one gets the place of the one that was discarded. */
#define VRAM_SIZE ((size_t)1 << 20)

/* To take more VRAM would need more time than a subtest has. */
#define MOST_VRAM ((uint64_t)32 << 30)

/* The contents of the discardable BO, and of the BOs that the other file makes. */
#define KEPT   0x11111111u
#define CANARY 0x22222222u

/* Create a BO in VRAM and map it to the CPU.  Returns NULL if there is no memory for it. */
static uint32_t *vram_map(int fd, uint64_t flags)
{
	union drm_amdgpu_gem_create create = {
		.in = { .bo_size = VRAM_SIZE,
			.alignment = getpagesize(),
			.domains = AMDGPU_GEM_DOMAIN_VRAM,
			.domain_flags = AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED | flags },
	};
	union drm_amdgpu_gem_mmap map = {};
	void *cpu;

	if (drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &create))
		return NULL;
	map.in.handle = create.out.handle;
	igt_assert_eq(drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_MMAP, &map), 0);
	cpu = mmap(NULL, VRAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, map.out.addr_ptr);
	igt_assert(cpu != MAP_FAILED);
	return cpu;
}

/* One word of each page. */
static void fill(uint32_t *cpu, uint32_t value)
{
	for (size_t at = 0; at < VRAM_SIZE / sizeof(*cpu); at += getpagesize() / sizeof(*cpu))
		cpu[at] = value;
}

static unsigned int count(const uint32_t *cpu, uint32_t value)
{
	unsigned int found = 0;

	for (size_t at = 0; at < VRAM_SIZE / sizeof(*cpu); at += getpagesize() / sizeof(*cpu))
		found += cpu[at] == value;
	return found;
}

/*
 * Another file takes all VRAM.  TTM discards the first file's BO before it evicts others, because
 * such BOs have the lowest priority.  The first file then reads new memory, not the other file's.
 */
static void discarded(struct amd_userptr *up)
{
	struct drm_amdgpu_info_vram_gtt vram = {};
	uint32_t *kept, *theirs;
	int mine, other;
	uint64_t taken;

	amd_info(up->fd, AMDGPU_INFO_VRAM_GTT, &vram, sizeof(vram));
	igt_require_f(vram.vram_size <= MOST_VRAM, "the GPU has too much VRAM to take all of it\n");
	mine = drm_reopen_driver(up->fd);
	other = drm_reopen_driver(up->fd);
	kept = vram_map(mine, AMDGPU_GEM_CREATE_DISCARDABLE);
	igt_assert(kept);
	fill(kept, KEPT);
	for (taken = 0; taken < vram.vram_size && count(kept, KEPT); taken += VRAM_SIZE) {
		theirs = vram_map(other, 0);
		igt_require_f(theirs, "too little memory to take all VRAM\n");
		fill(theirs, CANARY);
		igt_assert_eq(munmap(theirs, VRAM_SIZE), 0);
	}
	/* A driver with this bug also forgets to count the VRAM out, and says so in the end. */
	if (count(kept, CANARY))
		igt_emit_ignore_dmesg_regex("VM memory stats for proc .* is non-zero when fini");
	igt_assert_f(!count(kept, CANARY), "%u pages that were discarded are the other file's\n",
		     count(kept, CANARY));
	igt_assert_eq(count(kept, KEPT), 0);
	munmap(kept, VRAM_SIZE);
	drm_close_driver(mine);
	drm_close_driver(other);
}

const struct amd_userptr_subtest amd_userptr_discarded_subtest = {
	.name = "discarded",
	.run = discarded,
	.describe = "A process does not reach VRAM that was taken from it by its CPU mapping.",
};
