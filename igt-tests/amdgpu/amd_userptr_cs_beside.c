// SPDX-License-Identifier: MIT
/*
 * A client without KFD unmaps the memory of a userptr while its submission runs.  The userptr's MMU
 * notifier waits for the submission, and meanwhile it holds a lock of the whole device,
 * amdgpu_device.notifier_lock (amdgpu_hmm_invalidate_gfx() in amdgpu_hmm.c).  A process of KFD, the
 * bystander, must not wait for that lock.  So before the submission ends, the bystander's queues
 * must be restored after a change of its memory, and the bystander must be able to make another
 * userptr.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/igt_task.h"
#include "lib/igt_time.h"

#include "amd_userptr_cs.h"

#define BESIDE_SIZE ((size_t)64 << 10)

/*
 * The client submits the same IB HOLDS times.  Each IB waits until the client tells it to end,
 * which the client does after HOLD_MS.  So no job reaches the driver's limit of two seconds, and
 * the notifier waits for HOLDS times HOLD_MS, unless the bystander releases the client earlier.  In
 * that time the notifier has START_MS to begin to wait, and the bystander has STEP_MS for each of
 * its steps.
 */
enum { HOLDS = 24, HOLD_MS = 500, START_MS = 3000, STEPS = 2, STEP_MS = 4000 };
_Static_assert(START_MS + STEPS * STEP_MS < HOLDS * HOLD_MS, "the bystander takes too long");

/*
 * On a debug kernel double all of these times.  Do not multiply them by AMD_KFD_SLOWER, as
 * igt_patience() does with other limits, because a job could then reach the driver's limit of two
 * seconds.
 */
static unsigned int patient(unsigned int ms)
{
	return igt_patience(1) > 1 ? 2 * ms : ms;
}

/* Dwords in the client's cs.data: the IB waits for GO and clears it, after it has set STARTED. */
enum { WORD_GO, WORD_STARTED };

/* Memory that client and bystander share. */
struct shared {
	atomic_int tid;	     /* the client's thread that calls munmap(), once it exists */
	atomic_bool go;	     /* the client may submit, and then call munmap() */
	atomic_bool release; /* the client may end its submissions */
};

struct client {
	struct amd_userptr_cs cs;
	struct igt_task task;
	struct shared *shared;
	char *memory;
	uint64_t last; /* the sequence number of the last submission */
};

struct bystander {
	struct amd_userptr up;
	enum amd_userptr_kind kind;
	struct amd_userptr_mapped mapped, other;
	char *memory, *more;
	uint64_t va; /* reserved for the other userptr */
	struct igt_task task;
};

/* ---- the client ---- */

static int unmap(void *data)
{
	struct client *client = data;

	return munmap(client->memory, BESIDE_SIZE) ? -errno : 0;
}

static volatile uint32_t *word(struct client *client, unsigned int index)
{
	return (volatile uint32_t *)client->cs.data.cpu + index;
}

static uint64_t word_va(const struct client *client, unsigned int index)
{
	return client->cs.data.va + index * sizeof(uint32_t);
}

/* Submit IBs that list the userptr, and wait until the first of them runs. */
static void submit(struct client *client, uint32_t handle)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	const uint32_t zero = 0, one = 1;
	struct amd_userptr_cs *cs = &client->cs;

	amd_userptr_cs_begin(cs);
	amd_kfd_queue_write(&cs->packets, word_va(client, WORD_STARTED), &one, 1);
	amd_kfd_queue_poll(&cs->packets, word_va(client, WORD_GO), 1);
	amd_kfd_queue_write(&cs->packets, word_va(client, WORD_GO), &zero, 1);
	for (unsigned int i = 0; i < HOLDS; i++)
		igt_assert_eq(__amd_userptr_cs_submit(cs, &handle, 1, &client->last), 0);
	while (!*word(client, WORD_STARTED) && igt_now_ms() < deadline)
		igt_pause();
	igt_assert_eq_u32(*word(client, WORD_STARTED), 1);
}

/*
 * Let one IB after another wait for HOLD_MS, until the bystander releases the client or ends.  This
 * function must not map memory or touch new pages, because the thread in munmap() holds mmap_lock.
 */
static void hold(struct client *client, pid_t bystander)
{
	for (unsigned int i = 0; i < HOLDS; i++) {
		const uint64_t end = igt_now_ms() + patient(HOLD_MS);

		while (!client->shared->release && getppid() == bystander && igt_now_ms() < end)
			igt_pause();
		*word(client, WORD_GO) = 1;
	}
}

/*
 * End all IBs.  Each IB waits for WORD_GO and clears it, so set the word again and again until the
 * last IB has ended.
 */
static int end_submissions(struct client *client)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	int ret;

	do {
		*word(client, WORD_GO) = 1;
		ret = __amd_userptr_cs_wait(&client->cs, client->last, 1);
	} while (ret == -ETIME && igt_now_ms() < deadline);
	return ret;
}

static void be_client(struct amd_userptr *up, struct shared *shared, pid_t bystander)
{
	struct client client = { .shared = shared };
	const int fd = drm_reopen_driver(up->fd);
	uint32_t handle;

	igt_assert_eq(__amd_userptr_cs_open(fd, AMD_KFD_QUEUE_PM4, &client.cs), 0);
	client.memory =
		mmap(NULL, BESIDE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(client.memory != MAP_FAILED);
	igt_assert_eq(__amd_userptr_create(fd, client.memory, BESIDE_SIZE, AMD_USERPTR_LISTED,
					   &handle),
		      0);
	igt_task_make(&client.task, unmap, &client);
	shared->tid = client.task.tid;
	while (!shared->go && getppid() == bystander)
		igt_pause();
	submit(&client, handle);
	igt_task_let_go(&client.task);
	hold(&client, bystander);
	igt_assert_eq(end_submissions(&client), 0);
	igt_assert_eq(igt_task_end(&client.task), 0);
}

/* Does the client's thread wait for the submissions, in the MMU notifier of its userptr? */
static bool in_notifier(pid_t client, const struct shared *shared)
{
	char path[64], text[4096];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stack", client, shared->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	/* If only the first name is there, the thread still waits for notifier_lock. */
	return strstr(text, "amdgpu_hmm_invalidate_gfx") && strstr(text, "dma_resv_wait_timeout");
}

static void let_wait(pid_t client, struct shared *shared)
{
	const uint64_t deadline = igt_now_ms() + patient(START_MS);

	shared->go = true;
	while (!in_notifier(client, shared) && igt_now_ms() < deadline)
		igt_pause();
	igt_assert_f(in_notifier(client, shared),
		     "the notifier does not wait for the submission\n");
}

/* ---- the bystander ---- */

static int make_other(void *data)
{
	struct bystander *by = data;

	return __amd_userptr_mapped_make_at(&by->up, by->kind, by->more, BESIDE_SIZE, by->va,
					    &by->other);
}

static void prepare(struct bystander *by, struct amd_userptr *up, enum amd_userptr_kind kind)
{
	amd_userptr_open_in_child(&by->up, up);
	by->kind = kind;
	by->memory = (char *)amd_userptr_mmap(&by->up, BESIDE_SIZE, 1);
	by->more = (char *)amd_userptr_mmap(&by->up, BESIDE_SIZE, 2);
	by->va = amd_kfd_va_reserve(BESIDE_SIZE, 0);
	igt_assert(by->va);
	amd_userptr_mapped_make(&by->up, kind, by->memory, BESIDE_SIZE, &by->mapped);
	amd_userptr_gpu_check(&by->up, by->mapped.va, BESIDE_SIZE, 1);
	igt_task_make(&by->task, make_other, by);
}

/* Returns NULL, or the step of the bystander that took too long. */
static const char *be_undisturbed(struct bystander *by)
{
	amd_kfd_smi_mark(&by->up.smi);
	igt_assert_eq(madvise(by->memory, BESIDE_SIZE, MADV_DONTNEED), 0);
	amd_pattern_fill(by->memory, BESIDE_SIZE, 3);
	if (__amd_kfd_smi_wait_restored(&by->up.smi, 1, patient(STEP_MS)))
		return "its queues are not restored";
	amd_userptr_gpu_check(&by->up, by->mapped.va, BESIDE_SIZE, 3);
	/*
	 * Make the userptr in a thread, so that the bystander can give up after STEP_MS.  No signal
	 * can interrupt an ioctl that waits for the lock.
	 */
	igt_task_let_go(&by->task);
	if (!igt_task_wait(&by->task, patient(STEP_MS)))
		return "it makes no userptr";
	igt_assert_eq(igt_task_end(&by->task), 0);
	amd_userptr_gpu_check(&by->up, by->va, BESIDE_SIZE, 2);
	return NULL;
}

static void stand_by(struct amd_userptr *up, struct shared *shared, enum amd_userptr_kind kind)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	struct bystander by = { 0 };
	const pid_t self = getpid();
	const char *disturbed;
	int status = -1;
	bool waits;
	pid_t pid;

	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		be_client(up, shared, self);
		_exit(IGT_EXIT_SUCCESS);
	}
	prepare(&by, up, kind);
	while (!shared->tid && igt_now_ms() < deadline)
		igt_pause();
	igt_assert_f(shared->tid, "the client is not ready\n");
	let_wait(pid, shared);
	disturbed = be_undisturbed(&by);
	waits = in_notifier(pid, shared);
	shared->release = true;
	igt_assert_f(igt_wait_pid(pid, &status, 2 * AMD_USERPTR_WAIT_MS),
		     "the client does not end\n");
	igt_assert_eq(status, 0);
	igt_assert_f(!disturbed, "the bystander waits for the client's submission: %s\n",
		     disturbed);
	igt_assert_f(waits, "the notifier did not wait until the bystander was done\n");
	igt_assert_eq(__amd_userptr_mapped_close(&by.up, &by.other), 0);
	amd_userptr_mapped_drop(&by.up, &by.mapped);
	amd_userptr_close(&by.up);
}

static void beside(struct amd_userptr *up, enum amd_userptr_kind kind)
{
	struct shared *shared = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	amd_userptr_adopt(up, shared, getpagesize());
	igt_require_f(kind == AMD_USERPTR_KIND_KFD || up->supported,
		      "This kernel does not know AMDGPU_GEM_USERPTR_HSA\n");
	igt_require_f(!access("/proc/self/stack", R_OK), "no stacks of threads, or not root\n");
	igt_set_timeout(igt_patience(CS_SECONDS), "a process beside a submission");
	igt_fork(child, 1)
		stand_by(up, shared, kind);
	igt_waitchildren();
	igt_reset_timeout();
	amd_userptr_queue_alive(up);
}

void amd_userptr_cs_beside_subtests(struct amd_userptr *up)
{
	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++) {
		igt_describe(
			"Queues are restored while an MMU notifier of another process waits for a submission.");
		igt_subtest_f("beside-notifier%s", amd_userptr_kind_suffix[kind])
			beside(up, kind);
		igt_fixture()
			amd_userptr_cleanup(up);
	}
}
