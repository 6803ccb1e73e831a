// SPDX-License-Identifier: MIT
#include <signal.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_victim.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

/*
 * After the victims have ended, the subtest's own queue copies this much memory, to show that it
 * still works.
 */
#define BYSTANDER_SIZE ((size_t)64 << 10)

void amd_userptr_victims_run(struct amd_userptr *up, unsigned int seconds,
			     amd_userptr_live_fn *judge, void *data)
{
	struct amd_userptr_victims victims = { .up = up };

	igt_set_timeout(igt_patience(seconds), "processes that are killed");
	amd_userptr_remains_look(up, &victims.before);
	victims.report = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	amd_userptr_adopt(up, victims.report, getpagesize());
	igt_fork(child, 1) {
		judge(&victims, data);
		/* Do not call exit(), because its handlers would free resources of the parent. */
		_exit(IGT_EXIT_SUCCESS);
	}
	igt_waitchildren();
	if (up->supported)
		amd_userptr_roundtrip(up, amd_userptr_tracked(up, BYSTANDER_SIZE, 1), 2);
	else
		amd_userptr_queue_alive(up);
}

pid_t amd_userptr_victim(struct amd_userptr_victims *victims, amd_userptr_live_fn *live, void *data)
{
	pid_t pid;

	memset(victims->report, 0, getpagesize());
	pid = fork();
	igt_assert_lte(0, pid);
	if (pid == 0) {
		live(victims, data);
		_exit(IGT_EXIT_SUCCESS);
	}
	return pid;
}

bool amd_userptr_victim_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

bool amd_userptr_victim_wait(atomic_bool *flag, pid_t pid)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	while (!*flag && igt_now_ms() < deadline && !amd_userptr_victim_ended(pid))
		igt_pause();
	return *flag;
}

int amd_userptr_victim_end(pid_t pid, const char *what)
{
	int status;

	kill(pid, SIGKILL);
	igt_assert_f(igt_wait_pid(pid, &status, AMD_USERPTR_WAIT_MS),
		     "%s: the process does not end\n", what);
	return status;
}

void amd_userptr_victims_expect_back(struct amd_userptr_victims *victims, const char *what)
{
	const char *remains = amd_userptr_remains_wait(victims->up, &victims->before);

	igt_assert_f(!remains, "%s: resources of the process stay in use\n%s\n", what, remains);
}

void amd_userptr_victims_expect_life(struct amd_userptr_victims *victims)
{
	const char *failure = amd_userptr_live(victims->up);

	igt_assert_f(!failure, "afterwards: %s\n", failure);
}

char *amd_userptr_victim_memory(size_t size)
{
	char *cpu = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(cpu != MAP_FAILED);
	igt_assert_eq(madvise(cpu, size, MADV_NOHUGEPAGE), 0);
	memset(cpu, 1, size);
	return cpu;
}
