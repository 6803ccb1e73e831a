// SPDX-License-Identifier: MIT
/*
 * The tests kill a process while the kernel waits for a page of a FUSE file whose server does not
 * answer yet.  In one test an ioctl of the process waits for the page, because the ioctl looks up
 * memory.  In the others the restore worker waits for the page, and the process makes no call, or a
 * call that may need a lock that the worker holds.  When the server has answered, all resources of
 * the process have to come back.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_fuse.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

#include "amd_userptr_kill.h"

#define WAIT_SIZE ((size_t)256 << 10)

/*
 * The call of the first victim of a kind has this many milliseconds to return or to begin to wait.
 * After that the test kills the victim.
 */
#define SETTLE_LOOKS 20

/*
 * If the call of the first victim returns within SETTLE_LOOKS, because it need not wait, the test
 * kills further victims as soon as they have begun the call.  The test stops when it has killed a
 * victim in the call, and fails after TRIES victims.
 */
enum { TRIES = 16 };

/* A killed process ends within this time if nothing in the kernel holds it up. */
#define GONE_MS 200

struct wait {
	const char *name;
	enum amd_userptr_kind kind;
	/*
	 * Does the ioctl wait for the page itself?  If not, the restore worker waits for the page,
	 * and the call may have to wait for the worker.
	 */
	bool in_ioctl;
	/* Makes the call, in a thread of the victim.  NULL: only the restore worker waits. */
	void (*act)(struct wait *wait);
	/*
	 * The call closes the files of the render node and of KFD.  It returns at once, because
	 * mappings of these files keep them open.  The test kills the victim after the return.
	 */
	bool returns;
	struct igt_fuse fuse;
	uint64_t offset; /* offset in the file of a page that is not in the page cache */
	bool settle;	 /* give the call time before the kill */
	/* The victim uses the members from here on, and the judge only @report. */
	struct amd_userptr up;
	struct kill_report *report;
	/* The address at which the page of the FUSE file appears, and ordinary memory. */
	char *slow, *other;
	struct amd_userptr_mapped slow_mapped, other_mapped;
	/*
	 * GPU addresses for the userptr that the call makes.  prepare() reserves them, because that
	 * takes an mmap().  In the call the mmap() would have to wait for the worker, which holds
	 * mmap_lock.
	 */
	uint64_t va;
};

static void act_make(struct wait *wait)
{
	__amd_userptr_mapped_make_at(&wait->up, wait->kind, wait->slow, getpagesize(), wait->va,
				     &wait->slow_mapped);
}

static void act_make_other(struct wait *wait)
{
	struct amd_userptr_mapped another;

	/* Memory can have two userptrs, because each of them gets GPU addresses of its own. */
	__amd_userptr_mapped_make_at(&wait->up, wait->kind, wait->other, WAIT_SIZE, wait->va,
				     &another);
}

static void act_drop(struct wait *wait)
{
	__amd_userptr_mapped_close(&wait->up, &wait->other_mapped);
}

static void act_unmap(struct wait *wait)
{
	if (wait->kind == AMD_USERPTR_KIND_KFD)
		__amd_kfd_unmap_memory(&wait->up.kfd, wait->other_mapped.mem.handle);
	else
		__amd_userptr_va(&wait->up, AMDGPU_VA_OP_CLEAR, 0, wait->other_mapped.va, 0,
				 WAIT_SIZE, 0);
}

static void act_close_files(struct wait *wait)
{
	close(wait->up.fd);
	close(wait->up.kfd.fd);
}

static void act_exit(struct wait *wait)
{
	_exit(0);
}

static void *run_act(void *data)
{
	struct wait *wait = data;
	struct kill_report *report = wait->report;

	while (!report->go)
		igt_pause();
	report->started = true;
	wait->act(wait);
	report->returned = true;
	return NULL;
}

/* Move the page of the FUSE file to the address @slow, in the place of the memory there. */
static void make_slow(struct wait *wait)
{
	void *page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_PRIVATE, wait->fuse.file,
			  wait->offset);

	igt_assert(page != MAP_FAILED);
	/* Close the file while the server still answers, because the close asks the server. */
	close(wait->fuse.file);
	igt_assert(mremap(page, getpagesize(), getpagesize(), MREMAP_MAYMOVE | MREMAP_FIXED,
			  wait->slow) == wait->slow);
}

static void prepare(struct wait *wait)
{
	const enum amd_userptr_kind kind = wait->kind;

	wait->slow = amd_userptr_victim_memory(getpagesize());
	wait->other = amd_userptr_victim_memory(WAIT_SIZE);
	wait->va = amd_kfd_va_reserve(WAIT_SIZE, 0);
	igt_assert(wait->va);
	/*
	 * Make a userptr and use it, so that this process has made the VM's last page table update.
	 * The stock bug H7 (docs/upstreaming.md) needs that: when a process is killed, the stock
	 * driver's scheduler refuses further updates of a VM whose last update that process has
	 * made.
	 */
	amd_userptr_mapped_make(&wait->up, kind, wait->other, WAIT_SIZE, &wait->other_mapped);
	amd_userptr_gpu_fill(&wait->up, wait->other_mapped.va, WAIT_SIZE, 1);
	if (!wait->in_ioctl)
		amd_userptr_mapped_make(&wait->up, kind, wait->slow, getpagesize(),
					&wait->slow_mapped);
}

static void live_and_wait(struct amd_userptr_victims *victims, void *data)
{
	struct wait *wait = data;
	pthread_t thread;

	amd_userptr_open_in_child(&wait->up, victims->up);
	prepare(wait);
	if (wait->act)
		igt_assert_eq(pthread_create(&thread, NULL, run_act, wait), 0);
	/* If the driver tracks this memory already, mapping the page evicts the queues. */
	make_slow(wait);
	wait->report->ready = true;
	for (;;)
		pause();
}

/* Let the victim make the call. */
static void let_act(struct wait *wait, pid_t pid)
{
	struct kill_report *report = wait->report;

	report->go = true;
	igt_assert(amd_userptr_victim_wait(&report->started, pid));
	if (wait->returns)
		igt_assert(amd_userptr_victim_wait(&report->returned, pid));
	for (int i = 0; wait->settle && i < SETTLE_LOOKS && !report->returned; i++)
		usleep(1000);
}

/*
 * Was the victim killed in the call?  If the call is exit(), the wait status tells that: a process
 * that has begun to exit ignores SIGKILL and keeps the status of its exit.  The victim was killed
 * in any other call if that call has not returned.
 */
static bool was_inside(const struct wait *wait, int status)
{
	return wait->act == act_exit ? WIFEXITED(status) : wait->act && !wait->report->returned;
}

/* Returns whether the victim was killed in the call. */
static bool kill_one(struct amd_userptr_victims *victims, struct wait *wait)
{
	struct kill_report *report = wait->report;
	bool asked, gone, inside, waits;
	char what[96];
	int status;
	pid_t pid;

	snprintf(what, sizeof(what), "killed in %s%s", wait->name,
		 amd_userptr_kind_suffix[wait->kind]);
	wait->offset += IGT_FUSE_NEXT;
	pid = amd_userptr_victim(victims, live_and_wait, wait);
	igt_assert_f(amd_userptr_victim_wait(&report->ready, pid), "%s: did not begin\n", what);
	if (wait->in_ioctl)
		let_act(wait, pid);
	asked = igt_fuse_asked(&wait->fuse, AMD_USERPTR_WAIT_MS);
	igt_assert_f(asked, "%s: the kernel did not ask for the page\n", what);
	if (wait->act && !wait->in_ioctl)
		let_act(wait, pid);
	kill(pid, SIGKILL);
	/* The process ends at once, unless a thread of it waits for the page or for the worker. */
	gone = igt_wait_pid(pid, &status, GONE_MS);
	waits = igt_fuse_waits(&wait->fuse);
	igt_fuse_answer(&wait->fuse);
	igt_assert_f(waits, "%s: the page came before the kill\n", what);
	igt_assert_f(gone || igt_wait_pid(pid, &status, AMD_USERPTR_WAIT_MS),
		     "%s: the process does not end when the page has come\n", what);
	inside = was_inside(wait, status);
	igt_info("%s: %s, %s\n", what, inside ? "inside" : "outside",
		 gone ? "gone before the page came" : "gone when the page came");
	amd_userptr_victims_expect_back(victims, what);
	return inside;
}

/*
 * Kill victims until one dies in the call.  If the victims make no call, or a call that returns
 * before the kill, kill only one.
 */
static void kill_in_call(struct amd_userptr_victims *victims, struct wait *wait)
{
	const bool any = !wait->act || wait->returns;
	bool inside = false;

	for (unsigned int i = 0; i < TRIES && !inside; i++) {
		wait->settle = i == 0;
		inside = kill_one(victims, wait) || any;
	}
	igt_assert_f(inside, "%s%s: none of %u victims died in the call\n", wait->name,
		     amd_userptr_kind_suffix[wait->kind], TRIES);
}

static void kill_all_kinds(struct amd_userptr_victims *victims, void *data)
{
	struct wait *wait = data;

	wait->report = victims->report;
	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++) {
		wait->kind = kind;
		kill_in_call(victims, wait);
	}
	amd_userptr_victims_expect_life(victims);
}

static void wait_and_kill(struct amd_userptr *up, struct wait wait)
{
	int ret = __igt_fuse_start(&wait.fuse);

	igt_require_f(ret == 0, "no FUSE file: %s\n", strerror(-ret));
	amd_userptr_victims_run(up, KILL_SECONDS, kill_all_kinds, &wait);
	igt_fuse_stop(&wait.fuse);
}

static void restore_waits(struct amd_userptr *up)
{
	wait_and_kill(up, (struct wait){ .name = "a restore" });
}

static void make_waits(struct amd_userptr *up)
{
	wait_and_kill(up, (struct wait){ .name = "making the userptr",
					 .in_ioctl = true,
					 .act = act_make });
}

static void other_make_waits(struct amd_userptr *up)
{
	wait_and_kill(up, (struct wait){ .name = "making another one", .act = act_make_other });
}

static void unmap_waits(struct amd_userptr *up)
{
	wait_and_kill(up, (struct wait){ .name = "unmapping another one", .act = act_unmap });
}

static void drop_waits(struct amd_userptr *up)
{
	wait_and_kill(up, (struct wait){ .name = "closing another one", .act = act_drop });
}

static void close_waits(struct amd_userptr *up)
{
	wait_and_kill(up, (struct wait){ .name = "closing the files",
					 .act = act_close_files,
					 .returns = true });
}

static void exit_waits(struct amd_userptr *up)
{
	wait_and_kill(up, (struct wait){ .name = "exit", .act = act_exit });
}

/* ---- a process that is its own file server ---- */

struct server {
	/*
	 * The server's file descriptor has a lower number than the render node's, so exit() closes
	 * the server's file first.
	 */
	bool fuse_first;
	struct wait wait;
};

static void serve_and_wait(struct amd_userptr_victims *victims, void *data)
{
	struct kill_report *report = victims->report;
	struct server *server = data;
	struct wait *wait = &server->wait;

	if (server->fuse_first)
		igt_assert_eq(__igt_fuse_start_inside(&wait->fuse), 0);
	amd_userptr_open_in_child(&wait->up, victims->up);
	if (!server->fuse_first)
		igt_assert_eq(__igt_fuse_start_inside(&wait->fuse), 0);
	prepare(wait);
	report->connection = wait->fuse.connection;
	make_slow(wait);
	igt_assert(igt_fuse_asked(&wait->fuse, AMD_USERPTR_WAIT_MS));
	report->ready = true;
	for (;;)
		pause();
}

static void kill_server(struct amd_userptr_victims *victims, void *data)
{
	struct kill_report *report = victims->report;
	struct server *server = data;

	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++) {
		int status;
		bool ended;
		pid_t pid;

		server->wait.kind = kind;
		pid = amd_userptr_victim(victims, serve_and_wait, server);
		igt_assert_f(amd_userptr_victim_wait(&report->ready, pid),
			     "the server did not begin\n");
		kill(pid, SIGKILL);
		ended = igt_wait_pid(pid, &status, AMD_USERPTR_WAIT_MS);
		/*
		 * If the process hangs, abort the connection, because otherwise the restore worker
		 * would wait for ever and the machine could not be used any more.
		 */
		if (!ended) {
			igt_fuse_abort(report->connection);
			igt_wait_pid(pid, &status, AMD_USERPTR_WAIT_MS);
		}
		igt_assert_f(
			ended,
			"userptr%s: its own file server cannot be killed: it waits for itself\n",
			amd_userptr_kind_suffix[kind]);
		amd_userptr_victims_expect_back(victims, "its own file server");
	}
	amd_userptr_victims_expect_life(victims);
}

static void own_server(struct amd_userptr *up, bool fuse_first)
{
	struct server server = { .fuse_first = fuse_first };

	igt_require_f(!access("/dev/fuse", R_OK | W_OK), "no FUSE, or not root\n");
	amd_userptr_victims_run(up, KILL_SECONDS, kill_server, &server);
}

static void own_server_first(struct amd_userptr *up)
{
	own_server(up, true);
}

static void own_server_last(struct amd_userptr *up)
{
	own_server(up, false);
}

const struct amd_userptr_subtest amd_userptr_kill_waits_subtests[] = {
	{ .name = "restore-waits",
	  .run = restore_waits,
	  .describe = "A process can be killed while the restore worker waits for its page." },
	{ .name = "make-waits",
	  .run = make_waits,
	  .describe =
		  "A process can be killed while the ioctl that makes a userptr waits for a page." },
	{ .name = "other-make-waits",
	  .run = other_make_waits,
	  .describe =
		  "A process can be killed while it makes a userptr and the worker waits for a page." },
	{ .name = "unmap-waits",
	  .run = unmap_waits,
	  .describe =
		  "A process can be killed while it unmaps a userptr and the worker waits for a page." },
	{ .name = "drop-waits",
	  .run = drop_waits,
	  .describe =
		  "A process can be killed while it closes a userptr and the worker waits for a page." },
	{ .name = "close-waits",
	  .run = close_waits,
	  .describe =
		  "A process can be killed that has closed its files while the worker waits for a page." },
	{ .name = "exit-waits",
	  .run = exit_waits,
	  .describe = "A process can be killed while it exits and the worker waits for a page." },
	{ .name = "own-server-first",
	  .run = own_server_first,
	  .describe = "A process that serves its own pages can be killed." },
	{ .name = "own-server-last",
	  .run = own_server_last,
	  .describe =
		  "A process that serves its own pages can be killed when its render node is closed before the server's file." },
};
const unsigned int amd_userptr_num_kill_waits_subtests =
	ARRAY_LENGTH(amd_userptr_kill_waits_subtests);
