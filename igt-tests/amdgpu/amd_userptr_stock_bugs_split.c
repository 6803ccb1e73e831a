// SPDX-License-Identifier: MIT
/* Queues that should have gone on: a main thread that has exited, a mapping that was split. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_area.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_gate.h"
#include "lib/igt_mm.h"
#include "lib/igt_time.h"

#include "amd_userptr_stock_bugs.h"

#define SURVIVOR_SIZE	((size_t)64 << 10)

/* What the thread that goes on alone has; not on the stack of the one that exits. */
static struct survivor {
	struct amd_userptr up;
	struct igt_gate done;
	uint32_t *cpu;
	uint64_t va;
	uint32_t handle;		/* 0: a userptr of KFD */
} survivor;

/* A thread that has exited before the others is a zombie, and has no address space. */
static bool main_thread_is_zombie(void)
{
	char path[64], text[512], *name_end;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	igt_assert_fd(fd);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	igt_assert_lt(0, len);
	text[len] = '\0';
	name_end = strrchr(text, ')');
	return name_end && name_end[1] == ' ' && name_end[2] == 'Z';
}

static void wait_for_zombie(void)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	while (!main_thread_is_zombie()) {
		igt_assert(igt_now_ms() < deadline);
		sched_yield();
	}
}

/* A failed assertion ends this thread, and with it the process, before the gate is open. */
static void *go_on_alone(void *data)
{
	struct survivor *s = data;

	wait_for_zombie();
	amd_kfd_smi_mark(&s->up.smi);
	igt_assert_eq(madvise(s->cpu, SURVIVOR_SIZE, MADV_DONTNEED), 0);
	amd_userptr_expect_stops(&s->up, 1);
	amd_userptr_gpu_check_zero(&s->up, s->va, SURVIVOR_SIZE);
	amd_userptr_gpu_fill(&s->up, s->va, SURVIVOR_SIZE, 2);
	amd_pattern_check(s->cpu, SURVIVOR_SIZE, 2, "written by the GPU");

	amd_kfd_smi_mark(&s->up.smi);
	igt_assert_eq(__igt_mm_fork_and_write(s->cpu, SURVIVOR_SIZE), 0);
	amd_userptr_expect_stops(&s->up, 0);
	amd_userptr_gpu_check(&s->up, s->va, SURVIVOR_SIZE, 2);
	amd_userptr_gpu_fill(&s->up, s->va, SURVIVOR_SIZE, 3);
	amd_pattern_check(s->cpu, SURVIVOR_SIZE, 3, "written by the GPU after copy-on-write");
	igt_gate_open(&s->done);
	_exit(IGT_EXIT_SUCCESS);
}

/* Process memory is nobody else's, whoever looks. */
static void *export_alone(void *data)
{
	struct survivor *s = data;
	int dmabuf = -1, ret;

	wait_for_zombie();
	ret = drmPrimeHandleToFD(s->up.fd, s->handle, DRM_CLOEXEC, &dmabuf);
	igt_assert_f(ret, "a userptr was exported\n");
	igt_assert_eq(errno, EPERM);
	igt_gate_open(&s->done);
	_exit(IGT_EXIT_SUCCESS);
}

/* @flags 0: a userptr of KFD */
static void exit_main_thread(struct amd_userptr *up, uint32_t flags, void *(*then)(void *data))
{
	struct survivor *s = &survivor;
	bool opened;

	igt_gate_init(&s->done);
	igt_fork(child, 1) {
		pthread_t thread;
		struct amd_kfd_mem mem;

		amd_userptr_open_in_child(&s->up, up);
		s->cpu = amd_userptr_mmap(&s->up, SURVIVOR_SIZE, 1);
		if (flags) {
			struct amd_userptr_bo *bo = amd_userptr_create(&s->up, s->cpu,
								       SURVIVOR_SIZE, flags);

			amd_userptr_map(&s->up, bo);
			s->handle = bo->handle;
			s->va = bo->va;
		} else {
			amd_kfd_register(&s->up.kfd, s->cpu, SURVIVOR_SIZE, 0, &mem);
			s->va = mem.va;
		}
		amd_userptr_gpu_check(&s->up, s->va, SURVIVOR_SIZE, 1);
		igt_assert_eq(pthread_create(&thread, NULL, then, s), 0);
		pthread_exit(NULL);
	}
	igt_gate_watch(&s->done);
	opened = igt_gate_is_open(&s->done, 2 * AMD_USERPTR_WAIT_MS);
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child whose main thread exits");
	igt_gate_fini(&s->done);
	igt_assert_f(opened, "the thread that was left did not get to its end\n");
}

static void main_thread_exit(struct amd_userptr *up)
{
	exit_main_thread(up, 0, go_on_alone);
}

static void main_thread_exit_export(struct amd_userptr *up)
{
	exit_main_thread(up, AMD_USERPTR_UNTRACKED, export_alone);
}

static void main_thread_exit_hsa(struct amd_userptr *up)
{
	exit_main_thread(up, AMD_USERPTR_TRACKED, go_on_alone);
}

static void main_thread_exit_export_hsa(struct amd_userptr *up)
{
	exit_main_thread(up, AMD_USERPTR_TRACKED, export_alone);
}

/* What is done to the middle of a mapping that one entry of a page directory holds. */
struct split {
	uint32_t operation;		/* AMDGPU_VA_OP_* */
	uint32_t flags;			/* of the userptrs */
	bool same;			/* REPLACE by what has been there */
};

enum { SEED_LEFT = 1, SEED_MIDDLE, SEED_RIGHT, SEED_OTHER, SEED_STORED };

static void copy_without_fault(struct amd_userptr *mine, uint64_t to, uint64_t from, size_t size)
{
	amd_kfd_queue_copy(mine->queue, to, from, size);
	amd_kfd_queue_submit(mine->queue);
	igt_assert_f(amd_userptr_done_or_faulted(mine), "GPU page fault in the rest of a split mapping\n");
}

static void assert_reads(struct amd_userptr *mine, uint64_t va, size_t size, uint32_t seed)
{
	copy_without_fault(mine, mine->out.va, va, size);
	amd_pattern_check(mine->out.cpu, size, seed, "read by the GPU");
}

/*
 * The read may be served by the TLB's entry of the whole mapping, as the flush
 * of the operation comes later; then the store is the first to use the rest.
 */
static void assert_translates(struct amd_userptr *mine, uint64_t va, void *cpu, size_t size,
			      uint32_t seed)
{
	assert_reads(mine, va, size, seed);
	amd_pattern_fill(mine->in.cpu, size, SEED_STORED);
	copy_without_fault(mine, va, mine->in.va, size);
	amd_pattern_check(cpu, size, SEED_STORED, "written by the GPU");
}

/* Returns the GPU address of the middle. */
static uint64_t split_one(struct amd_userptr *mine, const struct split *split, size_t size)
{
	const size_t left = AMD_USERPTR_AREA_HUGE / 2, right = left - size;
	struct amd_userptr_area area;
	const char *reason = amd_userptr_area_init(&area, mine, amd_userptr_backing("thp"), true);
	struct amd_userptr_bo *bo, *middle = NULL;
	uint64_t offset = 0;

	igt_assert_f(!reason, "%s\n", reason);
	amd_pattern_fill(area.cpu, left, SEED_LEFT);
	amd_pattern_fill(area.cpu + left, size, SEED_MIDDLE);
	amd_pattern_fill(area.cpu + left + size, right, SEED_RIGHT);
	bo = amd_userptr_create(mine, area.cpu, area.size, split->flags);
	igt_assert(amd_userptr_area_is_contiguous(&area));
	bo->va = amd_kfd_va_reserve(area.size, area.size);
	igt_assert(bo->va);
	igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_MAP, bo->handle, bo->va, 0, area.size,
				       AMD_USERPTR_RW), 0);
	amd_kfd_smi_mark(&mine->smi);
	assert_reads(mine, bo->va + left, size, SEED_MIDDLE);

	if (split->same) {
		middle = bo;
		offset = left;
	} else if (split->operation == AMDGPU_VA_OP_REPLACE) {
		middle = amd_userptr_create(mine, amd_userptr_mmap(mine, size, SEED_OTHER), size,
					    split->flags);
	}
	igt_assert_eq(__amd_userptr_va(mine, split->operation, middle ? middle->handle : 0,
				       bo->va + left, offset, size, AMD_USERPTR_RW), 0);
	assert_translates(mine, bo->va, area.cpu, left, SEED_LEFT);
	assert_translates(mine, bo->va + left + size, area.cpu + left + size, right, SEED_RIGHT);
	if (middle)
		assert_translates(mine, bo->va + left, (char *)middle->cpu + offset, size,
				  split->same ? SEED_MIDDLE : SEED_OTHER);
	if (!split->same)
		amd_pattern_check(area.cpu + left, size, SEED_MIDDLE, "no longer mapped on the GPU");
	amd_userptr_area_fini(&area);
	return bo->va + left;
}

static void split_middle(struct amd_userptr *mine, void *data)
{
	const struct split *split = data;
	const size_t large = (size_t)64 << 10;
	uint64_t middle;

	split_one(mine, split, getpagesize());
	amd_userptr_cleanup(mine);
	middle = split_one(mine, split, large);
	if (split->operation == AMDGPU_VA_OP_CLEAR)
		amd_userptr_store_faults(mine, middle, large);
}

static void split_replace(struct amd_userptr *up)
{
	struct split split = { AMDGPU_VA_OP_REPLACE, AMD_USERPTR_UNTRACKED, false };

	amd_userptr_in_faulting_child(up, split_middle, &split);
}

/* The new mapping is one of the BO whose old one is split, and takes the place of a part of that. */
static void split_replace_same(struct amd_userptr *up)
{
	struct split split = { AMDGPU_VA_OP_REPLACE, AMD_USERPTR_UNTRACKED, true };

	amd_userptr_in_faulting_child(up, split_middle, &split);
}

static void split_clear(struct amd_userptr *up)
{
	struct split split = { AMDGPU_VA_OP_CLEAR, AMD_USERPTR_UNTRACKED, false };

	amd_userptr_in_faulting_child(up, split_middle, &split);
}

static void split_replace_hsa(struct amd_userptr *up)
{
	struct split split = { AMDGPU_VA_OP_REPLACE, AMD_USERPTR_TRACKED, false };

	amd_userptr_in_faulting_child(up, split_middle, &split);
}

static void split_replace_same_hsa(struct amd_userptr *up)
{
	struct split split = { AMDGPU_VA_OP_REPLACE, AMD_USERPTR_TRACKED, true };

	amd_userptr_in_faulting_child(up, split_middle, &split);
}

static void split_clear_hsa(struct amd_userptr *up)
{
	struct split split = { AMDGPU_VA_OP_CLEAR, AMD_USERPTR_TRACKED, false };

	amd_userptr_in_faulting_child(up, split_middle, &split);
}

const struct amd_userptr_subtest amd_userptr_any_kernel_subtests[] = {
	{ .name = "main-thread-exit", .run = main_thread_exit,
	  .describe = "Userptrs of KFD are restored after the main thread has exited." },
	{ .name = "main-thread-exit-export", .run = main_thread_exit_export,
	  .describe = "Nor can anybody else have one of the render node then." },
	{ .name = "split-replace", .run = split_replace,
	  .describe = "What is left of a huge page's mapping around a replaced part is mapped." },
	{ .name = "split-replace-same", .run = split_replace_same,
	  .describe = "A part of a huge page's mapping that is mapped again is mapped, and what is left around it." },
	{ .name = "split-clear", .run = split_clear,
	  .describe = "So is what is left around a cleared part, which is not." },
};
const unsigned int amd_userptr_num_any_kernel_subtests =
	ARRAY_LENGTH(amd_userptr_any_kernel_subtests);

const struct amd_userptr_subtest amd_userptr_flag_subtests[] = {
	{ .name = "main-thread-exit-hsa", .run = main_thread_exit_hsa,
	  .describe = "Userptrs with the flag are restored after the main thread has exited." },
	{ .name = "main-thread-exit-export-hsa", .run = main_thread_exit_export_hsa,
	  .describe = "Nor can anybody else have one with the flag then." },
	{ .name = "split-replace-hsa", .run = split_replace_hsa,
	  .describe = "With the flag, what is left around a replaced part is mapped." },
	{ .name = "split-replace-same-hsa", .run = split_replace_same_hsa,
	  .describe = "With the flag, a part that is mapped again is mapped, and what is left around it." },
	{ .name = "split-clear-hsa", .run = split_clear_hsa,
	  .describe = "With the flag, what is left around a cleared part is mapped." },
};
const unsigned int amd_userptr_num_flag_subtests = ARRAY_LENGTH(amd_userptr_flag_subtests);
