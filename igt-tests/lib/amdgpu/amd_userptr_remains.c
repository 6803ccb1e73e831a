// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_mapped.h"
#include "lib/amdgpu/amd_userptr_remains.h"
#include "lib/igt_procfs.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

/*
 * How long resources may take to return: work items of the driver free some of them after the end
 * of the process.
 */
#define BACK_MS igt_patience(10000)

/* A work item that sleeps this long is stuck, because no wait for the GPU takes that long. */
#define STUCK_MS igt_patience(3000)

/*
 * How long to look for a stuck work item while others come and go.  The test gives each item
 * STUCK_MS from the moment at which the test first sees it, so an item that only came late does not
 * count as stuck.
 */
#define LOOK_MS igt_patience(6000)

/* Room for the stack of a kworker. */
enum { STACK_SIZE = 2048 };

/*
 * How long the new process of amd_userptr_live() may take, and how much memory it maps at a time.
 */
#define LIFE_MS	  igt_patience(20000)
#define LIFE_SIZE ((size_t)64 << 10)

static unsigned long long read_number(const char *path)
{
	unsigned long long number = 0;
	FILE *file = fopen(path, "r");

	igt_require_f(file && fscanf(file, "%llu", &number) == 1, "no %s\n", path);
	fclose(file);
	return number;
}

static unsigned long long device_number(struct amd_userptr *up, const char *name)
{
	char path[128];
	struct stat st;

	igt_assert_eq(fstat(up->fd, &st), 0);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device/%s", major(st.st_rdev),
		 minor(st.st_rdev), name);
	return read_number(path);
}

static unsigned int count_processes(void)
{
	DIR *dir = opendir("/sys/class/kfd/kfd/proc");
	unsigned int count = 0;
	struct dirent *entry;

	igt_require_f(dir, "KFD does not list its processes\n");
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

void amd_userptr_remains_look(struct amd_userptr *up, struct amd_userptr_remains *now)
{
	char limit[256];

	amd_kfd_read_mem_limit(limit, sizeof(limit));
	now->system = amd_kfd_mem_used();
	now->ttm = igt_procfs_number(AMD_KFD_MEM_LIMIT, "TTM mem used ");
	now->vram = device_number(up, "mem_info_vram_used");
	now->gtt = device_number(up, "mem_info_gtt_used");
	now->processes = count_processes();
}

/*
 * Have all counters returned?  A counter may go below @before, because earlier processes may still
 * have held resources when the test read @before.  Compare the sum of VRAM and GTT, because TTM
 * leaves evicted VRAM of a DRM file without user mode queues in GTT until the file's next
 * submission.
 */
static bool is_back(const struct amd_userptr_remains *before, const struct amd_userptr_remains *now)
{
	return now->system <= before->system && now->ttm <= before->ttm &&
	       now->vram <= before->vram && now->vram + now->gtt <= before->vram + before->gtt &&
	       now->processes <= before->processes;
}

/* Read a file in /proc/PID as text, cut to @size; empty when the process has gone. */
static void read_proc(int pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, size - 1);
	text[len > 0 ? len : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static bool sleeps_in_driver(int pid, char *stack, size_t size)
{
	char stat[512], *state;

	read_proc(pid, "stat", stat, sizeof(stat));
	/* The state is behind the name in parentheses. */
	state = strrchr(stat, ')');
	if (!state || state[1] != ' ' || state[2] != 'D' || !strstr(stat, "(kworker/"))
		return false;
	read_proc(pid, "stack", stack, size);
	return strstr(stack, "[amdgpu]") || strstr(stack, "[ttm]");
}

/* Returns the pid of the first kworker behind @after that sleeps in the driver, or 0. */
static int find_worker(int after, char *stack, size_t size)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		const int pid = atoi(entry->d_name);

		if (pid > after && sleeps_in_driver(pid, stack, size))
			found = pid;
	}
	if (proc)
		closedir(proc);
	return found;
}

/* Does the kworker sleep at the same place for STUCK_MS? */
static bool stays_asleep(int pid, const char *stack, size_t size)
{
	const uint64_t deadline = igt_now_ms() + STUCK_MS;
	char now[STACK_SIZE];

	while (sleeps_in_driver(pid, now, size) && !strcmp(now, stack)) {
		if (igt_now_ms() >= deadline)
			return true;
		igt_pause();
	}
	return false;
}

const char *amd_userptr_stuck_worker(void)
{
	const uint64_t deadline = igt_now_ms() + LOOK_MS;
	static char stack[STACK_SIZE];
	int pid = 0;

	/*
	 * After each kworker look at the next one.  Otherwise a busy kworker that sleeps again and
	 * again would keep the test from looking at a stuck one.
	 */
	do {
		const int last = pid;

		pid = find_worker(last, stack, sizeof(stack));
		if (!pid && !last)
			return NULL;
		if (pid && stays_asleep(pid, stack, sizeof(stack)))
			return stack;
	} while (igt_now_ms() < deadline);
	return NULL;
}

const char *amd_userptr_remains_wait(struct amd_userptr *up,
				     const struct amd_userptr_remains *before)
{
	const uint64_t deadline = igt_now_ms() + BACK_MS;
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct amd_userptr_remains now;
	static char text[4096];
	const char *stack;

	for (;;) {
		amd_userptr_remains_look(up, &now);
		if (is_back(before, &now) || igt_now_ms() >= deadline)
			break;
		nanosleep(&pause, NULL);
	}
	stack = amd_userptr_stuck_worker();
	if (!stack && is_back(before, &now))
		return NULL;
	snprintf(
		text, sizeof(text),
		"KFD's limit %llu -> %llu MiB, TTM %llu -> %llu MiB, VRAM %llu -> %llu, GTT %llu -> %llu, "
		"processes %u -> %u, kworker that sleeps: %s",
		before->system, now.system, before->ttm, now.ttm, before->vram, now.vram,
		before->gtt, now.gtt, before->processes, now.processes, stack ? stack : "none\n");
	return text;
}

/*
 * In a child: for each kind of userptr, change the memory and let the queue read the new content.
 */
static void live(struct amd_userptr *parent)
{
	struct amd_userptr mine;

	amd_userptr_open_in_child(&mine, parent);
	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++) {
		char *cpu = (char *)amd_userptr_mmap(&mine, LIFE_SIZE, 1);
		struct amd_userptr_mapped mapped;

		if (kind != AMD_USERPTR_KIND_KFD && !mine.supported)
			continue;
		amd_userptr_mapped_make(&mine, kind, cpu, LIFE_SIZE, &mapped);
		amd_userptr_gpu_check(&mine, mapped.va, LIFE_SIZE, 1);
		amd_kfd_smi_mark(&mine.smi);
		igt_assert_eq(madvise(cpu, LIFE_SIZE, MADV_DONTNEED), 0);
		amd_pattern_fill(cpu, LIFE_SIZE, 2);
		amd_userptr_expect_evictions(&mine, 0);
		amd_userptr_gpu_check(&mine, mapped.va, LIFE_SIZE, 2);
		amd_userptr_gpu_fill(&mine, mapped.va, LIFE_SIZE, 3);
		amd_pattern_check(cpu, LIFE_SIZE, 3, "written by the GPU");
		amd_userptr_mapped_drop(&mine, &mapped);
	}
	amd_userptr_close(&mine);
}

const char *amd_userptr_live(struct amd_userptr *up)
{
	static char text[128];
	int status = 0;
	pid_t pid;

	/* Do not use igt_fork(), because the wait for this child needs a deadline. */
	pid = fork();
	if (pid == 0) {
		live(up);
		_exit(0);
	}
	if (pid < 0)
		return "no process";
	if (!igt_wait_pid(pid, &status, LIFE_MS)) {
		kill(pid, SIGKILL);
		return igt_wait_pid(pid, &status, LIFE_MS)
			       ? "a new process hangs"
			       : "a new process hangs, and cannot be killed";
	}
	snprintf(text, sizeof(text), "a new process failed: status %#x", status);
	return status ? text : NULL;
}
