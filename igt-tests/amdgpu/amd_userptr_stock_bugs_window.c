// SPDX-License-Identifier: MIT
/*
 * H2 of docs/upstreaming.md.  Besides the restore worker, which handles userptrs that have changed,
 * KFD has a worker that restores a process after TTM has evicted its BOs (here: the process
 * worker).  The process worker updates the mappings of userptrs without the flag, then waits until
 * the GPU has made these updates and has moved VRAM back.  An MMU notifier that ran in this gap
 * found no eviction fence to wait for, so the process worker restored the queues with page table
 * entries for pages that the kernel had freed.
 *
 * The gap has to be long, and the test has to know when it begins.  So the test lets TTM evict all
 * VRAM, because the process worker waits until the VRAM is back.  Before that the test changes a
 * userptr whose new page does not come, so that the restore worker waits for this page.  On a stock
 * kernel the restore worker waits with the lock of the process, which both workers need.  So the
 * process worker cannot bring VRAM back while TTM evicts it, and cannot start before the first
 * userptr has changed.  With the series the restore worker drops this lock while it waits for a
 * page (find_user_pages()).  So VRAM may come back while TTM evicts it: then TTM needs longer, or
 * the attempt shows nothing.
 *
 * The kernel's trace gives the order of three events: the gap begins with the update of the first
 * userptr's mapping, then the notifier of the second userptr has to return, and the gap ends with
 * the new eviction fence.  A notifier that has not returned shows nothing: it may still wait for
 * the update of the second userptr's mapping, and then it also waits for a fence that KFD adds
 * meanwhile.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_procfs.h"
#include "lib/igt_time.h"
#include "lib/amdgpu/amd_vm_trace.h"
#include "lib/igt_tracefs.h"

#include "amd_userptr_stock_bugs.h"

#define WINDOW_SIZE	 ((size_t)16 * getpagesize())
#define WINDOW_PAGES	 (WINDOW_SIZE / getpagesize())
#define WINDOW_MAX_PAGES 16

/*
 * How much VRAM the process worker has to bring back.  More VRAM makes the gap longer.  But with
 * the series KFD begins to bring VRAM back 100 ms after its eviction
 * (kfd_priv.h:PROCESS_RESTORE_TIME_MS), and on a busy machine the eviction of 4 MiB takes longer
 * than that, so the eviction may never end.
 */
#define VRAM_SIZE ((size_t)1 << 20)

/*
 * How many attempts to make.  An attempt shows nothing when the machine is too slow, or when the
 * kernel does not hand out the freed pages again.  On a machine with four times as much to do as
 * CPUs, 16 attempts of half a second were all too slow.
 */
#define ATTEMPTS 48

#define NOTIFIER "amd_userptr_notifier"

static const char *const events[] = {
	"amdgpu/amdgpu_vm_bo_update",
	"dma_fence/dma_fence_init",
	"kprobes/" NOTIFIER,
};

/* The three trace events, in the order that shows the bug. */
enum step { UPDATED, NOTIFIED, FENCED, NUM_STEPS };

struct gap {
	uint32_t flags;			/* flags of the second userptr, which loses its memory */
	struct amd_userptr_stall stall; /* on a stock kernel it holds both workers */
	struct amd_kfd_mem vram;
	uint64_t context; /* fence context of the process's eviction fences */
	struct amd_userptr_bo *first, *second;
	int trace;	 /* trace_pipe */
	char line[4096]; /* start of a line that is not complete yet */
	size_t line_len;
	unsigned int order; /* how many steps the trace has shown so far */
	bool in_order;	    /* they came in the order of enum step */
};

/* Open the trace as a pipe, because a read from it removes the lines that it returns. */
static void open_trace(struct gap *gap)
{
	gap->trace = open(IGT_TRACEFS_INSTANCE "trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	igt_assert_fd(gap->trace);
	gap->line_len = 0;
}

static bool is_eviction_fence(const char *line, uint64_t *context)
{
	return strstr(line, "dma_fence_init: ") && strstr(line, "driver=amdgpu_amdkfd_fence") &&
	       igt_tracefs_number(line, "context=", 10, context);
}

/* The step that this line of the trace shows; NUM_STEPS: none. */
static enum step step_of(const struct gap *gap, const char *line)
{
	uint64_t number;

	if (strstr(line, "amdgpu_vm_bo_update: ") &&
	    igt_tracefs_number(line, "soffs=", 16, &number) &&
	    number == gap->first->va / AMD_VM_TRACE_PAGE)
		return UPDATED;
	if (strstr(line, NOTIFIER ": "))
		return NOTIFIED;
	if (is_eviction_fence(line, &number) && number == gap->context)
		return FENCED;
	return NUM_STEPS;
}

/*
 * Take one line of the trace.  Ignore notifiers and fences that come before the update, because
 * earlier changes have caused them, not the change of the second userptr in the gap.
 */
static void take_line(struct gap *gap, const char *line)
{
	enum step step = step_of(gap, line);

	if (step == UPDATED) {
		gap->order = 1;
		gap->in_order = true;
	} else if (gap->order && gap->order < NUM_STEPS && step != NUM_STEPS) {
		gap->in_order &= step == gap->order;
		gap->order++;
	}
	if (step != NUM_STEPS)
		igt_debug("%s\n", line);
}

static void drain_trace(struct gap *gap)
{
	char bytes[4096];
	ssize_t len;

	while ((len = read(gap->trace, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < len; i++) {
			if (bytes[i] != '\n') {
				if (gap->line_len < sizeof(gap->line) - 1)
					gap->line[gap->line_len++] = bytes[i];
				continue;
			}
			gap->line[gap->line_len] = '\0';
			gap->line_len = 0;
			take_line(gap, gap->line);
		}
	}
}

/* Open the file whose read makes TTM evict all VRAM. */
static int open_evict(struct amd_userptr *up)
{
	return __amd_info_debugfs(up->fd, "amdgpu_evict_vram");
}

/* Wait until the gap begins; false when the queues run before that. */
static bool opens(struct gap *gap, struct amd_userptr *mine)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	for (;;) {
		const bool evicted = amd_userptr_queues_evicted(mine);

		drain_trace(gap);
		if (gap->order)
			return true;
		if (!evicted)
			return false;
		igt_assert_f(igt_now_ms() < deadline, "the restore does not come\n");
		sched_yield();
	}
}

/*
 * Find out the context of the process's eviction fences: one change of memory makes one restore,
 * and the trace has only the fence of this restore.
 */
static void learn_context(struct gap *gap, struct amd_userptr *mine)
{
	uint32_t *cpu = amd_userptr_mmap(mine, WINDOW_SIZE, 1);
	struct amd_userptr_bo *bo =
		amd_userptr_create(mine, cpu, WINDOW_SIZE, AMD_USERPTR_UNTRACKED);
	char line[1024];
	FILE *file;

	amd_userptr_map(mine, bo);
	igt_tracefs_clear();
	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_dontneed(bo);
	amd_kfd_smi_wait_restored(&mine->smi, 1, AMD_USERPTR_WAIT_MS);
	file = fopen(IGT_TRACEFS_INSTANCE "trace", "r");
	igt_assert(file);
	while (fgets(line, sizeof(line), file) && !is_eviction_fence(line, &gap->context))
		;
	fclose(file);
	igt_assert(gap->context);
	amd_userptr_cleanup(mine);
}

static struct amd_userptr_bo *make_mapped(struct amd_userptr *mine, uint32_t flags, uint32_t seed)
{
	void *cpu = amd_userptr_mmap(mine, WINDOW_SIZE, seed);
	struct amd_userptr_bo *bo = amd_userptr_create(mine, cpu, WINDOW_SIZE, flags);

	amd_userptr_map(mine, bo);
	amd_userptr_gpu_check(mine, bo->va, WINDOW_SIZE, seed);
	return bo;
}

/*
 * Free the pages of the second userptr in the gap, and allocate new memory.  Returns this memory if
 * it has got one of the pages, and the order of the trace events was the one that shows the bug;
 * otherwise NULL.
 */
static uint32_t *go_in_gap(struct gap *gap, struct amd_userptr *mine, unsigned int *index)
{
	uint64_t pfns[WINDOW_MAX_PAGES];
	int evict = open_evict(mine);
	char text[32];
	uint32_t *fresh;
	bool opened;

	igt_assert_fd(evict);
	gap->first = make_mapped(mine, AMD_USERPTR_UNTRACKED, 1);
	gap->second = make_mapped(mine, gap->flags, 2);
	for (unsigned int page = 0; page < WINDOW_PAGES; page++)
		pfns[page] = igt_procfs_pfn(amd_userptr_page(gap->second, page));
	igt_tracefs_clear();
	open_trace(gap);
	gap->order = 0;
	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_stall_hold(&gap->stall, mine);
	igt_assert_lt(0, read(evict, text, sizeof(text)));
	amd_userptr_dontneed(gap->first);
	amd_userptr_stall_release(&gap->stall);
	close(evict);
	opened = opens(gap, mine);
	amd_userptr_munmap(mine, gap->second->cpu, WINDOW_SIZE);
	fresh = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 3);
	amd_kfd_smi_wait_restored(&mine->smi, 0, AMD_USERPTR_WAIT_MS);
	drain_trace(gap);
	close(gap->trace);
	amd_userptr_stall_drop(&gap->stall, mine);
	igt_info("update, notifier and fence: %u seen, %s\n", gap->order,
		 gap->in_order ? "in this order" : "in another order");
	if (!opened || gap->order < NUM_STEPS || !gap->in_order ||
	    !amd_userptr_find_reused(fresh, pfns, WINDOW_PAGES, index))
		return NULL;
	return fresh;
}

static void restore_window(struct amd_userptr *mine, void *data)
{
	struct gap *gap = data;
	uint32_t *fresh = NULL;
	unsigned int index;

	igt_assert(WINDOW_PAGES <= WINDOW_MAX_PAGES);
	amd_userptr_stay_on_cpu();
	igt_assert_eq(__amd_userptr_stall_init(&gap->stall), 0);
	amd_kfd_alloc_vram(&mine->kfd, VRAM_SIZE, &gap->vram);
	learn_context(gap, mine);
	for (unsigned int i = 0; i < ATTEMPTS && !fresh; i++) {
		amd_userptr_cleanup(mine);
		fresh = go_in_gap(gap, mine, &index);
	}
	igt_assert_f(fresh, "nothing was freed in the gap, and handed out again\n");
	amd_userptr_stray_store(mine, gap->second->va + index * getpagesize(), fresh, 3,
				"memory that has a page freed in the gap");
	amd_kfd_free(&mine->kfd, &gap->vram);
	amd_userptr_stall_fini(&gap->stall);
}

struct restore_window {
	uint32_t flags;	      /* flags of the second userptr, which loses its memory */
	const char *notifier; /* a function that only the second userptr's MMU notifier calls */
};

static void run(struct amd_userptr *up, const void *data)
{
	const struct restore_window *test = data;
	struct gap gap = { .flags = test->flags };
	int evict = open_evict(up);

	igt_require_f(evict >= 0, "no debugfs file to evict VRAM with\n");
	close(evict);
	igt_require_f(igt_tracefs_kretprobe_add(NOTIFIER, test->notifier),
		      "no kprobe at the notifier\n");
	igt_require_f(igt_tracefs_on(events, ARRAY_LENGTH(events)), "no tracefs\n");
	amd_userptr_in_faulting_child(up, restore_window, &gap);
	igt_tracefs_off();
	igt_tracefs_kprobe_remove(NOTIFIER);
}

static const struct restore_window stock = { AMD_USERPTR_UNTRACKED, "amdgpu_hmm_invalidate_gfx" };
static const struct restore_window hsa = { AMD_USERPTR_TRACKED,
					   "amdgpu_amdkfd_evict_userptr_locked" };

const struct amd_userptr_subtest amd_userptr_window_subtest = {
	.name = "restore-window",
	.run_with = run,
	.data = &stock,
	.describe =
		"The GPU cannot reach the memory of a userptr that is freed while KFD restores the process.",
};

const struct amd_userptr_subtest amd_userptr_window_hsa_subtest = {
	.name = "restore-window-hsa",
	.run_with = run,
	.data = &hsa,
	.describe =
		"The GPU cannot reach the memory of an HSA userptr that is freed while KFD restores the process.",
};
