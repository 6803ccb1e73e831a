// SPDX-License-Identifier: MIT
/*
 * The timings of the matrix.  Each timing brings queues and restore worker into a state, makes the
 * event, and checks the memory afterwards.
 */
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_mm.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

#include "amd_userptr_matrix.h"

/* Returns NULL, or a reason to skip. */
static const char *init_area(struct amd_userptr_matrix *matrix, struct amd_userptr *up,
			     const struct amd_userptr_case *test)
{
	const char *reason =
		amd_userptr_area_init(&matrix->area, up, test->backing, test->event->huge);

	if (!reason && test->event->prepare)
		reason = test->event->prepare(&matrix->area);
	return reason;
}

static void make_area(struct amd_userptr_matrix *matrix, struct amd_userptr *up,
		      const struct amd_userptr_case *test)
{
	const char *reason = init_area(matrix, up, test);

	igt_require_f(!reason, "%s\n", reason);
}

static struct amd_userptr_bo *map_area(struct amd_userptr_matrix *matrix, struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = matrix->kind->create(&matrix->area);

	matrix->kind->map(up, bo);
	return bo;
}

static struct amd_userptr_bo *make_mapped(struct amd_userptr_matrix *matrix, struct amd_userptr *up,
					  const struct amd_userptr_case *test)
{
	make_area(matrix, up, test);
	return map_area(matrix, up);
}

/* Assert that the event happened, or skip if the kernel is allowed to refuse it. */
static void expect_happened(struct amd_userptr_matrix *matrix, const struct amd_userptr_case *test)
{
	const bool happened = test->event->happened(&matrix->area);

	if (test->event->refusal)
		igt_require_f(happened, "%s\n", test->event->refusal);
	igt_assert_f(happened, "%s did not happen\n", test->event->name);
}

/*
 * Assert that KFD has evicted and restored the queues, or that it has not evicted them if the event
 * changes no page.
 */
static void expect_effect(struct amd_userptr *up, const struct amd_userptr_case *test)
{
	if (test->effect == AMD_USERPTR_UNTOUCHED)
		amd_userptr_expect_no_eviction(up);
	else
		amd_userptr_expect_evictions(up, 0);
}

static void trigger(struct amd_userptr_matrix *matrix, struct amd_userptr *up,
		    const struct amd_userptr_case *test)
{
	amd_userptr_event_begin(&matrix->area);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(test->event->trigger(&matrix->area), 0);
	if (test->event->refusal)
		expect_happened(matrix, test);
	expect_effect(up, test);
	expect_happened(matrix, test);
}

/*
 * Make the memory accessible again, and return the effect that describes its content now.  The
 * kernel calls no notifier when it only adds memory, so the BO would keep its hole.  Therefore take
 * write access from the memory and give it back, which makes the kernel call the notifier.
 */
static enum amd_userptr_effect heal(struct amd_userptr_matrix *matrix,
				    const struct amd_userptr_case *test, struct amd_userptr_bo *bo)
{
	struct amd_userptr_area *area = &matrix->area;
	enum amd_userptr_effect effect = test->effect;

	if (!test->event->heal)
		return effect;
	amd_kfd_smi_mark(&area->up->smi);
	igt_assert_eq(test->event->heal(area), 0);
	if (effect == AMD_USERPTR_HOLE)
		effect = test->event->healed;
	/*
	 * Let the CPU read first, because __igt_mm_poke() runs notifiers only where the CPU's page
	 * tables have entries.
	 */
	amd_userptr_area_check(area, NULL, effect);
	igt_assert_eq(__igt_mm_poke(area->cpu, area->size), 0);
	if (bo)
		amd_userptr_expect_evictions(area->up, 0);
	return effect;
}

static void verify(struct amd_userptr_matrix *matrix, const struct amd_userptr_case *test,
		   struct amd_userptr_bo *bo)
{
	struct amd_userptr_area *area = &matrix->area;
	enum amd_userptr_effect effect;

	if (test->effect == AMD_USERPTR_HOLE)
		amd_userptr_queue_alive(area->up);
	effect = heal(matrix, test, bo);
	amd_userptr_area_check(area, bo, effect);
	amd_userptr_area_roundtrip(area, bo);
	if (test->event->check_others)
		test->event->check_others(area);
}

static void before_map(struct amd_userptr_matrix *matrix, const struct amd_userptr_case *test)
{
	struct amd_userptr *up = matrix->up;
	struct amd_userptr_bo *bo;

	make_area(matrix, up, test);
	/*
	 * The driver tracks the pages from the creation of the BO on, so the event evicts the
	 * queues although the GPU has not mapped the BO yet.
	 */
	bo = matrix->kind->create(&matrix->area);
	trigger(matrix, up, test);
	matrix->kind->map(up, bo);
	verify(matrix, test, bo);
}

static void mapped_idle(struct amd_userptr_matrix *matrix, const struct amd_userptr_case *test)
{
	struct amd_userptr_bo *bo = make_mapped(matrix, matrix->up, test);

	trigger(matrix, matrix->up, test);
	verify(matrix, test, bo);
}

/* ---- while a queue copies ---- */

/* Offsets in up->in and up->out, behind the bytes that the checks use. */
enum {
	TRAIN_DATA = AMD_USERPTR_STAGE / 2,
	TRAIN_WORD = AMD_USERPTR_STAGE - sizeof(uint32_t),
};

/*
 * How many rounds of copies the queue makes before it waits for the test: so many that it still
 * copies when the event comes.
 */
enum { TRAIN_ROUNDS = 24 };

/*
 * The work of a queue: many rounds of copies out of the area's first half and into its second half,
 * then a packet that waits for the test, then one more round.  So the queue has work left until the
 * test lets it go on.
 */
struct train {
	struct amd_userptr *up;
	struct amd_userptr_area *area;
	struct amd_userptr_bo *bo;
	/* The queue stores 1 at @progress after the first round, and waits for a 1 at @go. */
	volatile uint32_t *progress, *go;
	uint32_t seqno; /* the sequence number of the last round */
};

static void emit_round(struct train *train)
{
	struct amd_userptr *up = train->up;
	const uint64_t va = train->bo->va;

	amd_kfd_queue_copy(up->queue, up->out.va + TRAIN_DATA,
			   va + amd_userptr_area_offset(train->area, 0), amd_userptr_half());
	if (!train->area->backing->readonly)
		amd_kfd_queue_copy(up->queue, va + amd_userptr_area_offset(train->area, 1),
				   up->in.va + TRAIN_DATA, amd_userptr_half());
}

static void train_start(struct train *train)
{
	struct amd_userptr *up = train->up;
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	train->progress = (void *)((char *)up->out.cpu + TRAIN_WORD);
	train->go = (void *)((char *)up->in.cpu + TRAIN_WORD);
	*train->progress = *train->go = 0;
	/*
	 * Let the queue store the bytes that the second half has already, so that a store to the
	 * right page changes nothing.
	 */
	memcpy((char *)up->in.cpu + TRAIN_DATA,
	       train->area->cpu + amd_userptr_area_offset(train->area, 1), amd_userptr_half());
	for (int i = 0; i < TRAIN_ROUNDS; i++) {
		emit_round(train);
		if (i == 0)
			amd_kfd_queue_fence(up->queue, up->out.va + TRAIN_WORD, 1);
	}
	amd_kfd_queue_poll(up->queue, up->in.va + TRAIN_WORD, 1);
	emit_round(train);
	train->seqno = amd_kfd_queue_submit(up->queue);
	while (!*train->progress && igt_now_ms() < deadline)
		igt_pause();
	igt_assert_eq(*train->progress, 1);
}

/*
 * Let the queue run the last round, after the event: it has to read the new content, and its stores
 * have to arrive.
 */
static void train_end(struct train *train, enum amd_userptr_effect effect)
{
	struct amd_userptr *up = train->up;
	const char *read = (char *)up->out.cpu + TRAIN_DATA;
	const char *first = train->area->cpu + amd_userptr_area_offset(train->area, 0);

	igt_assert(!amd_kfd_queue_done(up->queue, train->seqno));
	*train->go = 1;
	amd_kfd_queue_wait(up->queue, train->seqno, AMD_USERPTR_WAIT_MS);
	amd_userptr_area_check_half(train->area, 0, effect, first);
	amd_userptr_area_check_half(train->area, 0, effect, read);
	if (!train->area->backing->readonly)
		igt_assert(!memcmp((char *)up->in.cpu + TRAIN_DATA,
				   train->area->cpu + amd_userptr_area_offset(train->area, 1),
				   amd_userptr_half()));
}

/*
 * The event makes a hole, in which the queue would fault, so let the queue work on other memory.
 */
static void running_beside(struct amd_userptr_matrix *matrix, const struct amd_userptr_case *test)
{
	struct train train = { .up = matrix->up, .area = &matrix->other };
	struct amd_userptr_bo *bo = make_mapped(matrix, matrix->up, test);

	igt_assert(!amd_userptr_area_init(&matrix->other, matrix->up, &amd_userptr_backings[0],
					  false));
	train.bo = matrix->kind->create(&matrix->other);
	matrix->kind->map(matrix->up, train.bo);
	train_start(&train);
	trigger(matrix, matrix->up, test);
	train_end(&train, AMD_USERPTR_KEPT);
	verify(matrix, test, bo);
}

static void running(struct amd_userptr_matrix *matrix, const struct amd_userptr_case *test)
{
	struct train train = { .up = matrix->up, .area = &matrix->area };

	if (test->effect == AMD_USERPTR_HOLE) {
		running_beside(matrix, test);
		return;
	}
	train.bo = make_mapped(matrix, matrix->up, test);
	train_start(&train);
	trigger(matrix, matrix->up, test);
	train_end(&train, test->effect);
	heal(matrix, test, train.bo);
	amd_userptr_area_roundtrip(&matrix->area, train.bo);
}

/* ---- while the worker is held ---- */

static int run_event(void *data)
{
	struct amd_userptr_matrix *matrix = data;

	return matrix->test->event->trigger(&matrix->area);
}

static int run_close(void *data)
{
	struct amd_userptr_matrix *matrix = data;

	return __amd_userptr_close_handle(matrix->up->fd, matrix->closing);
}

static void during_restore(struct amd_userptr_matrix *matrix, const struct amd_userptr_case *test)
{
	struct amd_userptr *up = matrix->up;
	struct amd_userptr_bo *bo = make_mapped(matrix, up, test);
	bool in_time;

	igt_task_make(&matrix->event_task, run_event, matrix);
	amd_userptr_event_begin(&matrix->area);
	amd_kfd_smi_mark(&up->smi);
	/*
	 * Invalidate the area first, so that the worker looks up the area's pages before the page
	 * of the FUSE file that holds the worker.
	 */
	igt_assert_eq(__igt_mm_poke(bo->cpu, bo->size), 0);
	amd_userptr_stall_hold(&matrix->stall, up);
	/*
	 * An event that sleeps may wait for mmap_lock, which the worker holds, or for a disk.  Give
	 * an event that only waits for a disk time to end.
	 */
	in_time = igt_task_start(&matrix->event_task) ||
		  (!test->event->waits &&
		   igt_task_wait(&matrix->event_task, 2 * AMD_USERPTR_WAIT_MS));
	igt_assert_f(test->event->may_wait || in_time != test->event->waits,
		     "%s %s for the restore worker\n", test->event->name,
		     in_time ? "did not wait" : "waited");
	igt_assert(amd_userptr_queues_evicted(up));
	amd_userptr_stall_release(&matrix->stall);
	igt_assert_eq(igt_task_end(&matrix->event_task), 0);
	amd_userptr_expect_evictions(up, 0);
	expect_happened(matrix, test);
	/* If the event ended before the release, the worker had to look up the area again. */
	if (in_time && test->effect != AMD_USERPTR_UNTOUCHED)
		igt_assert_lt(0, up->smi.count.rescheduled);
	verify(matrix, test, bo);
}

static void during_close(struct amd_userptr_matrix *matrix, const struct amd_userptr_case *test)
{
	struct amd_userptr *up = matrix->up;
	struct amd_userptr_bo *bo = make_mapped(matrix, up, test);

	matrix->closing = bo->handle;
	igt_task_make(&matrix->close_task, run_close, matrix);
	igt_task_make(&matrix->event_task, run_event, matrix);
	amd_userptr_event_begin(&matrix->area);
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_stall_hold(&matrix->stall, up);
	/* A close waits for page table updates, but not for the page that the worker waits for. */
	bo->handle = 0;
	igt_task_start(&matrix->close_task);
	igt_assert_eq(igt_task_end(&matrix->close_task), 0);
	igt_task_start(&matrix->event_task);
	igt_assert(amd_userptr_queues_evicted(up));
	amd_userptr_stall_release(&matrix->stall);
	igt_assert_eq(igt_task_end(&matrix->event_task), 0);
	amd_userptr_expect_evictions(up, 0);
	expect_happened(matrix, test);

	/*
	 * The driver does not track the memory any more: changes of the memory evict no queue, and
	 * a new BO can have it.
	 */
	amd_kfd_va_release(bo->va, bo->size);
	memset(bo, 0, sizeof(*bo));
	amd_userptr_stall_drop(&matrix->stall, up);
	amd_userptr_queue_alive(up);
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_area_check(&matrix->area, NULL, heal(matrix, test, NULL));
	amd_userptr_expect_no_eviction(up);
	bo = matrix->kind->create(&matrix->area);
	matrix->kind->map(up, bo);
	amd_userptr_area_roundtrip(&matrix->area, bo);
}

/* ---- accesses of a hole ---- */

static void access_hole(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_matrix *matrix = data;
	const struct amd_userptr_case *test = matrix->test;
	const char *reason = init_area(matrix, mine, test);
	struct amd_userptr_bo *bo;
	void *stranger;

	igt_assert_f(!reason, "%s\n", reason);
	/* The child uses a queue of its own, of the same kind as the parent's. */
	amd_userptr_use_queue(mine, matrix->up->queue->type);
	bo = map_area(matrix, mine);
	trigger(matrix, mine, test);
	/*
	 * The kernel most likely gives this memory the pages that the area had, so a store of the
	 * GPU to an old page would show here.
	 */
	stranger = amd_userptr_mmap(mine, matrix->area.size, AMD_USERPTR_SEED_OTHER);
	amd_userptr_queue_alive(mine);
	amd_userptr_store_faults(mine, bo->va + amd_userptr_area_offset(&matrix->area, 1),
				 getpagesize());
	amd_pattern_check(stranger, matrix->area.size, AMD_USERPTR_SEED_OTHER,
			  "memory that is not the area's");
	/* Memory that became read-only has its old content. */
	if (test->event->healed == AMD_USERPTR_KEPT)
		amd_userptr_area_check(&matrix->area, NULL, AMD_USERPTR_KEPT);
	if (test->event->check_others)
		test->event->check_others(&matrix->area);
}

static void access_after(struct amd_userptr_matrix *matrix, const struct amd_userptr_case *test)
{
	/* Only the parent can skip, so try the area here before the child makes it. */
	make_area(matrix, matrix->up, test);
	amd_userptr_area_fini(&matrix->area);
	amd_userptr_munmap(matrix->up, matrix->area.reserved, matrix->area.reserved_size);
	amd_userptr_in_faulting_child(matrix->up, access_hole, matrix);
}

const struct amd_userptr_timing amd_userptr_timings[] = {
	{ .name = "unmapped", .what = "before the GPU has mapped them", .run = before_map },
	{ .name = "idle", .what = "while no queue runs", .run = mapped_idle },
	{ .name = "running", .what = "while a queue runs", .run = running },
	{ .name = "restore",
	  .what = "while they are restored",
	  .stalls = true,
	  .run = during_restore },
	{ .name = "close",
	  .what = "while the userptr is closed",
	  .stalls = true,
	  .run = during_close },
	{ .name = "access",
	  .what = "and the GPU, which accesses them afterwards, faults",
	  .holes_only = true,
	  .run = access_after },
};
const unsigned int amd_userptr_num_timings =
	sizeof(amd_userptr_timings) / sizeof(amd_userptr_timings[0]);
