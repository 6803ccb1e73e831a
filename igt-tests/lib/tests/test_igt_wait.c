// SPDX-License-Identifier: MIT
/*
 * Unit test of igt_wait_pid() and igt_wait_zombie(), which wait for another process, and of
 * igt_fuse_answer(), which must return when the FUSE server has already ended.  It needs neither a
 * GPU nor root.  A subtest whose wait has to fail runs the wait in a process of its own.
 */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt.h"

#include "lib/igt_fuse.h"
#include "lib/igt_task.h"

IGT_TEST_DESCRIPTION("A wait for another process ends when that process has ended.");

/* The limit of a wait, in milliseconds. */
enum { WAIT_MS = 10000 };

static void wait_for_child(void)
{
	const pid_t pid = fork();
	int status = -1;

	igt_assert_lte(0, pid);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	igt_assert(!igt_wait_pid(pid, &status, 1));
	kill(pid, SIGKILL);
	igt_assert(igt_wait_pid(pid, &status, WAIT_MS));
	igt_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void wait_for_zombie(void)
{
	const pid_t pid = fork();

	igt_assert_lte(0, pid);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	igt_assert(!igt_wait_zombie(pid, 1));
	kill(pid, SIGKILL);
	igt_assert(igt_wait_zombie(pid, WAIT_MS));
	igt_assert(waitpid(pid, NULL, 0) == pid);
}

/* No process is its own child, so the wait has to fail. */
static void wait_for_none(void)
{
	const pid_t pid = fork();
	int status = -1;

	igt_assert_lte(0, pid);
	if (pid == 0) {
		igt_wait_pid(getpid(), &status, 1);
		_exit(IGT_EXIT_SUCCESS);
	}
	igt_assert(waitpid(pid, &status, 0) == pid);
	igt_assert(!WIFEXITED(status) || WEXITSTATUS(status) != IGT_EXIT_SUCCESS);
}

static void answer_ended_server(void)
{
	struct igt_fuse fuse = { 0 };
	int go[2];

	igt_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, go), 0);
	close(go[0]); /* the server's end */
	fuse.go = go[1];
	igt_fuse_answer(&fuse);
	close(go[1]);
}

int igt_main()
{
	igt_describe("An answer of a FUSE server that has ended is lost, and the test goes on.");
	igt_subtest("fuse-answer-ended")
		answer_ended_server();

	igt_describe("A wait for a child ends when the child has ended, or after its limit.");
	igt_subtest("wait-pid")
		wait_for_child();

	igt_describe("A wait for a zombie ends when the process is one, or after its limit.");
	igt_subtest("wait-zombie")
		wait_for_zombie();

	/*
	 * This one is last, because its child goes on with the next subtest after the failed
	 * assertion.
	 */
	igt_describe("A wait for a process that is no child fails.");
	igt_subtest("wait-pid-none")
		wait_for_none();
}
