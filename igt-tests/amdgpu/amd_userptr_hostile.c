// SPDX-License-Identifier: MIT
/*
 * A hostile process must not disturb other processes.  It has a page of a FUSE file whose server
 * does not answer (for a long time, see igt_fuse.h), so the page does not come.  In some subtests
 * the restore worker of the process waits for the page.  In others the ioctl that makes a userptr
 * of the page waits for it, or a second ioctl waits for the worker.  In some subtests a third
 * process wants VRAM at that time.  The last subtests give a process too little memory.
 *
 * Another process, the bystander, does tasks before the hostile process waits, and does them again
 * while the hostile process waits.  The bystander's deadline for a task is LIMIT_TIMES the longest
 * time that the task took before the hostile process waited, plus LIMIT_MORE_MS.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt.h"
#include "igt_os.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_mapped.h"
#include "lib/amdgpu/amd_userptr_victim.h"
#include "lib/igt_cgroup.h"
#include "lib/igt_fuse.h"
#include "lib/igt_reclaim.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

IGT_TEST_DESCRIPTION("Processes whose memory does not come, beside others that must not notice.");

#define HOSTILE_SECONDS 55
#define HOSTILE_SIZE	((size_t)16 * getpagesize())

/*
 * While the hostile process waits, a task may take LIMIT_TIMES as long as before and LIMIT_MORE_MS
 * on top, because the machine may be busy.
 */
enum { LIMIT_TIMES = 8 };
#define LIMIT_MORE_MS igt_patience(1500)

/* How often the bystander does each task before the hostile process waits, and again after that. */
enum { ROUNDS = 3 };

/*
 * The memory limit of the process that has too little memory.  The process uses OOM_SIZE, and also
 * has a userptr of 4/5 of OOM_SIZE.  Together these are more than the limit.
 */
#define OOM_LIMIT ((size_t)8 << 20)
#define OOM_SIZE  ((size_t)5 << 20)

enum task { TASK_NONE, TASK_RESTORE, TASK_PAGEOUT, TASK_MAKE, TASK_COPY, NUM_TASKS };

static const char *const task_names[NUM_TASKS] = {
	[TASK_RESTORE] = "has dropped pages restored",
	[TASK_PAGEOUT] = "has its memory paged out",
	[TASK_MAKE] = "makes userptrs",
	[TASK_COPY] = "copies",
};

/*
 * IN_RESTORE: the restore worker waits for the page.  IN_MAKE: the ioctl that makes a userptr of
 * the page waits for it.  IN_SECOND_CALL: the restore worker waits for the page, and an ioctl that
 * makes another userptr waits for the worker.
 */
enum state { IN_RESTORE, IN_MAKE, IN_SECOND_CALL };

struct hostile {
	const char *name;
	const char *describe;
	enum state state;
	enum amd_userptr_kind kind;
	bool evict;	    /* in each round TTM evicts all VRAM before the bystander copies */
	bool killed;	    /* the test kills the hostile process while it waits */
	unsigned int count; /* number of hostile processes; 0 means one */
};

/* Memory that all processes of a subtest share. */
struct shared {
	atomic_int task;      /* the task that the bystander has to do */
	atomic_uint done;     /* the number of tasks that the bystander has done */
	atomic_bool ready;    /* the process that start() started last has finished its set-up */
	atomic_bool go;	      /* the hostile processes may begin */
	atomic_bool held;     /* the kernel waits for the page */
	atomic_bool begun;    /* the hostile process has begun the ioctl of call() */
	atomic_bool returned; /* that ioctl has returned */
	unsigned int limit_ms[NUM_TASKS]; /* the bystander's deadline for each task */
};

/* The set-up of a subtest, which the judge passes to the processes that it starts. */
struct scene {
	const struct hostile *hostile;
	struct shared *shared;
	struct igt_fuse fuse;
	uint64_t offset; /* of the page in the FUSE file that the next hostile process maps */
	pid_t bystander;
};

/* ---- the bystander: the process that must not be disturbed ---- */

struct bystander {
	struct amd_userptr up;
	struct amd_userptr_mapped mapped;
	char *memory;
	uint32_t seed;
};

static void run_again(struct bystander *by)
{
	amd_userptr_expect_evictions(&by->up, 0);
	amd_userptr_gpu_check(&by->up, by->mapped.va, HOSTILE_SIZE, by->seed);
}

static void restore(struct bystander *by)
{
	amd_kfd_smi_mark(&by->up.smi);
	igt_assert_eq(madvise(by->memory, HOSTILE_SIZE, MADV_DONTNEED), 0);
	amd_pattern_fill(by->memory, HOSTILE_SIZE, ++by->seed);
	run_again(by);
}

static void pageout(struct bystander *by)
{
	amd_kfd_smi_mark(&by->up.smi);
	igt_assert_eq(__igt_reclaim_pageout(by->memory, HOSTILE_SIZE), 0);
	run_again(by);
}

static void make(struct bystander *by)
{
	struct amd_userptr_mapped mapped;

	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++) {
		char *cpu;

		if (kind != AMD_USERPTR_KIND_KFD && !by->up.supported)
			continue;
		cpu = (char *)amd_userptr_mmap(&by->up, HOSTILE_SIZE, 1);
		amd_userptr_mapped_make(&by->up, kind, cpu, HOSTILE_SIZE, &mapped);
		amd_userptr_gpu_check(&by->up, mapped.va, HOSTILE_SIZE, 1);
		amd_userptr_mapped_drop(&by->up, &mapped);
		amd_userptr_munmap(&by->up, cpu, HOSTILE_SIZE);
	}
}

static void copy(struct bystander *by)
{
	amd_userptr_gpu_check(&by->up, by->mapped.va, HOSTILE_SIZE, by->seed);
}

static void stand_by(struct amd_userptr_victims *victims, void *data)
{
	static void (*const tasks[NUM_TASKS])(struct bystander *by) = {
		[TASK_RESTORE] = restore,
		[TASK_PAGEOUT] = pageout,
		[TASK_MAKE] = make,
		[TASK_COPY] = copy,
	};
	struct scene *scene = data;
	struct shared *shared = scene->shared;
	struct bystander by = { .seed = 1 };
	enum amd_userptr_kind kind;

	amd_userptr_open_in_child(&by.up, victims->up);
	kind = by.up.supported ? AMD_USERPTR_KIND_SINGLE : AMD_USERPTR_KIND_KFD;
	by.memory = amd_userptr_victim_memory(HOSTILE_SIZE);
	amd_pattern_fill(by.memory, HOSTILE_SIZE, by.seed);
	amd_userptr_mapped_make(&by.up, kind, by.memory, HOSTILE_SIZE, &by.mapped);
	shared->ready = true;
	for (;;) {
		const int task = atomic_exchange(&shared->task, TASK_NONE);

		if (task == TASK_NONE) {
			igt_pause();
			continue;
		}
		tasks[task](&by);
		shared->done++;
	}
}

/*
 * Let the bystander do a task.  Returns the milliseconds that it took, or more than @limit_ms when
 * the task was not done in time.
 */
static unsigned int let_do(struct scene *scene, enum task task, unsigned int limit_ms)
{
	struct shared *shared = scene->shared;
	const unsigned int before = shared->done;
	const uint64_t start = igt_now_ms();

	shared->task = task;
	while (shared->done == before && igt_now_ms() - start <= limit_ms) {
		int status;

		if (waitpid(scene->bystander, &status, WNOHANG))
			igt_assert_f(false, "the bystander %s: it failed, status %#x\n",
				     task_names[task], status);
		igt_pause();
	}
	return shared->done == before ? limit_ms + 1 : igt_now_ms() - start;
}

/* ---- a third process wants VRAM ---- */

/*
 * The body of a process that evicts all VRAM.  It is a process of its own, because the eviction may
 * never end.
 */
static void evict_vram(struct amd_userptr_victims *victims, void *data)
{
	int evict = __amd_info_debugfs(victims->up->fd, "amdgpu_evict_vram");
	char text[32];

	_exit(evict < 0 || read(evict, text, sizeof(text)) <= 0);
}

static void evict(struct amd_userptr_victims *victims)
{
	pid_t pid = amd_userptr_victim(victims, evict_vram, NULL);
	int status;

	igt_assert_f(igt_wait_pid(pid, &status, AMD_USERPTR_WAIT_MS),
		     "no process gets VRAM any more\n");
	igt_assert_eq(status, 0);
}

static unsigned int do_task(struct amd_userptr_victims *victims, struct scene *scene,
			    enum task task, unsigned int limit_ms)
{
	/* Evict VRAM first, so that the restore of the queues is part of the task. */
	if (task == TASK_COPY && scene->hostile->evict)
		evict(victims);
	return let_do(scene, task, limit_ms);
}

static void measure(struct amd_userptr_victims *victims, struct scene *scene)
{
	for (int round = 0; round < ROUNDS; round++) {
		for (int task = TASK_NONE + 1; task < NUM_TASKS; task++) {
			unsigned int *limit = &scene->shared->limit_ms[task];
			const unsigned int ms = do_task(victims, scene, task, AMD_USERPTR_WAIT_MS);

			igt_assert_f(ms <= AMD_USERPTR_WAIT_MS,
				     "undisturbed the bystander never %s\n", task_names[task]);
			if (ms * LIMIT_TIMES + LIMIT_MORE_MS > *limit)
				*limit = ms * LIMIT_TIMES + LIMIT_MORE_MS;
		}
	}
}

static void expect_undisturbed(struct amd_userptr_victims *victims, struct scene *scene)
{
	unsigned int worst[NUM_TASKS] = { 0 };

	for (int round = 0; round < ROUNDS; round++) {
		for (int task = TASK_NONE + 1; task < NUM_TASKS; task++) {
			const unsigned int limit = scene->shared->limit_ms[task];
			const unsigned int ms = do_task(victims, scene, task, limit);

			worst[task] = ms > worst[task] ? ms : worst[task];
			igt_assert_f(
				ms <= limit,
				"the bystander waits for another process: \"%s\" takes more than "
				"%u ms, over %u times as long as undisturbed (round %d)\n",
				task_names[task], limit, LIMIT_TIMES, round);
		}
	}
	for (int task = TASK_NONE + 1; task < NUM_TASKS; task++)
		igt_info("the bystander %s in %u ms at most, of %u\n", task_names[task],
			 worst[task], scene->shared->limit_ms[task]);
}

/* ---- the hostile process ---- */

struct enemy {
	struct amd_userptr up;
	enum amd_userptr_kind kind;
	char *slow;  /* address at which the page of the FUSE file appears */
	char *other; /* ordinary memory, of which the second ioctl makes a userptr */
	uint64_t va; /* reserved GPU addresses for the userptr that the ioctl makes */
	struct shared *shared;
	enum state state;
	atomic_bool in_place; /* the page of the FUSE file is at @slow */
};

/*
 * The body of a thread that makes a userptr: of the page of the FUSE file (IN_MAKE), or of other
 * memory while the restore worker waits for that page (IN_SECOND_CALL).  The process creates the
 * thread and reserves the GPU addresses before the worker waits, because pthread_create() and
 * mmap() would wait for mmap_lock, which the worker holds.
 */
static void *call(void *data)
{
	struct amd_userptr_mapped mapped;
	struct enemy *enemy = data;
	const bool first = enemy->state == IN_MAKE;

	while (!(first ? enemy->in_place : enemy->shared->held))
		igt_pause();
	enemy->shared->begun = true;
	__amd_userptr_mapped_make_at(&enemy->up, enemy->kind, first ? enemy->slow : enemy->other,
				     first ? (size_t)getpagesize() : HOSTILE_SIZE, enemy->va,
				     &mapped);
	enemy->shared->returned = true;
	return NULL;
}

static void be_hostile(struct amd_userptr_victims *victims, void *data)
{
	static struct enemy enemy;
	struct scene *scene = data;
	const enum state state = scene->hostile->state;
	struct amd_userptr_mapped mapped, tracked;
	char *page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_PRIVATE,
			  scene->fuse.file, scene->offset);
	pthread_t thread;

	igt_assert(page != MAP_FAILED);
	/* Close the file while the server still answers, because the close asks the server. */
	close(scene->fuse.file);
	enemy.kind = scene->hostile->kind;
	enemy.slow = amd_userptr_victim_memory(getpagesize());
	enemy.other = amd_userptr_victim_memory(HOSTILE_SIZE);
	amd_userptr_open_in_child(&enemy.up, victims->up);
	amd_userptr_mapped_make(&enemy.up, enemy.kind, amd_userptr_victim_memory(HOSTILE_SIZE),
				HOSTILE_SIZE, &mapped);
	if (state != IN_MAKE)
		amd_userptr_mapped_make(&enemy.up, enemy.kind, enemy.slow, getpagesize(), &tracked);
	enemy.state = state;
	enemy.shared = scene->shared;
	enemy.va = amd_kfd_va_reserve(HOSTILE_SIZE, 0);
	igt_assert(enemy.va);
	if (state != IN_RESTORE)
		igt_assert_eq(pthread_create(&thread, NULL, call, &enemy), 0);
	scene->shared->ready = true;
	while (!scene->shared->go)
		igt_pause();
	igt_assert(mremap(page, getpagesize(), getpagesize(), MREMAP_MAYMOVE | MREMAP_FIXED,
			  enemy.slow) == enemy.slow);
	enemy.in_place = true;
	for (;;)
		pause();
}

static pid_t start(struct amd_userptr_victims *victims, struct scene *scene,
		   amd_userptr_live_fn *live)
{
	pid_t pid;

	scene->shared->ready = false;
	pid = amd_userptr_victim(victims, live, scene);
	igt_assert_f(amd_userptr_victim_wait(&scene->shared->ready, pid),
		     "a process did not begin\n");
	return pid;
}

/*
 * Let the hostile processes begin to wait.  The FUSE server takes one request at a time and does
 * not answer it, so only one request arrives, even with several hostile processes.
 */
static void make_hostile(struct scene *scene, pid_t pid)
{
	scene->shared->go = true;
	igt_assert_f(igt_fuse_asked(&scene->fuse, AMD_USERPTR_WAIT_MS),
		     "the kernel does not wait for the page\n");
	scene->shared->held = true;
	igt_assert_f(scene->hostile->state == IN_RESTORE ||
			     amd_userptr_victim_wait(&scene->shared->begun, pid),
		     "the hostile process does not call the driver\n");
}

enum { MAX_HOSTILE = 2 };

static void judge(struct amd_userptr_victims *victims, void *data)
{
	struct scene *scene = data;
	const unsigned int count = scene->hostile->count ? scene->hostile->count : 1;
	pid_t pids[MAX_HOSTILE];
	int status;

	/*
	 * Start the bystander before the server's file is open.  Otherwise the bystander would
	 * inherit the file, and its exit would close the file.  The close sends a request to the
	 * server, which does not answer while it holds back a page, so the bystander would hang.
	 */
	scene->bystander = start(victims, scene, stand_by);
	igt_assert_eq(__igt_fuse_start(&scene->fuse), 0);
	for (unsigned int i = 0; i < count; i++) {
		scene->offset += IGT_FUSE_NEXT;
		pids[i] = start(victims, scene, be_hostile);
	}
	close(scene->fuse.file);
	scene->fuse.file = -1;
	measure(victims, scene);
	make_hostile(scene, pids[0]);
	for (unsigned int i = 0; i < count && scene->hostile->killed; i++)
		kill(pids[i], SIGKILL);
	expect_undisturbed(victims, scene);
	amd_userptr_victims_expect_life(victims);
	igt_assert_f(igt_fuse_waits(&scene->fuse), "the page came before the end of the test\n");
	igt_assert_f(!scene->shared->returned, "the hostile process does not wait in the driver\n");

	/* Without the server, faulting in the page fails, so the hostile processes can go on. */
	igt_fuse_stop(&scene->fuse);
	for (unsigned int i = 0; i < count; i++)
		amd_userptr_victim_end(pids[i], "the hostile process");
	igt_assert_lte(let_do(scene, TASK_RESTORE, AMD_USERPTR_WAIT_MS), AMD_USERPTR_WAIT_MS);
	igt_assert(!waitpid(scene->bystander, &status, WNOHANG));
	amd_userptr_victim_end(scene->bystander, "the bystander");
	amd_userptr_victims_expect_back(victims, "afterwards");
}

static struct shared *share(struct amd_userptr *up)
{
	struct shared *shared = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return amd_userptr_adopt(up, shared, getpagesize());
}

static void beside_hostile(struct amd_userptr *up, const struct hostile *hostile)
{
	struct scene scene = { .hostile = hostile, .shared = share(up) };
	int evict_file = __amd_info_debugfs(up->fd, "amdgpu_evict_vram");

	igt_require_f(!access("/dev/fuse", R_OK | W_OK), "no FUSE, or not root\n");
	igt_require_f(igt_get_total_swap_mb(), "no swap space is in use\n");
	igt_require_f(evict_file >= 0 || !hostile->evict, "no debugfs file to evict VRAM with\n");
	if (evict_file >= 0)
		close(evict_file);
	/* The FUSE server ends before KFD gets the page, so KFD logs an error. */
	if (hostile->state == IN_MAKE && hostile->kind == AMD_USERPTR_KIND_KFD)
		amd_info_ignore_user_pages_log();
	amd_userptr_victims_run(up, HOSTILE_SECONDS, judge, &scene);
	igt_reset_timeout();
}

/* ---- too little memory ---- */

/* Use more memory than the cgroup permits, so that the restore worker may find none. */
static void run_out_of_memory(struct amd_userptr_victims *victims, void *data)
{
	struct scene *scene = data;
	struct amd_userptr_mapped mapped;
	struct amd_userptr mine;
	char *tracked, *other;

	amd_userptr_open_in_child(&mine, victims->up);
	igt_assert_eq(__igt_cgroup_join(), 0);
	tracked = amd_userptr_victim_memory(OOM_SIZE / 5 * 4);
	amd_userptr_mapped_make(&mine, scene->hostile->kind, tracked, OOM_SIZE / 5 * 4, &mapped);
	other = mmap(NULL, OOM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(other != MAP_FAILED);
	igt_assert_eq(madvise(other, OOM_SIZE, MADV_NOHUGEPAGE), 0);
	scene->shared->ready = true;
	while (!scene->shared->go)
		igt_pause();
	for (;;) {
		/*
		 * Either the restore worker exceeds the cgroup's limit when it faults in the
		 * userptr's pages again, or this process does when it touches other pages.
		 */
		madvise(tracked, OOM_SIZE / 5 * 4, MADV_DONTNEED);
		for (size_t at = 0; at < OOM_SIZE; at += getpagesize())
			other[at]++;
	}
}

static void judge_oom(struct amd_userptr_victims *victims, void *data)
{
	struct scene *scene = data;
	int status = 0;
	pid_t pid;

	scene->bystander = start(victims, scene, stand_by);
	pid = start(victims, scene, run_out_of_memory);
	measure(victims, scene);
	scene->shared->go = true;
	expect_undisturbed(victims, scene);
	igt_assert_f(igt_wait_pid(pid, &status, AMD_USERPTR_WAIT_MS),
		     "the process without memory does not end\n");
	igt_assert_f(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		     "the process without memory was not killed: status %#x\n", status);
	expect_undisturbed(victims, scene);
	amd_userptr_victim_end(scene->bystander, "the bystander");
	amd_userptr_victims_expect_life(victims);
	amd_userptr_victims_expect_back(victims, "afterwards");
}

static void beside_oom(struct amd_userptr *up, const struct hostile *hostile)
{
	struct scene scene = { .hostile = hostile, .shared = share(up) };
	const char *reason = igt_cgroup_init(IGT_CGROUP_KILL, OOM_LIMIT);
	unsigned long long killed;

	igt_require_f(!reason, "%s\n", reason);
	igt_require_f(!__igt_cgroup_swap(false), "swap space of a cgroup has no limit\n");
	igt_require_f(igt_get_total_swap_mb(), "no swap space is in use\n");
	amd_info_ignore_memory_log();
	amd_userptr_victims_run(up, HOSTILE_SECONDS, judge_oom, &scene);
	igt_reset_timeout();
	killed = igt_cgroup_event("oom_kill ");
	igt_assert(killed > 0);
}

static const struct hostile hostiles[] = {
	{ .name = "restore",
	  .state = IN_RESTORE,
	  .kind = AMD_USERPTR_KIND_SINGLE,
	  .describe = "A restore that never ends does not disturb other processes." },
	{ .name = "restore-scatter",
	  .state = IN_RESTORE,
	  .kind = AMD_USERPTR_KIND_SCATTER,
	  .describe =
		  "A restore of many ranges that never ends does not disturb other processes." },
	{ .name = "restore-kfd",
	  .state = IN_RESTORE,
	  .kind = AMD_USERPTR_KIND_KFD,
	  .describe =
		  "A restore of KFD's userptr that never ends does not disturb other processes." },
	{ .name = "make",
	  .state = IN_MAKE,
	  .kind = AMD_USERPTR_KIND_SINGLE,
	  .describe =
		  "A process that waits for memory while it makes a userptr does not disturb others." },
	{ .name = "make-kfd",
	  .state = IN_MAKE,
	  .kind = AMD_USERPTR_KIND_KFD,
	  .describe =
		  "A process that waits for memory while it makes a userptr of KFD does not disturb others." },
	{ .name = "second-call",
	  .state = IN_SECOND_CALL,
	  .kind = AMD_USERPTR_KIND_SINGLE,
	  .describe =
		  "A call that waits for a restore that never ends does not disturb other processes." },
	{ .name = "second-call-kfd",
	  .state = IN_SECOND_CALL,
	  .kind = AMD_USERPTR_KIND_KFD,
	  .describe =
		  "A call of KFD that waits for a restore that never ends does not disturb other processes." },
	{ .name = "restore-killed",
	  .state = IN_RESTORE,
	  .kind = AMD_USERPTR_KIND_SINGLE,
	  .killed = true,
	  .describe = "A process that is killed while its restore waits does not disturb others." },
	{ .name = "restore-killed-kfd",
	  .state = IN_RESTORE,
	  .kind = AMD_USERPTR_KIND_KFD,
	  .killed = true,
	  .describe =
		  "A process with KFD's userptr that is killed while its restore waits does not disturb others." },
	{ .name = "two",
	  .state = IN_RESTORE,
	  .kind = AMD_USERPTR_KIND_SINGLE,
	  .count = 2,
	  .describe = "Two processes whose restores never end do not disturb others." },
	{ .name = "evict-restore",
	  .state = IN_RESTORE,
	  .kind = AMD_USERPTR_KIND_SINGLE,
	  .evict = true,
	  .describe = "A process gets its VRAM back while the restore of another one never ends." },
	{ .name = "evict-restore-kfd",
	  .state = IN_RESTORE,
	  .kind = AMD_USERPTR_KIND_KFD,
	  .evict = true,
	  .describe =
		  "A process gets its VRAM back while the restore of KFD's userptr of another one never ends." },
	{ .name = "evict-make",
	  .state = IN_MAKE,
	  .kind = AMD_USERPTR_KIND_SINGLE,
	  .evict = true,
	  .describe =
		  "A process gets its VRAM back while another one waits for memory in an ioctl." },
	{ .name = "evict-make-kfd",
	  .state = IN_MAKE,
	  .kind = AMD_USERPTR_KIND_KFD,
	  .evict = true,
	  .describe =
		  "A process gets its VRAM back while another one waits for memory in an ioctl of KFD." },
	{ .name = "evict-killed",
	  .state = IN_RESTORE,
	  .kind = AMD_USERPTR_KIND_SINGLE,
	  .evict = true,
	  .killed = true,
	  .describe =
		  "A process gets its VRAM back when the other one is killed while its restore waits." },
	{ .name = "evict-two",
	  .state = IN_RESTORE,
	  .kind = AMD_USERPTR_KIND_SINGLE,
	  .evict = true,
	  .count = 2,
	  .describe = "A process gets its VRAM back while the restores of two others never end." },
};

static const struct hostile ooms[] = {
	{ .name = "oom",
	  .kind = AMD_USERPTR_KIND_SINGLE,
	  .describe = "The kernel kills only the process whose restore finds no memory." },
	{ .name = "oom-kfd",
	  .kind = AMD_USERPTR_KIND_KFD,
	  .describe =
		  "The kernel kills only the process whose restore of KFD's userptr finds no memory." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
	}

	for (unsigned int i = 0; i < ARRAY_LENGTH(hostiles); i++) {
		igt_describe(hostiles[i].describe);
		igt_subtest(hostiles[i].name)
			beside_hostile(&up, &hostiles[i]);
		igt_fixture()
			amd_userptr_cleanup(&up);
	}
	for (unsigned int i = 0; i < ARRAY_LENGTH(ooms); i++) {
		igt_describe(ooms[i].describe);
		igt_subtest(ooms[i].name)
			beside_oom(&up, &ooms[i]);
		igt_fixture()
			amd_userptr_cleanup(&up);
	}

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
