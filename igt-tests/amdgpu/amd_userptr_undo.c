// SPDX-License-Identifier: MIT
/*
 * Kills test programs at random times, and compares all settings of the machine that the programs
 * change: whatever ends a program, the settings must be as before (igt_undo.h).  The unit test
 * test_igt_undo.c does the same with files of its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt.h"

#include "lib/igt_task.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

IGT_TEST_DESCRIPTION(
	"Test programs that are killed leave the settings of the machine as they were.");

#define BALANCING "/proc/sys/kernel/numa_balancing"

/* How often to kill each program, at a time within MORE_MS after its first subtest has begun. */
enum { KILLS = 8, MORE_MS = 800 };

/* The limit of each wait. A program links many libraries before its first subtest begins. */
#define WAIT_MS igt_patience(20000)

/* The limit of a subtest, below that of igt_runner. */
#define SUBTEST_SECONDS igt_patience(55)

#define DEBUGFS "/sys/kernel/debug/"
#define KSM	"/sys/kernel/mm/ksm/"
#define THP	"/sys/kernel/mm/transparent_hugepage/"

/* Files whose whole text must be as before.  A machine may lack some of them. */
static const char *const files[] = {
	BALANCING,
	"/proc/sys/vm/nr_hugepages",
	"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
	DEBUGFS "sched/numa_balancing/scan_delay_ms",
	DEBUGFS "sched/numa_balancing/scan_period_min_ms",
	KSM "run",
	KSM "sleep_millisecs",
	KSM "pages_to_scan",
	THP "enabled",
	THP "shmem_enabled",
	"/sys/power/pm_test",
	"/sys/power/pm_freeze_timeout",
	"/sys/module/suspend/parameters/pm_test_delay",
	DEBUGFS "failslab/probability",
	DEBUGFS "failslab/times",
	DEBUGFS "failslab/verbose",
	DEBUGFS "failslab/ignore-gfp-wait",
	DEBUGFS "failslab/stacktrace-depth",
	DEBUGFS "failslab/require-start",
	DEBUGFS "failslab/require-end",
	DEBUGFS "fail_page_alloc/probability",
	DEBUGFS "fail_page_alloc/times",
	DEBUGFS "fail_page_alloc/verbose",
	DEBUGFS "fail_page_alloc/ignore-gfp-wait",
	DEBUGFS "fail_page_alloc/ignore-gfp-highmem",
	DEBUGFS "fail_page_alloc/min-order",
	"/sys/kernel/tracing/kprobe_events",
	"/sys/fs/cgroup/cgroup.subtree_control",
};
enum { OTHER_FILES = 1 }; /* number of the first file behind BALANCING */
#define NUM_FILES (sizeof(files) / sizeof(files[0]))

/* Directories whose entries must be as before. */
static const char *const directories[] = {
	"/sys/kernel/tracing/instances",
	"/run/amd_userptr_cgroup",
};
#define NUM_DIRECTORIES (sizeof(directories) / sizeof(directories[0]))

struct settings {
	char files[NUM_FILES][256];
	char directories[NUM_DIRECTORIES][256];
	char swaps[512]; /* names of the devices, in the kernel's order */
};

static void read_file(const char *path, char *text, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);

	text[len < 0 ? 0 : len] = '\0';
	if (fd >= 0)
		close(fd);
}

static void read_directory(const char *path, char *text, size_t size)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	text[0] = '\0';
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && strstr(entry->d_name, "userptr"))
			snprintf(text + strlen(text), size - strlen(text), "%s ", entry->d_name);
	}
	if (dir)
		closedir(dir);
}

static void read_swaps(char *text, size_t size)
{
	FILE *file = fopen("/proc/swaps", "r");
	char line[512], name[256];

	text[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%255s", name) == 1)
			snprintf(text + strlen(text), size - strlen(text), "%s ", name);
	}
	if (file)
		fclose(file);
}

static void look(struct settings *settings)
{
	for (unsigned int i = 0; i < NUM_FILES; i++)
		read_file(files[i], settings->files[i], sizeof(settings->files[i]));
	for (unsigned int i = 0; i < NUM_DIRECTORIES; i++)
		read_directory(directories[i], settings->directories[i],
			       sizeof(settings->directories[i]));
	read_swaps(settings->swaps, sizeof(settings->swaps));
}

/* Returns the name of a setting that differs, or NULL; begin with the file number @first. */
static const char *difference(const struct settings *one, const struct settings *other,
			      unsigned int first)
{
	for (unsigned int i = first; i < NUM_FILES; i++) {
		if (strcmp(one->files[i], other->files[i]))
			return files[i];
	}
	for (unsigned int i = 0; i < NUM_DIRECTORIES; i++) {
		if (strcmp(one->directories[i], other->directories[i]))
			return directories[i];
	}
	return strcmp(one->swaps, other->swaps) ? "/proc/swaps" : NULL;
}

static const char *changed_since(const struct settings *before, unsigned int first)
{
	static struct settings now;

	look(&now);
	return difference(before, &now, first);
}

/* Wait until all settings are as before; returns the name of one that is not. */
static const char *wait_as_before(const struct settings *before)
{
	const uint64_t deadline = igt_now_ms() + WAIT_MS;
	const char *changed;

	while ((changed = changed_since(before, 0)) && igt_now_ms() < deadline)
		igt_pause();
	return changed;
}

/* ---- programs to kill ---- */

static const struct victim {
	const char *name, *program, *subtests;
	const char *describe;
	const char *needs; /* a file without which the program changes no setting of its own */
	/*
	 * Send SIGKILL only: after another signal IGT waits for the program's children before it
	 * calls the other exit handlers, which takes long if they are short of memory.
	 */
	bool kill_only;
} victims[] = {
	{ .name = "huge",
	  .program = "amd_userptr_matrix",
	  .subtests = "hugetlb-*",
	  .describe = "A killed program leaves the number of huge pages as it was." },
	{ .name = "ksm",
	  .program = "amd_userptr_matrix",
	  .subtests = "anon-ksm-*",
	  .describe = "A killed program leaves KSM as it was." },
	{ .name = "swap",
	  .program = "amd_userptr_stores",
	  .subtests = "swap-*",
	  .describe = "A killed program leaves the swap devices as they were." },
	{ .name = "cgroup",
	  .program = "amd_userptr_stores",
	  .subtests = "pressure-*",
	  .describe = "A killed program leaves no cgroup.",
	  .kill_only = true },
	{ .name = "balancing",
	  .program = "amd_userptr_mixed",
	  .subtests = "numa-balancing",
	  .describe = "A killed program leaves NUMA balancing as it was." },
	{ .name = "trace",
	  .program = "amd_userptr_scatter",
	  .subtests = "one-of-many,unchanged,cross-*",
	  .describe = "A killed program leaves neither kprobes nor instances of the trace.",
	  .needs = "/sys/kernel/tracing/kprobe_events" },
	{ .name = "failnth",
	  .program = "amd_userptr_failnth",
	  .subtests = "create,restore",
	  .describe = "A killed program leaves fault injection as it was." },
};
#define NUM_VICTIMS (sizeof(victims) / sizeof(victims[0]))

/*
 * The program that runs, or 0.  It is not on the stack, so that the clean-up can end the program
 * after a failed assertion.
 */
static pid_t running;

static void end_running(void)
{
	if (!running)
		return;
	kill(running, SIGKILL);
	waitpid(running, NULL, 0);
	running = 0;
}

/* Start a program from the directory of this one; @out gets a pipe with its output. */
static pid_t start(const struct victim *victim, int *out)
{
	char self[PATH_MAX] = "", path[PATH_MAX + 64];
	int pipes[2];
	pid_t pid;

	igt_assert_lt(0, readlink("/proc/self/exe", self, sizeof(self) - 1));
	snprintf(path, sizeof(path), "%s/%s", dirname(self), victim->program);
	igt_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	igt_assert_lte(0, pid);
	if (pid == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		dup2(pipes[1], STDERR_FILENO);
		execl(path, victim->program, "--run-subtest", victim->subtests, NULL);
		_exit(IGT_EXIT_FAILURE);
	}
	close(pipes[1]);
	*out = pipes[0];
	running = pid;
	return pid;
}

/* Read the program's output until it begins a subtest; false when it ends before. */
static bool begins(int out)
{
	const uint64_t deadline = igt_now_ms() + WAIT_MS;
	struct pollfd pfd = { .fd = out, .events = POLLIN };
	char text[1 << 14] = "";
	size_t len = 0;
	ssize_t got = 1;

	while (!strstr(text, "Starting subtest") && got > 0 && len < sizeof(text) - 1 &&
	       igt_now_ms() < deadline) {
		if (poll(&pfd, 1, 10) != 1)
			continue;
		got = read(out, text + len, sizeof(text) - 1 - len);
		len += got > 0 ? got : 0;
		text[len] = '\0';
	}
	return strstr(text, "Starting subtest");
}

/* Let the program go on for @ms, and read its output meanwhile, so that it can write more. */
static void let_run(int out, unsigned int ms)
{
	const uint64_t end = igt_now_ms() + ms;
	struct pollfd pfd = { .fd = out, .events = POLLIN };
	char text[4096];
	uint64_t now;

	while ((now = igt_now_ms()) < end) {
		if (poll(&pfd, 1, end - now) == 1 && read(out, text, sizeof(text)) <= 0)
			return;
	}
}

/*
 * Start a program and kill it after @ms.  Returns the name of a setting that the program had
 * changed by then, or NULL.  NUMA balancing, which all programs change, comes last.
 */
static const char *kill_one(const struct victim *victim, const struct settings *before, int sig,
			    unsigned int ms)
{
	const char *changed;
	int out, status;
	pid_t pid = start(victim, &out);

	igt_assert_f(begins(out), "%s did not begin a subtest\n", victim->program);
	let_run(out, ms);
	changed = changed_since(before, OTHER_FILES);
	if (!changed)
		changed = changed_since(before, 0);
	igt_info("%s after %u ms: %s\n", victim->program, ms, changed ? changed : "unchanged");
	kill(pid, sig);
	close(out);
	igt_assert_f(igt_wait_pid(pid, &status, WAIT_MS), "%s does not end\n", victim->program);
	running = 0;
	return changed;
}

static void kill_some(const struct victim *victim)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGINT };
	unsigned int seed = victim - victims, others = 0;
	static struct settings before;

	igt_require_f(!victim->needs || !access(victim->needs, W_OK), "%s: %s\n", victim->needs,
		      strerror(errno));
	look(&before);
	for (unsigned int i = 0; i < KILLS; i++) {
		const int sig = victim->kill_only
					? SIGKILL
					: signals[i % (sizeof(signals) / sizeof(signals[0]))];
		const char *changed = kill_one(victim, &before, sig, rand_r(&seed) % MORE_MS);
		const char *left;

		others += changed && strcmp(changed, BALANCING);
		left = wait_as_before(&before);
		igt_assert_f(!left, "%s, killed by signal %d, left %s changed\n", victim->program,
			     sig, left);
	}
	igt_info("%u of %d were killed while a setting of their own was changed\n", others, KILLS);
	igt_assert_lt(0, others);
}

int igt_main()
{
	igt_fixture() {
		drm_close_driver(drm_open_driver_render(DRIVER_AMDGPU));
		igt_require_f(!access("/proc/sys/vm/nr_hugepages", W_OK), "not root\n");
		/* All programs switch NUMA balancing off, so each of them changes something. */
		igt_undo_init();
		igt_undo_set_for_program(BALANCING, "1");
	}

	for (unsigned int i = 0; i < NUM_VICTIMS; i++) {
		igt_describe(victims[i].describe);
		igt_subtest_f("killed-%s", victims[i].name) {
			igt_set_timeout(SUBTEST_SECONDS, victims[i].program);
			kill_some(&victims[i]);
			igt_reset_timeout();
		}
		igt_fixture()
			end_running();
	}
}
