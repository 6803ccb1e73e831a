// SPDX-License-Identifier: MIT
/* VRAM that TTM takes from a process and gives to another (H5 and H25 of docs/upstreaming.md). */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_gate.h"
#include "lib/igt_time.h"

#include "amd_userptr_stock_bugs.h"

/* ---- BOs in VRAM ---- */

/* All BOs have this size, so that a new one can get the place of the BO that TTM takes away. */
#define VRAM_SIZE ((size_t)1 << 20)

/* To take more VRAM would need more time than a subtest has. */
#define MOST_VRAM ((uint64_t)32 << 30)

/* The contents of the BO that loses its VRAM, and of the BOs that the other file makes. */
#define KEPT   0x11111111u
#define CANARY 0x22222222u

/* Create a BO in VRAM and map it to the CPU.  Returns NULL if there is no memory for it. */
static uint32_t *vram_map(int fd, uint64_t flags, uint32_t *handle)
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
	*handle = map.in.handle = create.out.handle;
	igt_assert_eq(drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_MMAP, &map), 0);
	cpu = mmap(NULL, VRAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, map.out.addr_ptr);
	igt_assert(cpu != MAP_FAILED);
	return cpu;
}

/* Fill the first word of each page; count() looks at the same words. */
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

/* Returns the size of VRAM.  Skips if a subtest would need too long to take all of it. */
static uint64_t vram_to_take(struct amd_userptr *up)
{
	struct drm_amdgpu_info_vram_gtt vram = {};

	amd_info(up->fd, AMDGPU_INFO_VRAM_GTT, &vram, sizeof(vram));
	igt_require_f(vram.vram_size <= MOST_VRAM, "the GPU has too much VRAM to take all of it\n");
	return vram.vram_size;
}

/* ---- VRAM that is discarded ---- */

/*
 * The files that a subtest has opened.  They are not on the stack, because close_files() closes
 * them also after a failure; otherwise all VRAM would stay in use.
 */
static struct {
	int mine, other; /* 0: not open */
	uint32_t *kept;
} files;

static void close_files(struct amd_userptr *up)
{
	if (files.kept)
		munmap(files.kept, VRAM_SIZE);
	if (files.mine)
		drm_close_driver(files.mine);
	if (files.other)
		drm_close_driver(files.other);
	memset(&files, 0, sizeof(files));
}

/*
 * The file @other takes all VRAM.  TTM discards the BO of the file @mine before it evicts other
 * BOs, because discardable BOs have the lowest priority.  After that the CPU mapping of the
 * discarded BO must show new memory, not memory of @other.
 */
static void discarded(struct amd_userptr *up)
{
	const uint64_t vram = vram_to_take(up);
	uint32_t *kept, *theirs, handle;
	uint64_t taken;

	up->undo = close_files;
	files.mine = drm_reopen_driver(up->fd);
	files.other = drm_reopen_driver(up->fd);
	kept = files.kept = vram_map(files.mine, AMDGPU_GEM_CREATE_DISCARDABLE, &handle);
	igt_assert(kept);
	fill(kept, KEPT);
	for (taken = 0; taken < vram && count(kept, KEPT); taken += VRAM_SIZE) {
		theirs = vram_map(files.other, 0, &handle);
		igt_require_f(theirs, "too little memory to take all VRAM\n");
		fill(theirs, CANARY);
		igt_assert_eq(munmap(theirs, VRAM_SIZE), 0);
	}
	/*
	 * A driver with this bug also keeps the discarded VRAM in the statistics of the VM, and
	 * logs that when it destroys the VM.
	 */
	if (count(kept, CANARY))
		igt_emit_ignore_dmesg_regex("VM memory stats for proc .* is non-zero when fini");
	igt_assert_f(!count(kept, CANARY), "%u pages that were discarded are the other file's\n",
		     count(kept, CANARY));
	igt_assert_eq(count(kept, KEPT), 0);
}

/* ---- VRAM that a queue uses ---- */

/* How long the other process may need to take all VRAM. */
#define TAKE_MS (5 * AMD_USERPTR_WAIT_MS)

/*
 * The other process creates BOs that are as large as VRAM together, so TTM evicts the BOs of the
 * process under test.  When the gate @stored says that the queue has stored, the other process
 * looks for words that are not its own.
 */
static void take_all(struct amd_userptr *up, uint64_t vram, struct igt_gate *taken,
		     struct igt_gate *stored)
{
	const unsigned int num = vram / VRAM_SIZE;
	uint32_t **cpu = calloc(num, sizeof(*cpu)), handle;
	int fd = drm_reopen_driver(up->fd);
	unsigned int lost = 0;

	igt_assert(cpu);
	for (unsigned int i = 0; i < num; i++) {
		cpu[i] = vram_map(fd, 0, &handle);
		igt_assert_f(cpu[i], "too little memory to take all VRAM\n");
		fill(cpu[i], CANARY);
	}
	igt_gate_open(taken);
	igt_assert(igt_gate_is_open(stored, TAKE_MS));
	for (unsigned int i = 0; i < num; i++)
		lost += VRAM_SIZE / getpagesize() - count(cpu[i], CANARY);
	igt_assert_f(!lost, "the queue has written %u pages of another process\n", lost);
	free(cpu);
}

/* The queue stores to one word of each page. */
static void store_all(struct amd_userptr *up, uint64_t va, uint32_t value)
{
	for (size_t at = 0; at < VRAM_SIZE; at += getpagesize())
		amd_kfd_queue_write(up->queue, va + at, &value, 1);
	amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
}

/* Create a BO in VRAM by the file @exporter, and import it into up->fd if that is another file. */
static uint32_t *make_used(struct amd_userptr *up, int exporter, uint32_t *handle)
{
	uint32_t *cpu = vram_map(exporter, 0, handle);
	int dmabuf;

	igt_assert(cpu);
	if (exporter != up->fd) {
		igt_assert_eq(drmPrimeHandleToFD(exporter, *handle, DRM_CLOEXEC, &dmabuf), 0);
		igt_assert_eq(drmPrimeFDToHandle(up->fd, dmabuf, handle), 0);
		close(dmabuf);
	}
	return cpu;
}

/*
 * KFD did not know of a BO that the VA ioctl maps, so TTM gave the BO's VRAM to another process
 * while the queues of the first process went on to use it.  TTM takes nothing from the queues of
 * the process that allocates, so another process has to allocate.
 */
static void given_away(struct amd_userptr *up, int exporter)
{
	const uint64_t vram = vram_to_take(up), va = amd_kfd_va_reserve(VRAM_SIZE, 0);
	const uint64_t deadline = igt_now_ms() + TAKE_MS;
	struct igt_gate taken, stored;
	uint32_t *used, handle;
	bool all_taken;

	igt_assert(va);
	igt_gate_init(&taken);
	igt_gate_init(&stored);
	used = make_used(up, exporter, &handle);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, handle, va, 0, VRAM_SIZE,
				       AMD_USERPTR_RW),
		      0);
	/* The clean-up closes the BO and unmaps its memory, also after a failure. */
	amd_userptr_adopt(up, used, VRAM_SIZE);
	amd_userptr_adopt_bo(up, handle, used, VRAM_SIZE)->va = va;
	store_all(up, va, KEPT);
	igt_assert_eq(count(used, KEPT), VRAM_SIZE / getpagesize());
	amd_kfd_smi_mark(&up->smi);
	igt_fork(child, 1)
		take_all(up, vram, &taken, &stored);
	/*
	 * TTM also takes other VRAM of the process, such as the EOP buffer of its queue, and evicts
	 * the queues for that.  The restore maps the BO at its new place, and from then on all
	 * stores are right.  So store all the time, not only at the end.  Store once more when
	 * all VRAM is taken, because the other process may have got the BO's place last and filled
	 * it during the store before.
	 */
	do {
		all_taken = igt_gate_is_open(&taken, 0);
		store_all(up, va, AMD_USERPTR_STRAY_VALUE);
	} while (!all_taken && igt_now_ms() < deadline);
	igt_assert(all_taken);
	igt_gate_open(&stored);
	igt_waitchildren_timeout(TAKE_MS / 1000, "the process that takes VRAM");
	igt_assert_eq(count(used, AMD_USERPTR_STRAY_VALUE), VRAM_SIZE / getpagesize());
	amd_kfd_smi_drain(&up->smi);
	igt_assert_lt(0, up->smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_TTM]);
	igt_gate_fini(&taken);
	igt_gate_fini(&stored);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_UNMAP, handle, va, 0, VRAM_SIZE, 0), 0);
}

static void given_away_created(struct amd_userptr *up)
{
	given_away(up, up->fd);
}

static void given_away_imported(struct amd_userptr *up)
{
	up->undo = close_files;
	files.mine = drm_reopen_driver(up->fd);
	given_away(up, files.mine);
}

const struct amd_userptr_subtest amd_userptr_gone_subtests[] = {
	{ .name = "discarded",
	  .run = discarded,
	  .describe = "A process does not reach VRAM that was taken from it by its CPU mapping." },
	{ .name = "given-away",
	  .run = given_away_created,
	  .describe = "Queues do not reach VRAM that TTM has given to another process." },
	{ .name = "given-away-import",
	  .run = given_away_imported,
	  .describe =
		  "Queues do not reach VRAM of an imported BO that TTM has given to another process." },
};
const unsigned int amd_userptr_num_gone_subtests = ARRAY_LENGTH(amd_userptr_gone_subtests);
