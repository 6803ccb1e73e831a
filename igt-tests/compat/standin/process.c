// SPDX-License-Identifier: MIT
/* A subtest's children, the helper process that sends signals to the subtest, its time limit. */
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "standin.h"

enum { MAX_CHILDREN = 1024, HELPER_PERIOD_NS = 1000000 };

static pid_t children[MAX_CHILDREN]; /* 0: igt_waitchildren() has waited for the child */
static int num_children;
static pid_t signal_helper; /* 0: none runs */
static bool is_child;
static const char *operation; /* names the operation that the time limit is for */

bool standin_is_child(void)
{
	return is_child;
}

/* Wait for the end of the process @pid.  Returns its status as waitpid() has it, or -errno. */
static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return status;
}

static void kill_children(void)
{
	for (int i = 0; i < num_children; i++) {
		if (children[i])
			kill(children[i], SIGKILL);
	}
	for (int i = 0; i < num_children; i++) {
		if (children[i])
			wait_for(children[i]);
	}
	num_children = 0;
}

void standin_stop_processes(void)
{
	igt_reset_timeout();
	igt_stop_signal_helper();
	kill_children();
}

bool __igt_fork(void)
{
	pid_t pid;

	igt_assert_lt(num_children, MAX_CHILDREN);
	fflush(NULL); /* otherwise the child would print buffered text once more */
	pid = fork();
	igt_assert(pid >= 0);
	if (pid) {
		children[num_children++] = pid;
		return false;
	}
	standin_forget_exit_handlers();
	is_child = true;
	num_children = 0;
	signal_helper = 0;
	return true;
}

/* Print how a child ended.  Returns the exit code with which its subtest fails, or 0. */
static int judge(int number, int status)
{
	if (status == 0)
		return 0;
	if (status > 0 && WIFEXITED(status)) {
		printf("child %d failed with exit status %d\n", number, WEXITSTATUS(status));
		return WEXITSTATUS(status);
	}
	if (status > 0 && WIFSIGNALED(status)) {
		printf("child %d died of signal %d, %s\n", number, WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
		return 128 + WTERMSIG(status);
	}
	printf("child %d cannot be waited for: %d\n", number, status);
	return IGT_EXIT_FAILURE;
}

void igt_waitchildren(void)
{
	for (int i = 0; i < num_children; i++) {
		int code = judge(i, wait_for(children[i]));

		children[i] = 0;
		if (code)
			standin_fail(code);
	}
	num_children = 0;
}

void igt_waitchildren_timeout(int seconds, const char *reason)
{
	igt_set_timeout(seconds, reason);
	igt_waitchildren();
	igt_reset_timeout();
}

static void ignore(int sig)
{
}

void igt_fork_signal_helper(void)
{
	/*
	 * With SA_RESTART the kernel repeats system calls, except those that return -EINTR
	 * themselves.
	 */
	const struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	const struct timespec period = { .tv_nsec = HELPER_PERIOD_NS };
	pid_t parent = getpid();

	sigaction(SIGCONT, &action, NULL);
	fflush(NULL);
	signal_helper = fork();
	igt_assert(signal_helper >= 0);
	if (signal_helper)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent && !kill(parent, SIGCONT))
		nanosleep(&period, NULL);
	_exit(0);
}

void igt_stop_signal_helper(void)
{
	if (!signal_helper)
		return;
	kill(signal_helper, SIGKILL);
	wait_for(signal_helper);
	signal_helper = 0;
}

static void on_alarm(int sig)
{
	printf("Timed out: %s\n", operation ? operation : "");
	standin_fail(IGT_EXIT_FAILURE);
}

void igt_set_timeout(unsigned int seconds, const char *what)
{
	const struct sigaction action = { .sa_handler = on_alarm };

	operation = what;
	sigaction(SIGALRM, &action, NULL);
	alarm(seconds);
}

void igt_reset_timeout(void)
{
	alarm(0);
}

uint64_t igt_nsec_elapsed(struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!start->tv_sec && !start->tv_nsec) {
		*start = now;
		return 0;
	}
	return (now.tv_sec - start->tv_sec) * 1000000000ll + now.tv_nsec - start->tv_nsec;
}
