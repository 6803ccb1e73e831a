// SPDX-License-Identifier: MIT
/*
 * Bug H17 of docs/upstreaming.md.  A process closes a userptr, or lets KFD unmap it, while a
 * submission runs.  The driver clears the page table entries only when that submission has ended.
 * A second submission could start before that.  It loaded the old entries into the TLB of its VMID,
 * and nothing flushed that TLB.  So the second submission could still reach the pages after the
 * kernel had given them to somebody else:
 *
 *   process                                   GPU
 *   submits the first submission              the first runs
 *   closes or unmaps the userptr
 *   submits the second submission             the second reads the memory, and waits
 *                                             the first ends, and SDMA clears the entries
 *   calls munmap(), pages get a new owner
 *                                             the second stores through its TLB
 *
 * The first submission runs on SDMA, the second on a compute ring.  So the second does not wait for
 * the first, and SDMA can clear the entries while the second runs.  Neither of them lists the
 * userptr.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_procfs.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"
#include "lib/igt_tracefs.h"

#include "amd_userptr_stock_bugs.h"

#define SUBMIT_SIZE	 ((size_t)16 * getpagesize())
#define SUBMIT_PAGES	 (SUBMIT_SIZE / getpagesize())
#define SUBMIT_MAX_PAGES 16

/*
 * If a submission has not started after START_MS, or a call has not returned after RETURN_MS, the
 * driver makes it wait.  No IB may run longer than two seconds, which is the driver's limit for a
 * job.  The first IB runs for START_MS, the second for three times RETURN_MS.
 */
#define START_MS  600
#define RETURN_MS 300

/*
 * How many attempts to make.  The test tries again if an attempt shows nothing, or only that the
 * driver waits for the second submission.
 */
#define ATTEMPTS 8

/*
 * Dwords in cs.data of each submission: the IB stores WORD_STARTED, and waits for WORD_GO.  The
 * second IB copies a dword of each page of the userptr to WORD_READ and the dwords behind it.
 */
enum { WORD_GO, WORD_STARTED, WORD_READ = 16 };

/*
 * The result of an attempt; in_child() has a text for each but the first.  A larger one shows more,
 * and the subtest reports the largest.
 */
enum result { SHOWS_NOTHING, WAITED, INTACT, BEHIND };

enum how { CLOSE, CLOSE_HSA, UNMAP_KFD };

/* These probes tell whether a userptr without the flag still has its MMU notifier. */
#define REGISTER   "amd_userptr_register"
#define UNREGISTER "amd_userptr_unregister"

static const char *const events[] = { "kprobes/" REGISTER, "kprobes/" UNREGISTER };

struct later {
	enum how how;
	struct amd_userptr *up;
	struct amd_userptr client; /* the render node whose VM the submissions use */
	struct amd_userptr_cs first, second;
	uint64_t second_seq; /* the sequence number of the second submission */
	/* Threads that close or unmap the userptr, submit the second IB, and call munmap(). */
	struct igt_task drop, submit, unmap;
	char *memory;
	uint64_t va;
	uint32_t handle;	/* the GEM userptr, unless @how is UNMAP_KFD */
	struct amd_kfd_mem mem; /* the userptr of KFD, if @how is UNMAP_KFD */
	uint64_t pfns[SUBMIT_MAX_PAGES];
};

/* ---- the notifier of a userptr without the flag ---- */

static void unwatch_notifier(void)
{
	igt_tracefs_off();
	igt_tracefs_kprobe_remove(REGISTER);
	igt_tracefs_kprobe_remove(UNREGISTER);
}

static void watch_notifier(void)
{
	/* An earlier subtest that failed may have left its probes. */
	unwatch_notifier();
	igt_require_f(igt_tracefs_kprobe_add(REGISTER, "amdgpu_hmm_register bo=$arg1 addr=$arg2") &&
			      igt_tracefs_kprobe_add(UNREGISTER, "amdgpu_hmm_unregister bo=$arg1"),
		      "no kprobes at the notifier's functions\n");
	igt_require_f(igt_tracefs_on(events, ARRAY_LENGTH(events)), "no tracefs\n");
}

static bool has_notifier(const struct later *later)
{
	FILE *file = fopen(IGT_TRACEFS_INSTANCE "trace", "r");
	bool registered = false;
	uint64_t bo, addr, ours = 0;
	char line[1024];

	igt_assert(file);
	while (fgets(line, sizeof(line), file)) {
		if (!igt_tracefs_number(line, " bo=", 16, &bo))
			continue;
		if (strstr(line, UNREGISTER ": ")) {
			registered &= bo != ours;
		} else if (strstr(line, REGISTER ": ") &&
			   igt_tracefs_number(line, " addr=", 16, &addr) &&
			   addr == (uintptr_t)later->memory) {
			ours = bo;
			registered = true;
		}
	}
	fclose(file);
	return registered;
}

/*
 * Wait until the driver has removed the notifier.  A close returns earlier: TTM destroys the BO,
 * and the driver removes the notifier, only when all fences have signaled.  Until then munmap()
 * would wait for every submission.
 */
static void wait_until_unregistered(const struct later *later)
{
	const uint64_t deadline = igt_now_ms() + RETURN_MS;

	while (has_notifier(later) && igt_now_ms() < deadline)
		igt_pause();
}

/* ---- the userptr ---- */

static void make_gem_userptr(struct later *later)
{
	const uint32_t flags = later->how == CLOSE ? AMD_USERPTR_LISTED : AMD_USERPTR_TRACKED;

	if (later->how == CLOSE)
		igt_tracefs_clear();
	igt_assert_eq(__amd_userptr_create(later->client.fd, later->memory, SUBMIT_SIZE, flags,
					   &later->handle),
		      0);
	igt_assert(later->how != CLOSE || has_notifier(later));
	igt_assert_eq(__amd_userptr_va(&later->client, AMDGPU_VA_OP_MAP, later->handle, later->va,
				       0, SUBMIT_SIZE, AMD_USERPTR_RW),
		      0);
}

static void make_userptr(struct later *later)
{
	later->memory = (char *)amd_userptr_mmap(later->up, SUBMIT_SIZE, 1);
	later->va = amd_kfd_va_reserve(SUBMIT_SIZE, 0);
	igt_assert(later->va);
	if (later->how == UNMAP_KFD) {
		amd_kfd_register(&later->up->kfd, later->memory, SUBMIT_SIZE, later->va,
				 &later->mem);
	} else {
		make_gem_userptr(later);
	}
	for (unsigned int page = 0; page < SUBMIT_PAGES; page++)
		later->pfns[page] = igt_procfs_pfn(later->memory + page * getpagesize());
}

/* ---- threads ---- */

/*
 * Make the driver forget the userptr, by a close or by KFD's ioctls.  The memory stays mapped for
 * the CPU.
 */
static int drop(void *data)
{
	struct later *later = data;
	int ret;

	if (later->how != UNMAP_KFD)
		return __amd_userptr_close_handle(later->client.fd, later->handle);
	ret = __amd_kfd_unmap_memory(&later->up->kfd, later->mem.handle);
	return ret ? ret : __amd_kfd_free_memory(&later->up->kfd, later->mem.handle);
}

static int submit_second(void *data)
{
	struct later *later = data;

	return __amd_userptr_cs_submit(&later->second, NULL, 0, &later->second_seq);
}

static int unmap(void *data)
{
	struct later *later = data;

	return munmap(later->memory, SUBMIT_SIZE) ? -errno : 0;
}

/* ---- submissions ---- */

static volatile uint32_t *word(struct amd_userptr_cs *cs, unsigned int index)
{
	return (volatile uint32_t *)cs->data.cpu + index;
}

static uint64_t word_va(const struct amd_userptr_cs *cs, unsigned int index)
{
	return cs->data.va + index * sizeof(uint32_t);
}

static bool starts(struct amd_userptr_cs *cs, unsigned int ms)
{
	const uint64_t deadline = igt_now_ms() + ms;

	while (!*word(cs, WORD_STARTED) && igt_now_ms() < deadline)
		igt_pause();
	return *word(cs, WORD_STARTED);
}

static void begin(struct amd_userptr_cs *cs)
{
	memset(cs->data.cpu, 0, getpagesize());
	amd_userptr_cs_begin(cs);
}

static void put_started(struct amd_userptr_cs *cs)
{
	const uint32_t one = 1;

	amd_kfd_queue_write(&cs->packets, word_va(cs, WORD_STARTED), &one, 1);
}

/* Submit an IB that runs until the test sets WORD_GO. */
static uint64_t submit_first(struct later *later)
{
	struct amd_userptr_cs *cs = &later->first;
	uint64_t seq;

	begin(cs);
	put_started(cs);
	amd_kfd_queue_poll(&cs->packets, word_va(cs, WORD_GO), 1);
	igt_assert_eq(__amd_userptr_cs_submit(cs, NULL, 0, &seq), 0);
	igt_assert(starts(cs, AMD_USERPTR_WAIT_MS));
	return seq;
}

/*
 * Write an IB that reads each page of the userptr, waits for WORD_GO, and then stores to each page.
 */
static void write_second(struct later *later)
{
	const uint32_t value = AMD_USERPTR_STRAY_VALUE;
	struct amd_userptr_cs *cs = &later->second;

	begin(cs);
	for (unsigned int page = 0; page < SUBMIT_PAGES; page++)
		amd_kfd_queue_copy(&cs->packets, word_va(cs, WORD_READ + page),
				   later->va + page * getpagesize(), sizeof(value));
	put_started(cs);
	amd_kfd_queue_poll(&cs->packets, word_va(cs, WORD_GO), 1);
	for (unsigned int page = 0; page < SUBMIT_PAGES; page++)
		amd_kfd_queue_write(&cs->packets, later->va + page * getpagesize(), &value, 1);
}

/*
 * The caller has found that the second submission has not started: the driver lets it wait until
 * the page table entries of the userptr are cleared.  When it starts, its accesses to the userptr
 * would cause GPU page faults, so remove these accesses from its IB.
 */
static void defuse_second(struct later *later)
{
	struct amd_kfd_queue *packets = &later->second.packets;
	const uint64_t end = packets->put;

	amd_userptr_cs_begin(&later->second);
	put_started(&later->second);
	while (packets->put < end)
		amd_kfd_queue_nop(packets, 1);
}

static void wait_for(struct amd_userptr_cs *cs, uint64_t seq)
{
	igt_assert_eq(__amd_userptr_cs_wait(cs, seq, AMD_USERPTR_WAIT_MS), 0);
}

/* ---- attempts ---- */

/*
 * The second submission waits in its IB, and the first has ended.  If the process can free the
 * pages now, let new memory take them.
 */
static enum result take_pages(struct later *later, uint32_t **fresh)
{
	if (!igt_task_wait(&later->drop, RETURN_MS))
		return WAITED;
	if (later->how == CLOSE)
		wait_until_unregistered(later);
	igt_task_let_go(&later->unmap);
	/*
	 * While munmap() waits it may hold mmap_lock, so do not map memory before it has returned.
	 */
	if (!igt_task_wait(&later->unmap, RETURN_MS))
		return WAITED;
	*fresh = amd_userptr_mmap(later->up, AMD_USERPTR_FRESH_SIZE, 2);
	return INTACT;
}

static enum result attempt(struct later *later)
{
	enum result result = BEHIND;
	uint32_t *fresh = NULL;
	unsigned int index;
	uint64_t seq;

	make_userptr(later);
	igt_task_make(&later->drop, drop, later);
	igt_task_make(&later->submit, submit_second, later);
	igt_task_make(&later->unmap, unmap, later);
	write_second(later);
	seq = submit_first(later);
	/*
	 * Do not wait until drop() and submit_second() return, because both wait for the first
	 * submission if the CPU writes the page tables.
	 */
	igt_task_start_intr(&later->drop);
	igt_task_start_intr(&later->submit);
	if (!starts(&later->second, START_MS))
		defuse_second(later);
	else
		result = WAITED;
	/* The driver cannot have cleared the entries as long as the first submission runs. */
	igt_assert_eq(__amd_userptr_cs_wait(&later->first, seq, 0), -ETIME);
	*word(&later->first, WORD_GO) = 1;
	wait_for(&later->first, seq);
	if (result == WAITED)
		result = take_pages(later, &fresh);
	*word(&later->second, WORD_GO) = 1;
	igt_assert_eq(igt_task_end(&later->submit), 0);
	wait_for(&later->second, later->second_seq);
	igt_assert_eq_u32(*word(&later->second, WORD_STARTED), 1);
	igt_assert_eq(igt_task_end(&later->drop), 0);
	if (result != INTACT)
		igt_task_let_go(&later->unmap);
	igt_assert_eq(igt_task_end(&later->unmap), 0);
	amd_userptr_disown(later->up, later->memory);
	if (result != INTACT)
		return result;
	amd_pattern_check(fresh, AMD_USERPTR_FRESH_SIZE, 2, "memory that has a freed page");
	if (!amd_userptr_find_reused(fresh, later->pfns, SUBMIT_PAGES, &index))
		result = SHOWS_NOTHING;
	amd_userptr_munmap(later->up, fresh, AMD_USERPTR_FRESH_SIZE);
	return result;
}

static void in_child(struct amd_userptr *mine, void *data)
{
	static const char *const texts[] = {
		[WAITED] = "the driver keeps the memory until the second submission has ended",
		[INTACT] = "the second submission stores nothing",
		[BEHIND] = "the second submission starts only after the entries are cleared",
	};
	struct later later = { .how = *(const enum how *)data, .up = mine };
	enum result best = SHOWS_NOTHING;

	igt_assert(SUBMIT_PAGES <= SUBMIT_MAX_PAGES);
	amd_userptr_stay_on_cpu();
	later.client = *mine;
	/* For a userptr without the flag use another VM than KFD's, as a graphics client does. */
	if (later.how == CLOSE)
		later.client.fd = drm_reopen_driver(mine->fd);
	igt_assert_eq(drmSyncobjCreate(later.client.fd, 0, &later.client.syncobj), 0);
	igt_assert_eq(__amd_userptr_cs_open(later.client.fd, AMD_KFD_QUEUE_SDMA, &later.first), 0);
	igt_assert_eq(__amd_userptr_cs_open(later.client.fd, AMD_KFD_QUEUE_PM4, &later.second), 0);
	for (unsigned int i = 0; i < ATTEMPTS && best < INTACT; i++) {
		enum result result = attempt(&later);

		best = result > best ? result : best;
		amd_kfd_va_release(later.va, SUBMIT_SIZE);
	}
	igt_assert_f(best != SHOWS_NOTHING, "the new memory got none of the freed pages\n");
	igt_info("%s\n", texts[best]);
	amd_userptr_cs_close(&later.first);
	amd_userptr_cs_close(&later.second);
	drmSyncobjDestroy(later.client.fd, later.client.syncobj);
	if (later.how == CLOSE)
		close(later.client.fd);
}

static void run(struct amd_userptr *up, const void *data)
{
	enum how how = *(const enum how *)data;

	if (how == CLOSE)
		watch_notifier();
	amd_userptr_in_faulting_child(up, in_child, &how);
	if (how == CLOSE)
		unwatch_notifier();
}

static const enum how how_close = CLOSE, how_close_hsa = CLOSE_HSA, how_unmap_kfd = UNMAP_KFD;

const struct amd_userptr_subtest amd_userptr_submit_subtests[] = {
	{ .name = "close-then-submit",
	  .run_with = run,
	  .data = &how_close,
	  .describe = "A submission after the close of a userptr does not reach its freed pages." },
	{ .name = "unmap-then-submit-kfd",
	  .run_with = run,
	  .data = &how_unmap_kfd,
	  .describe =
		  "A submission after KFD's unmapping of a userptr does not reach its freed pages." },
};
const unsigned int amd_userptr_num_submit_subtests = ARRAY_LENGTH(amd_userptr_submit_subtests);

const struct amd_userptr_subtest amd_userptr_submit_hsa_subtest = {
	.name = "close-then-submit-hsa",
	.run_with = run,
	.data = &how_close_hsa,
	.describe =
		"A submission after the close of an HSA userptr does not reach its freed pages.",
};
