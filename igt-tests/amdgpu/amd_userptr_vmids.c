// SPDX-License-Identifier: MIT
/*
 * More processes with queues than the GPU has VMIDs.  A GPU has 16 at most, of which the driver
 * takes one for the kernel and some for command submissions.  A hardware scheduler lets the
 * processes take turns.  Without one KFD refuses the queue of a process for which there is no VMID
 * (kfd_device_queue_manager.c:allocate_vmid()), until another process has destroyed its queues.
 * KFD also refuses the queue if the scheduler may not over-subscribe (kfd_process_queue_manager.c:
 * pqm_create_queue()).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/igt_gate.h"
#include "lib/igt_procfs.h"
#include "lib/igt_time.h"

IGT_TEST_DESCRIPTION("More processes with queues than VMIDs.");

/* 0: a hardware scheduler, 1: one that may not over-subscribe, 2: none */
#define SCHED_POLICY "/sys/module/amdgpu/parameters/sched_policy"

enum { MOST_VMIDS = 16, PROCESSES = MOST_VMIDS + 2, ROUNDS = 4 };

#define VMIDS_SIZE ((size_t)64 << 10)

/* The processes take turns, so all of them together need longer than one alone. */
#define VMIDS_MS (PROCESSES * AMD_USERPTR_WAIT_MS / 4)

/* Bytes in a pipe.  Each byte stands for one process, and one process gets it. */
struct signals {
	int fd[2];
};

/* In memory that parent and children share. */
struct processes {
	atomic_uint with_queue, refused;
	atomic_uint rounds[PROCESSES];
};

static struct test {
	struct processes *processes;
	struct signals tried; /* a child has got a queue, or KFD has refused one */
	struct signals done;  /* a child has done its rounds, or has ended */
	struct signals turn;  /* a child without a queue may try again */
	struct igt_gate begin, end;
} test;

static void signals_init(struct signals *signals)
{
	igt_assert_eq(pipe2(signals->fd, O_CLOEXEC | O_NONBLOCK), 0);
}

static void signals_fini(struct signals *signals)
{
	close(signals->fd[0]);
	close(signals->fd[1]);
}

static void signals_send(struct signals *signals)
{
	igt_assert_eq(write(signals->fd[1], "", 1), 1);
}

/* Take one byte; false: none came before the @deadline. */
static bool signals_take(struct signals *signals, uint64_t deadline)
{
	struct pollfd pfd = { .fd = signals->fd[0], .events = POLLIN };
	char byte;

	for (uint64_t now = igt_now_ms(); now < deadline; now = igt_now_ms()) {
		/* Another process may take the byte between poll() and read(). */
		if (poll(&pfd, 1, deadline - now) == 1 && read(signals->fd[0], &byte, 1) == 1)
			return true;
	}
	return false;
}

/* Change the memory of a userptr again and again; each time GPU and CPU must see the same. */
static void do_rounds(struct amd_userptr *mine, unsigned int number)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, VMIDS_SIZE, 1);

	for (unsigned int round = 0; round < ROUNDS; round++) {
		amd_userptr_dontneed(bo);
		amd_userptr_roundtrip(mine, bo, 1 + number * 2 * ROUNDS + 2 * round);
		test.processes->rounds[number]++;
	}
}

/* Try to create a queue; 0 or -errno. */
static int try_queue(struct amd_userptr *mine)
{
	const enum amd_kfd_queue_type type = AMD_KFD_QUEUE_PM4;
	int ret = __amd_kfd_queue_create(&mine->kfd, type, &mine->queues[type]);

	if (!ret) {
		mine->have_queue[type] = true;
		amd_userptr_use_queue(mine, type);
	}
	return ret;
}

static void be_process(struct amd_userptr *up, unsigned int number)
{
	struct processes *processes = test.processes;
	struct amd_userptr mine;
	int fd = drm_reopen_driver(up->fd);
	int ret;

	igt_assert_fd(fd);
	amd_userptr_open_without_queue(&mine, fd);
	mine.supported = up->supported;
	ret = try_queue(&mine);
	/* -EPERM: the scheduler may not over-subscribe. */
	igt_assert_f(!ret || ret == -ENOSPC || ret == -EPERM, "a queue was refused: %s\n",
		     strerror(-ret));
	if (!ret)
		processes->with_queue++;
	else
		processes->refused++;
	signals_send(&test.tried);
	if (!ret) {
		igt_assert(igt_gate_is_open(&test.begin, VMIDS_MS));
	} else {
		igt_assert(signals_take(&test.turn, igt_now_ms() + 3 * VMIDS_MS));
		igt_assert_eq(try_queue(&mine), 0);
	}
	do_rounds(&mine, number);
	/*
	 * A process that got its queue at once keeps it until all such processes are done, so the
	 * others have to wait.
	 */
	if (!ret) {
		signals_send(&test.done);
		igt_assert(igt_gate_is_open(&test.end, VMIDS_MS));
	}
	amd_userptr_close(&mine);
	signals_send(&test.done);
}

static void expect_signals(struct signals *signals, unsigned int count, const char *what)
{
	const uint64_t deadline = igt_now_ms() + VMIDS_MS;

	for (unsigned int i = 0; i < count; i++)
		igt_assert_f(signals_take(signals, deadline), "%u of %u processes %s\n", i, count,
			     what);
}

static void more_than_vmids(struct amd_userptr *up)
{
	struct processes *processes = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int refused;

	amd_userptr_adopt(up, processes, getpagesize());
	test.processes = processes;
	signals_init(&test.tried);
	signals_init(&test.done);
	signals_init(&test.turn);
	igt_gate_init(&test.begin);
	igt_gate_init(&test.end);
	igt_emit_ignore_dmesg_regex("Runlist is getting oversubscribed|no more vmid to allocate|"
				    "DQM create queue type [0-9]+ failed");
	igt_fork(child, PROCESSES)
		be_process(up, child);

	expect_signals(&test.tried, PROCESSES, "have tried to create a queue");
	refused = processes->refused;
	igt_info("%u processes have queues, %u were refused one\n", processes->with_queue, refused);
	igt_assert_eq_u32(processes->with_queue + refused, PROCESSES);
	igt_assert_lt(0, processes->with_queue);
	/* With policy 0 KFD refuses nobody, so the processes have to take turns. */
	if (!igt_procfs_number(SCHED_POLICY, ""))
		igt_assert_eq_u32(refused, 0);
	else
		igt_assert_lt(0, refused);
	/*
	 * The processes with queues have them at the same time, and the test's own process has one,
	 * too.
	 */
	igt_gate_open(&test.begin);
	expect_signals(&test.done, processes->with_queue, "have done their rounds");
	amd_userptr_queue_alive(up);
	igt_gate_open(&test.end);
	expect_signals(&test.done, processes->with_queue, "have ended");
	/*
	 * Let the refused processes try one after the other, because there may be more of them than
	 * VMIDs.
	 */
	for (unsigned int i = 0; i < refused; i++) {
		signals_send(&test.turn);
		expect_signals(&test.done, 1, "has got a queue later");
	}
	igt_waitchildren_timeout(VMIDS_MS / 1000, "the processes with queues");
	for (unsigned int i = 0; i < PROCESSES; i++)
		igt_assert_eq_u32(processes->rounds[i], ROUNDS);
	amd_userptr_queue_alive(up);
	igt_gate_fini(&test.begin);
	igt_gate_fini(&test.end);
	signals_fini(&test.tried);
	signals_fini(&test.done);
	signals_fini(&test.turn);
}

static const struct amd_userptr_subtest subtests[] = {
	{ .name = "more-than-vmids",
	  .run = more_than_vmids,
	  .describe =
		  "Each of more processes than VMIDs gets its turn, with userptrs that change." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
	}

	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
