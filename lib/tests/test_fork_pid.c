/* SPDX-License-Identifier: MIT */
/*
 * The library must recognize a child even if it has its parent's process ID: two PID namespaces can
 * use the same ID, and the kernel gives the ID of a process that has ended to another one. Needs
 * root.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"

#define EXIT_SKIP 77
#define PAGE	  FAKE_CPU_PAGE

static const struct amdgpu_userptr_range range = { PAGE, PAGE, 0, 0 };

static struct fake_kernel fake;
static struct amdgpu_userptr_ctx *ctx;
static struct amdgpu_userptr_mapping *map;
static pid_t creator;

static void create(void)
{
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);

	fake_init(&fake, AMDGPU_USERPTR_BACKEND_AUTO);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	creator = getpid();
}

/* Run this in a child that has the process ID of the context's creator. */
static void check_child(void)
{
	const unsigned int calls = fake.calls;

	t_equal(getpid(), creator);
	t_equal(amdgpu_userptr_unmap(map), -EPERM);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	t_equal(fake.calls, calls);
	_exit(0);
}

static _Noreturn void skip(const char *reason)
{
	fprintf(stderr, "%s\n", reason);
	_exit(EXIT_SKIP);
}

static void expect_success(pid_t pid)
{
	int status;

	t_assert(pid > 0);
	t_equal(waitpid(pid, &status, 0), pid);
	t_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == EXIT_SKIP) /* the process has printed its reason */
		_exit(EXIT_SKIP);
	t_equal(WEXITSTATUS(status), 0);
}

/* Process 1 of a namespace creates the context; its child is process 1 of another one. */
static void same_id_in_two_namespaces(void)
{
	pid_t pid;

	create();
	t_equal(creator, 1);
	if (unshare(CLONE_NEWPID))
		skip("the kernel makes no second PID namespace");
	pid = fork();
	if (!pid)
		check_child();
	expect_success(pid);
	_exit(0);
}

/* The next child of the namespace gets the ID @pid. */
static void set_next_id(pid_t pid)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", pid - 1);

	if (fd < 0 || write(fd, text, len) != len)
		skip("the kernel lets nobody choose a process ID (ns_last_pid)");
	close(fd);
}

/*
 * Process 1 of the namespace forks the creator of the context. The creator forks a second process
 * and ends. The second process forks a third one, which has the creator's ID and checks the
 * context. The creator's ID is free only after process 1 has waited for the creator, so the second
 * process first waits until process 1 writes to a pipe. When the creator ends the second process
 * becomes a child of process 1, and process 1 passes on the exit status of the second process.
 */
static void recycled_id(void)
{
	int reaped[2], status;
	pid_t pid, ended;

	t_assert(!pipe(reaped));
	pid = fork();
	if (!pid) {
		create();
		if (fork())
			_exit(0);
		t_equal(read(reaped[0], &status, 1), 1);
		set_next_id(creator);
		pid = fork();
		if (!pid)
			check_child();
		expect_success(pid);
		_exit(0);
	}
	expect_success(pid);
	t_equal(write(reaped[1], "", 1), 1);
	ended = wait(&status);
	t_assert(ended > 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void in_namespace(void (*test)(void))
{
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		skip("a PID namespace needs root");
	pid = fork();
	if (!pid)
		test();
	expect_success(pid);
}

int main(void)
{
	pid_t pid = fork();

	/* A process can change the namespace of its children only once. */
	if (!pid) {
		in_namespace(same_id_in_two_namespaces);
		_exit(0);
	}
	expect_success(pid);
	in_namespace(recycled_id);
	/*
	 * Process 1 of the namespace has ended, so fork() fails in this process. Do not call
	 * exit(), because a sanitizer that looks for leaks at exit() forks.
	 */
	_exit(0);
}
