// SPDX-License-Identifier: MIT
/*
 * In the VM of a KFD process an IB reaches every mapping, also of BOs that it does not list.  The
 * test lets an IB wait in a packet, changes the memory, and lets the IB store afterwards.  No store
 * may land in a page that the process no longer has at that address.  The driver may let the change
 * wait for the submission, as it does for a graphics client.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_canary.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

#include "amd_userptr_cs_unlisted.h"

/*
 * How many attempts to make.  An attempt shows nothing when the kernel gives none of the freed
 * pages to the test's new memory.
 */
#define ATTEMPTS 8

enum result { WAITED, INTACT, SHOWS_NOTHING };

struct event {
	const char *name, *what;
	/* Changes the memory.  Runs in a thread of its own, because it may wait for the IB. */
	int (*run)(struct unlisted *unlisted);
	/* Asserts that the new owner of the old pages finds its own content in them. */
	void (*check)(struct unlisted *unlisted);
	/*
	 * Test the event on the compute ring, too.  On the SDMA ring the driver's update of the
	 * page tables waits behind the IB, and so a change that unmaps SVM memory waits for the IB
	 * even if the driver does nothing for that.  On the compute ring such a change can overtake
	 * the IB.
	 */
	bool compute_too;
};

static unsigned int num_pages(void)
{
	return UNLISTED_SIZE / getpagesize();
}

const char *unlisted_suffix(unsigned int kind)
{
	return kind == UNLISTED_SVM ? "-svm" : amd_userptr_kind_suffix[kind];
}

void unlisted_require(struct amd_userptr *up, unsigned int kind)
{
	void *cpu;
	int ret;

	igt_require_f(kind == UNLISTED_SVM || kind == AMD_USERPTR_KIND_KFD || up->supported,
		      "This kernel does not know AMDGPU_GEM_USERPTR_HSA\n");
	if (kind != UNLISTED_SVM)
		return;
	cpu = amd_userptr_mmap(up, UNLISTED_SIZE, 1);
	ret = __amd_kfd_svm_access(&up->kfd, cpu, UNLISTED_SIZE);
	igt_require_f(!ret, "KFD offers no shared virtual memory: %s\n", strerror(-ret));
	amd_userptr_munmap(up, cpu, UNLISTED_SIZE);
}

void unlisted_make(struct unlisted *unlisted)
{
	struct amd_userptr *mine = unlisted->up;

	unlisted->memory = (char *)amd_userptr_mmap(mine, UNLISTED_SIZE, 1);
	if (unlisted->kind == UNLISTED_SVM) {
		igt_assert_eq(__amd_kfd_svm_access(&mine->kfd, unlisted->memory, UNLISTED_SIZE), 0);
		unlisted->va = (uintptr_t)unlisted->memory;
		return;
	}
	amd_userptr_mapped_make(mine, unlisted->kind, unlisted->memory, UNLISTED_SIZE,
				&unlisted->mapped);
	unlisted->va = unlisted->mapped.va;
}

/* ---- changes ---- */

static int unmap(struct unlisted *unlisted)
{
	return munmap(unlisted->memory, UNLISTED_SIZE) ? -errno : 0;
}

int unlisted_dontneed(struct unlisted *unlisted)
{
	return madvise(unlisted->memory, UNLISTED_SIZE, MADV_DONTNEED) ? -errno : 0;
}

static int remap(struct unlisted *unlisted)
{
	return mmap(unlisted->memory, UNLISTED_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == unlisted->memory
		       ? 0
		       : -errno;
}

static int migrate(struct unlisted *unlisted)
{
	return __igt_mm_migrate(unlisted->memory, UNLISTED_SIZE, getpagesize());
}

static int protect(struct unlisted *unlisted)
{
	return mprotect(unlisted->memory, UNLISTED_SIZE, PROT_READ) ? -errno : 0;
}

/* After the fork the parent writes to each page and gets a copy, so the child has the old pages. */
static int cow(struct unlisted *unlisted)
{
	char byte;

	if (pipe(unlisted->tell))
		return -errno;
	unlisted->child = fork();
	if (unlisted->child < 0)
		return -errno;
	if (!unlisted->child) {
		const uint32_t *dw = (const void *)unlisted->memory;

		close(unlisted->tell[1]);
		if (read(unlisted->tell[0], &byte, 1) != 1)
			_exit(2);
		for (size_t i = 0; i < UNLISTED_SIZE / sizeof(*dw); i++) {
			if (dw[i] != amd_pattern(1, i))
				_exit(1);
		}
		_exit(0);
	}
	for (size_t at = 0; at < UNLISTED_SIZE; at += getpagesize()) {
		volatile char *page = unlisted->memory + at;

		*page = *page;
	}
	return 0;
}

/* ---- checks of the old pages, by their new owners ---- */

/* New memory of the test.  The kernel gives it some of the freed pages before the IB stores. */
static uint32_t *fresh;

static bool take_freed(struct unlisted *unlisted)
{
	unsigned int index;

	fresh = amd_userptr_mmap(unlisted->up, AMD_USERPTR_FRESH_SIZE, 2);
	return amd_userptr_find_reused(fresh, unlisted->pfns, num_pages(), &index);
}

static void check_fresh(struct unlisted *unlisted)
{
	amd_pattern_check(fresh, AMD_USERPTR_FRESH_SIZE, 2, "memory that has a freed page");
}

static void check_protected(struct unlisted *unlisted)
{
	amd_pattern_check(unlisted->memory, UNLISTED_SIZE, 1, "memory that is read-only now");
}

static void check_child(struct unlisted *unlisted)
{
	int status = -1;

	igt_assert_eq(write(unlisted->tell[1], "", 1), 1);
	igt_assert(waitpid(unlisted->child, &status, 0) == unlisted->child);
	unlisted->child = 0;
	igt_assert_f(!status, "the pages of a child have the IB's stores (status %#x)\n", status);
}

static const struct event events[] = {
	{ .name = "unmap",
	  .what = "is unmapped",
	  .run = unmap,
	  .check = check_fresh,
	  .compute_too = true },
	{ .name = "dontneed",
	  .what = "is dropped",
	  .run = unlisted_dontneed,
	  .check = check_fresh },
	{ .name = "remap", .what = "is replaced", .run = remap, .check = check_fresh },
	{ .name = "migrate", .what = "migrates", .run = migrate, .check = check_fresh },
	{ .name = "mprotect",
	  .what = "is made read-only",
	  .run = protect,
	  .check = check_protected,
	  .compute_too = true },
	{ .name = "cow",
	  .what = "is a child's after a fork",
	  .run = cow,
	  .check = check_child,
	  .compute_too = true },
};

/* ---- the IB ---- */

volatile uint32_t *unlisted_words(struct unlisted *unlisted)
{
	return unlisted->cs.data.cpu;
}

static uint64_t word_va(struct unlisted *unlisted, unsigned int word)
{
	return unlisted->cs.data.va + word * sizeof(uint32_t);
}

int unlisted_submit(struct unlisted *unlisted, bool waits, uint64_t *seq)
{
	const uint32_t one = 1, value = UNLISTED_VALUE;
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	struct amd_userptr_cs *cs = &unlisted->cs;
	int ret;

	memset(cs->data.cpu, 0, getpagesize());
	amd_userptr_cs_begin(cs);
	amd_kfd_queue_write(&cs->packets, word_va(unlisted, WORD_STARTED), &one, 1);
	if (waits)
		amd_kfd_queue_poll(&cs->packets, word_va(unlisted, WORD_GO), 1);
	for (unsigned int i = 0; i < num_pages(); i++)
		amd_kfd_queue_write(&cs->packets,
				    unlisted->va + i * getpagesize() + sizeof(uint32_t), &value, 1);
	amd_kfd_queue_write(&cs->packets, word_va(unlisted, WORD_DONE), &one, 1);
	/* -EAGAIN: the driver is restoring userptrs of the process, so submit again. */
	do
		ret = __amd_userptr_cs_submit(cs, NULL, 0, seq);
	while (ret == -EAGAIN && igt_now_ms() < deadline);
	return ret;
}

void unlisted_expect_reached(struct unlisted *unlisted)
{
	const uint32_t *dw = (const void *)unlisted->memory;
	uint64_t seq;

	igt_assert_eq(unlisted_submit(unlisted, false, &seq), 0);
	igt_assert_eq(__amd_userptr_cs_wait(&unlisted->cs, seq, AMD_USERPTR_WAIT_MS), 0);
	for (unsigned int i = 0; i < num_pages(); i++)
		igt_assert_eq_u32(dw[i * getpagesize() / sizeof(*dw) + 1], UNLISTED_VALUE);
	amd_pattern_fill(unlisted->memory, UNLISTED_SIZE, 1);
}

static void wait_started(struct unlisted *unlisted)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	while (!unlisted_words(unlisted)[WORD_STARTED] && igt_now_ms() < deadline)
		igt_pause();
	igt_assert_eq_u32(unlisted_words(unlisted)[WORD_STARTED], 1);
}

static int run_event(void *data)
{
	struct unlisted *unlisted = data;

	return unlisted->event->run(unlisted);
}

/*
 * Let the thread begin the change of the memory.  Returns true when the change has returned.
 * Returns false if it has not returned after RETURN_MS.  In that case the change waits for the IB,
 * and the thread may hold mmap_lock, so the caller must map nothing.
 */
static bool returns(struct unlisted *unlisted)
{
	igt_task_let_go(&unlisted->task);
	return igt_task_wait(&unlisted->task, RETURN_MS);
}

static enum result attempt(struct unlisted *unlisted)
{
	struct amd_userptr *mine = unlisted->up;
	bool returned, there = true;
	uint64_t seq;
	int ret;

	unlisted_make(unlisted);
	unlisted_expect_reached(unlisted);
	for (unsigned int i = 0; i < num_pages(); i++)
		unlisted->pfns[i] = igt_procfs_pfn(unlisted->memory + i * getpagesize());
	igt_task_make(&unlisted->task, run_event, unlisted);
	igt_assert_eq(unlisted_submit(unlisted, true, &seq), 0);
	wait_started(unlisted);
	returned = returns(unlisted);
	if (returned && unlisted->event->check == check_fresh)
		there = take_freed(unlisted);
	/* The IB must still wait, so that it stores after the change. */
	igt_assert_eq_u32(unlisted_words(unlisted)[WORD_DONE], 0);
	unlisted_words(unlisted)[WORD_GO] = 1;
	ret = __amd_userptr_cs_wait(&unlisted->cs, seq, AMD_USERPTR_WAIT_MS);
	igt_assert_eq(igt_task_end(&unlisted->task), 0);
	if (unlisted->event->run == unmap)
		amd_userptr_disown(mine, unlisted->memory);
	igt_assert_f(!ret, "the submission does not end: %s\n", strerror(-ret));
	if (!returned)
		return WAITED;
	if (there)
		unlisted->event->check(unlisted);
	return there ? INTACT : SHOWS_NOTHING;
}

void unlisted_end(struct unlisted *unlisted)
{
	if (unlisted->child > 0) {
		kill(unlisted->child, SIGKILL);
		waitpid(unlisted->child, NULL, 0);
		unlisted->child = 0;
	}
	for (int i = 0; i < 2 && unlisted->tell[1]; i++)
		close(unlisted->tell[i]);
	unlisted->tell[1] = 0;
	amd_userptr_mapped_drop(unlisted->up, &unlisted->mapped);
	amd_userptr_cleanup(unlisted->up);
}

static void overtake(struct amd_userptr *mine, void *data)
{
	static const char *const texts[] = {
		[WAITED] = "the change waits for the submission",
		[INTACT] = "nothing landed in pages that have gone",
	};
	struct unlisted *unlisted = data;
	enum result result = SHOWS_NOTHING;

	igt_assert(num_pages() <= UNLISTED_MAX_PAGES);
	amd_userptr_stay_on_cpu();
	unlisted->up = mine;
	igt_assert_eq(__amd_userptr_cs_open(mine->fd, unlisted->ring, &unlisted->cs), 0);
	for (int i = 0; i < ATTEMPTS && result == SHOWS_NOTHING; i++) {
		result = attempt(unlisted);
		unlisted_end(unlisted);
	}
	igt_assert_f(result != SHOWS_NOTHING, "the new memory got none of the freed pages\n");
	igt_info("%s\n", texts[result]);
	amd_userptr_cs_close(&unlisted->cs);
}

static void run(struct amd_userptr *up, const struct event *event, unsigned int kind,
		enum amd_kfd_queue_type ring)
{
	struct unlisted unlisted = { .event = event, .kind = kind, .ring = ring };

	unlisted_require(up, kind);
	igt_require_f(event->run != migrate || igt_mm_numa_node(igt_mm_numa_node(64)) >= 0,
		      "one NUMA node only\n");
	igt_set_timeout(igt_patience(CS_SECONDS), event->name);
	amd_userptr_in_faulting_child(up, overtake, &unlisted);
	igt_reset_timeout();
}

void amd_userptr_cs_unlisted_subtests(struct amd_userptr *up)
{
	for (unsigned int i = 0; i < ARRAY_LENGTH(events); i++) {
		for (int k = 0; k < UNLISTED_NUM_KINDS * (1 + events[i].compute_too); k++) {
			const unsigned int kind = k % UNLISTED_NUM_KINDS;
			const bool compute = k >= UNLISTED_NUM_KINDS;

			igt_describe_f(
				"A submission does not store to the old pages of memory that %s.",
				events[i].what);
			igt_subtest_f("unlisted-%s%s%s", events[i].name, unlisted_suffix(kind),
				      compute ? "-compute" : "")
				run(up, &events[i], kind,
				    compute ? AMD_KFD_QUEUE_PM4 : AMD_KFD_QUEUE_SDMA);
			igt_fixture()
				amd_userptr_cleanup(up);
		}
	}
}
