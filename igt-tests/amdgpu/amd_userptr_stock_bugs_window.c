// SPDX-License-Identifier: MIT
/*
 * H2 of docs/upstreaming.md.  KFD's restore worker updates the mappings of userptrs without the
 * flag, then waits for the GPU to finish that and to move VRAM back.  An MMU notifier that ran in
 * this window found no eviction fence to wait for, so the queues started with page table entries
 * for pages that had been freed.
 *
 * The window has to be long, and the test has to see it.  TTM evicts all VRAM first, because the
 * worker waits until that is back.  Then another thread registers a page with SVM which does not
 * come (FUSE), so that thread keeps the process's lock, and the worker cannot start before the
 * first userptr has changed.  That cannot be done earlier: the thread has the VM reserved, too, so
 * nothing could be evicted.
 *
 * The kernel's trace gives the order of three events: the update of the first userptr's mapping
 * opens the window, then the notifier of the second one has to run, and the new eviction fence
 * closes it.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_fuse.h"
#include "lib/igt_procfs.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"
#include "lib/igt_tracefs.h"

#include "amd_userptr_stock_bugs.h"

#define WINDOW_SIZE	 ((size_t)64 << 10)
#define WINDOW_PAGES	 (WINDOW_SIZE / getpagesize())
#define WINDOW_MAX_PAGES 16

/*
 * An eviction of all VRAM goes on as long as some of it comes back, and KFD begins to bring it back
 * after 100 ms (kfd_priv.h:PROCESS_RESTORE_TIME_MS).  With more VRAM than this the eviction would
 * never end on a busy machine.
 */
#define VRAM_SIZE ((size_t)4 << 20)

/*
 * An attempt fails when the machine is too slow, or when the kernel does not hand out the freed
 * pages again.
 */
#define ATTEMPTS 16

#define NOTIFIER "amd_userptr_notifier"

static const char *const events[] = {
	"amdgpu/amdgpu_vm_bo_update",
	"dma_fence/dma_fence_init",
	"kprobes/" NOTIFIER,
};

/* Events in the order in which they came. */
enum step { UPDATED, NOTIFIED, FENCED, NUM_STEPS };

/* A thread that holds the lock of the process that the restore worker needs. */
struct holder {
	struct igt_fuse fuse;
	uint64_t offset; /* in the file, of a page that is not in the page cache */
	struct igt_task task;
	struct amd_kfd *kfd;
	void *page;
};

struct window {
	uint32_t flags; /* of the userptr whose memory goes */
	struct holder holder;
	struct amd_kfd_mem vram;
	uint64_t context; /* of the process's eviction fences */
	struct amd_userptr_bo *first, *second;
	int trace;	 /* trace_pipe */
	char line[4096]; /* of it, not yet complete */
	size_t line_len;
	unsigned int order; /* steps until now */
	bool in_order;
};

/* Reading the pipe consumes the text. */
static void open_trace(struct window *window)
{
	window->trace = open(IGT_TRACEFS_INSTANCE "trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	igt_assert_fd(window->trace);
	window->line_len = 0;
}

static bool is_eviction_fence(const char *line, uint64_t *context)
{
	return strstr(line, "dma_fence_init: ") && strstr(line, "driver=amdgpu_amdkfd_fence") &&
	       igt_tracefs_number(line, "context=", 10, context);
}

/* Which step is this line of the trace, if any? */
static enum step step_of(const struct window *window, const char *line)
{
	uint64_t number;

	if (strstr(line, "amdgpu_vm_bo_update: ") &&
	    igt_tracefs_number(line, "soffs=", 16, &number) &&
	    number == window->first->va / getpagesize())
		return UPDATED;
	if (strstr(line, NOTIFIER ": "))
		return NOTIFIED;
	if (is_eviction_fence(line, &number) && number == window->context)
		return FENCED;
	return NUM_STEPS;
}

/* Before the update, notifier and fence belong to earlier events. */
static void take_line(struct window *window, const char *line)
{
	enum step step = step_of(window, line);

	if (step == UPDATED) {
		window->order = 1;
		window->in_order = true;
	} else if (window->order && window->order < NUM_STEPS && step != NUM_STEPS) {
		window->in_order &= step == window->order;
		window->order++;
	}
	if (step != NUM_STEPS)
		igt_debug("%s\n", line);
}

static void drain_trace(struct window *window)
{
	char bytes[4096];
	ssize_t len;

	while ((len = read(window->trace, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < len; i++) {
			if (bytes[i] != '\n') {
				if (window->line_len < sizeof(window->line) - 1)
					window->line[window->line_len++] = bytes[i];
				continue;
			}
			window->line[window->line_len] = '\0';
			window->line_len = 0;
			take_line(window, window->line);
		}
	}
}

/* Reading the file is as if something else needed all VRAM. */
static int open_evict(struct amd_userptr *up)
{
	return igt_debugfs_open(up->fd, "amdgpu_evict_vram", O_RDONLY);
}

static int register_page(void *data)
{
	struct holder *holder = data;

	return __amd_kfd_svm_access(holder->kfd, holder->page, getpagesize());
}

/*
 * kfd_svm.c:svm_range_set_attr() looks for the page with the lock held, and with
 * mmap_lock for reading: nothing may be mapped until drop_lock().
 */
static void hold_lock(struct holder *holder, struct amd_userptr *mine)
{
	holder->kfd = &mine->kfd;
	holder->offset += IGT_FUSE_NEXT;
	holder->page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_PRIVATE,
			    holder->fuse.file, holder->offset);
	igt_assert(holder->page != MAP_FAILED);
	igt_task_make(&holder->task, register_page, holder);
	igt_task_let_go(&holder->task);
	igt_assert(igt_fuse_asked(&holder->fuse, AMD_USERPTR_WAIT_MS));
}

static void drop_lock(struct holder *holder)
{
	igt_fuse_answer(&holder->fuse);
	igt_assert_eq(igt_task_end(&holder->task), 0);
}

static void forget_page(struct holder *holder)
{
	munmap(holder->page, getpagesize());
}

/* Wait until the window opens; false when the queues run before that. */
static bool opens(struct window *window, struct amd_userptr *mine)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	for (;;) {
		const bool evicted = amd_userptr_queues_evicted(mine);

		drain_trace(window);
		if (window->order)
			return true;
		if (!evicted)
			return false;
		igt_assert_f(igt_now_ms() < deadline, "the restore does not come\n");
		sched_yield();
	}
}

/* One event makes one restore, whose fence is the only one in the trace: it tells our context. */
static void learn_context(struct window *window, struct amd_userptr *mine)
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
	while (fgets(line, sizeof(line), file) && !is_eviction_fence(line, &window->context))
		;
	fclose(file);
	igt_assert(window->context);
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

/* Free the pages of the second userptr while the window is open, and allocate one of them again. */
static uint32_t *go_in_window(struct window *window, struct amd_userptr *mine, unsigned int *index)
{
	uint64_t pfns[WINDOW_MAX_PAGES];
	int evict = open_evict(mine);
	char text[32];
	uint32_t *fresh;
	bool opened;

	igt_assert_fd(evict);
	window->first = make_mapped(mine, AMD_USERPTR_UNTRACKED, 1);
	window->second = make_mapped(mine, window->flags, 2);
	for (unsigned int page = 0; page < WINDOW_PAGES; page++)
		pfns[page] = igt_procfs_pfn(amd_userptr_page(window->second, page));
	igt_tracefs_clear();
	open_trace(window);
	window->order = 0;
	amd_kfd_smi_mark(&mine->smi);
	igt_assert_lt(0, read(evict, text, sizeof(text)));
	hold_lock(&window->holder, mine);
	amd_userptr_dontneed(window->first);
	drop_lock(&window->holder);
	close(evict);
	opened = opens(window, mine);
	amd_userptr_munmap(mine, window->second->cpu, WINDOW_SIZE);
	fresh = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 3);
	amd_kfd_smi_wait_restored(&mine->smi, 0, AMD_USERPTR_WAIT_MS);
	drain_trace(window);
	close(window->trace);
	forget_page(&window->holder);
	igt_info("update, notifier and fence: %u seen, %s\n", window->order,
		 window->in_order ? "in this order" : "in another order");
	if (!opened || window->order < NUM_STEPS || !window->in_order ||
	    !amd_userptr_find_reused(fresh, pfns, WINDOW_PAGES, index))
		return NULL;
	return fresh;
}

static void restore_window(struct amd_userptr *mine, void *data)
{
	struct window *window = data;
	uint32_t *fresh = NULL;
	unsigned int index;
	bool stored;

	igt_assert(WINDOW_PAGES <= WINDOW_MAX_PAGES);
	amd_userptr_stay_on_cpu();
	igt_assert_eq(__igt_fuse_start(&window->holder.fuse), 0);
	amd_kfd_alloc_vram(&mine->kfd, VRAM_SIZE, &window->vram);
	learn_context(window, mine);
	for (unsigned int i = 0; i < ATTEMPTS && !fresh; i++) {
		amd_userptr_cleanup(mine);
		fresh = go_in_window(window, mine, &index);
	}
	igt_assert_f(fresh, "nothing was freed in the window, and handed out again\n");
	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_gpu_store(mine, window->second->va + index * getpagesize(),
			      AMD_USERPTR_STRAY_VALUE);
	stored = amd_userptr_done_or_faulted(mine);
	amd_pattern_check(fresh, AMD_USERPTR_FRESH_SIZE, 3,
			  "memory that has a page freed in the window");
	igt_assert(!stored);
	amd_kfd_free(&mine->kfd, &window->vram);
	igt_fuse_stop(&window->holder.fuse);
}

struct restore_window {
	uint32_t flags;	      /* of the userptr whose memory goes */
	const char *notifier; /* the function that its MMU notifier calls, and no other one here */
};

static void run(struct amd_userptr *up, const void *data)
{
	const struct restore_window *test = data;
	struct window window = { .flags = test->flags };
	int evict = open_evict(up);

	igt_require_f(evict >= 0, "no debugfs file to evict VRAM with\n");
	close(evict);
	igt_require_f(igt_tracefs_kprobe_add(NOTIFIER, test->notifier),
		      "no kprobe at the notifier\n");
	igt_require_f(igt_tracefs_on(events, ARRAY_LENGTH(events)), "no tracefs\n");
	amd_userptr_in_faulting_child(up, restore_window, &window);
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
	.describe = "The GPU cannot reach such memory of a userptr with the flag either.",
};
