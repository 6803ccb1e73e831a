// SPDX-License-Identifier: MIT
/*
 * Another process changes the memory of a userptr: a child or a debugger stores to it, or a child
 * shares the address space.  In other tests the process executes another program, or NUMA balancing
 * moves pages.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_victim.h"
#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

#include "amd_userptr_mixed.h"

#define STACK_SIZE ((size_t)64 << 10)

/* How long to wait until NUMA balancing has taken away page table entries and moved pages. */
#define BALANCE_MS igt_patience(8000)

/* ---- stores by another process ---- */

static void write_memory(pid_t pid, void *cpu, const void *bytes, size_t size)
{
	char path[64];
	int file;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	file = open(path, O_RDWR | O_CLOEXEC);
	igt_assert_fd(file);
	igt_assert_eq(pwrite(file, bytes, size, (uintptr_t)cpu), size);
	close(file);
}

/*
 * Fork the child before the memory exists, so that the two processes do not share its pages.  So
 * the kernel needs no new page when the child stores to the parent's memory, and the store evicts
 * no queue.
 */
static void stored_in_place(struct amd_userptr *up)
{
	const pid_t parent = getpid();
	struct amd_userptr_bo *bo;
	uint32_t value = 0x600dcafe;
	uint64_t pfn;
	int tell[2];

	igt_assert_eq(pipe(tell), 0);
	igt_fork(child, 1) {
		void *cpu;

		close(tell[1]);
		igt_assert_eq(read(tell[0], &cpu, sizeof(cpu)), sizeof(cpu));
		write_memory(parent, cpu, &value, sizeof(value));
	}
	close(tell[0]);
	bo = amd_userptr_tracked(up, getpagesize(), 1);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	pfn = igt_procfs_pfn(bo->cpu);
	igt_assert(pfn);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(write(tell[1], &bo->cpu, sizeof(bo->cpu)), sizeof(bo->cpu));
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child that stores in its parent");
	close(tell[1]);
	igt_assert_eq_u64(igt_procfs_pfn(bo->cpu), pfn);
	amd_kfd_queue_copy(up->queue, up->out.va, bo->va, bo->size);
	amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
	igt_assert_eq_u32(*(uint32_t *)up->out.cpu, value);
	amd_userptr_expect_no_eviction(up);
	amd_userptr_destroy(up, bo);
}

/*
 * After the fork both processes have the same pages.  The child stores to the parent's memory, so
 * the kernel puts a copy of the page into the parent's page tables.
 */
static void stored_by_child(struct amd_userptr *up)
{
	const pid_t parent = getpid();
	struct amd_userptr_bo *bo;

	/* Do this first, because it forks, and with a userptr the fork would evict the queues. */
	stored_in_place(up);

	bo = amd_userptr_tracked(up, MIXED_SIZE, 1);
	amd_kfd_smi_mark(&up->smi);
	igt_fork(child, 1) {
		char bytes[MIXED_SIZE];
		struct iovec local = { bytes, sizeof(bytes) }, remote = { bo->cpu, sizeof(bytes) };

		amd_pattern_fill(bytes, sizeof(bytes), 2);
		igt_assert_eq(process_vm_writev(parent, &local, 1, &remote, 1, 0), sizeof(bytes));
		amd_pattern_check(bo->cpu, MIXED_SIZE, 1, "the child's own");
	}
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child that stores in its parent");
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 2);
	amd_userptr_roundtrip(up, bo, 3);

	/*
	 * Another child stores one word through /proc/PID/mem.  The fork evicts the queues, because
	 * the child shares the pages.  Either the restore worker or the store makes the copy for
	 * the parent, so the number of evictions is not certain.
	 */
	igt_fork(child, 1) {
		uint32_t value = 0x12345678;

		write_memory(parent, bo->cpu, &value, sizeof(value));
	}
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child that stores in its parent");
	mixed_settle(up);
	amd_userptr_queue_alive(up);
	amd_kfd_queue_copy(up->queue, up->out.va, bo->va, getpagesize());
	amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
	igt_assert_eq_u32(*(uint32_t *)up->out.cpu, 0x12345678);
}

/*
 * Some kernels let only the tracer of a process store to the read-only memory of that process
 * (PROC_MEM_FORCE_PTRACE), so become its tracer first.
 */
static void trace_and_write(pid_t pid, void *cpu, const void *bytes, size_t size)
{
	igt_assert_eq(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	write_memory(pid, cpu, bytes, size);
}

/*
 * Store as a debugger does when it sets a breakpoint: the process gets a copy of the file's page,
 * and the copy stays read-only.
 */
static void stored_by_debugger(struct amd_userptr *up)
{
	const size_t size = getpagesize();
	int file = memfd_create("amd_userptr", MFD_CLOEXEC);
	struct amd_userptr_bo *bo;
	uint32_t value = 0xcccccccc;
	const pid_t parent = getpid();
	void *cpu;

	igt_assert_fd(file);
	igt_assert_eq(ftruncate(file, size), 0);
	cpu = amd_userptr_adopt(up, mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0), size);
	bo = amd_userptr_create(up, cpu, size, AMD_USERPTR_TRACKED | AMDGPU_GEM_USERPTR_READONLY);
	amd_userptr_map(up, bo);
	amd_userptr_gpu_check_zero(up, bo->va, size);
	amd_kfd_smi_mark(&up->smi);
	igt_fork(child, 1)
		trace_and_write(parent, cpu, &value, sizeof(value));
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the debugger");
	amd_userptr_expect_evictions(up, 0);
	amd_kfd_queue_copy(up->queue, up->out.va, bo->va, size);
	amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
	igt_assert_eq_u32(*(uint32_t *)up->out.cpu, value);
	igt_assert_eq_u32(*(volatile uint32_t *)cpu, value);
	close(file);
}

/* ---- children that share the address space ---- */

static int drop_and_end(void *data)
{
	struct amd_userptr_bo *bo = data;

	_exit(madvise(bo->cpu, bo->size, MADV_DONTNEED) != 0);
}

/*
 * The child changes memory that it shares with the parent, and the memory stays when the child
 * ends.
 */
static void shared_by_clone(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, MIXED_SIZE, 1);
	char *stack =
		mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t pid;

	amd_userptr_adopt(up, stack, STACK_SIZE);
	for (int files = 0; files < 2; files++) {
		amd_kfd_smi_mark(&up->smi);
		pid = clone(drop_and_end, stack + STACK_SIZE,
			    CLONE_VM | (files ? CLONE_FILES : 0) | SIGCHLD, bo);
		igt_assert_lt(0, pid);
		igt_assert(waitpid(pid, &status, 0) == pid);
		igt_assert_eq(status, 0);
		amd_userptr_expect_evictions(up, 0);
		amd_userptr_gpu_check_zero(up, bo->va, bo->size);
		amd_userptr_roundtrip(up, bo, 2);
	}
}

/*
 * The child uses the parent's address space until exec() gives it one of its own, so no page table
 * of the parent changes.
 */
static void spawned(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, MIXED_SIZE, 1);
	int status = -1;
	pid_t pid;

	amd_kfd_smi_mark(&up->smi);
	pid = vfork();
	if (pid == 0) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	igt_assert_lt(0, pid);
	igt_assert(waitpid(pid, &status, 0) == pid);
	igt_assert_eq(status, 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_expect_no_eviction(up);
	amd_userptr_roundtrip(up, bo, 2);
}

/* ---- another program in the process ---- */

struct exec_report {
	atomic_bool ready;
};

struct exec {
	bool inherits; /* the new program inherits the render node's file */
	bool evicted;  /* the queues are evicted at the time of the exec */
	int hold;      /* the new program ends when this pipe closes */
};

static void replace_program(struct amd_userptr_victims *victims, void *data)
{
	struct exec_report *report = victims->report;
	const struct exec *exec = data;
	struct amd_userptr_mapped mapped[AMD_USERPTR_NUM_KINDS];
	struct amd_userptr mine;
	char *cpu = NULL;

	amd_userptr_open_in_child(&mine, victims->up);
	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++) {
		cpu = amd_userptr_victim_memory(MIXED_SIZE);
		amd_userptr_mapped_make(&mine, kind, cpu, MIXED_SIZE, &mapped[kind]);
		amd_kfd_queue_copy(mine.queue, mine.out.va, mapped[kind].va, MIXED_SIZE);
	}
	/* Make so many copies that the queue most likely still copies when exec() comes. */
	for (int i = 0; i < 8; i++)
		amd_kfd_queue_copy(mine.queue, mine.out.va, mapped[0].va, MIXED_SIZE);
	amd_kfd_queue_submit(mine.queue);
	igt_assert_eq(fcntl(mine.fd, F_SETFD, exec->inherits ? 0 : FD_CLOEXEC), 0);
	igt_assert_eq(dup2(exec->hold, STDIN_FILENO), STDIN_FILENO);
	report->ready = true;
	if (exec->evicted)
		madvise(cpu, MIXED_SIZE, MADV_DONTNEED);
	execl("/bin/cat", "cat", NULL);
	_exit(1);
}

/*
 * Wait until KFD has freed the victim's kfd_process.  KFD does so when the address space of the old
 * program ends, so after the exec().  The driver frees the rest when the last process that has the
 * file of the render node closes it, and the new program may have inherited this file.
 */
static void wait_forgotten(struct amd_userptr_victims *victims)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	struct amd_userptr_remains now;

	do {
		amd_userptr_remains_look(victims->up, &now);
		igt_pause();
	} while (now.processes > victims->before.processes && igt_now_ms() < deadline);
	igt_assert_eq(now.processes, victims->before.processes);
}

static void judge_exec(struct amd_userptr_victims *victims, void *data)
{
	struct exec_report *report = victims->report;

	for (int how = 0; how < 4; how++) {
		struct exec exec = { .inherits = how & 1, .evicted = how & 2 };
		int hold[2], status = -1;
		pid_t pid;

		igt_assert_eq(pipe2(hold, O_CLOEXEC), 0);
		exec.hold = hold[0];
		pid = amd_userptr_victim(victims, replace_program, &exec);
		igt_assert(amd_userptr_victim_wait(&report->ready, pid));
		close(hold[0]);
		wait_forgotten(victims);
		if (!exec.inherits)
			amd_userptr_victims_expect_back(victims, "another program");
		/*
		 * The new program must still run, because the exec has to free the resources, not
		 * the end of the process.
		 */
		igt_assert(!waitpid(pid, &status, WNOHANG));
		close(hold[1]);
		igt_assert(igt_wait_pid(pid, &status, AMD_USERPTR_WAIT_MS));
		igt_assert_eq(status, 0);
		amd_userptr_victims_expect_back(victims, "the end of another program");
	}
	amd_userptr_victims_expect_life(victims);
}

static void replaced(struct amd_userptr *up)
{
	igt_require_f(!access("/bin/cat", X_OK), "no /bin/cat\n");
	amd_userptr_victims_run(up, 50, judge_exec, NULL);
}

/* ---- NUMA balancing ---- */

#define BALANCING "/proc/sys/kernel/numa_balancing"
#define SCAN	  "/sys/kernel/debug/sched/numa_balancing/"

static unsigned long long hints(void)
{
	return igt_procfs_number("/proc/vmstat", "numa_pte_updates ");
}

static cpu_set_t all_cpus;

static void move_freely(struct amd_userptr *up)
{
	sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/*
 * NUMA balancing removes access to pages now and then, and moves them to the node that accesses
 * them.
 */
static void balanced(struct amd_userptr *up)
{
	const unsigned long long before = hints();
	const uint64_t deadline = igt_now_ms() + BALANCE_MS;
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, MIXED_SIZE, 0);
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t seed = 0;

	igt_require_f(igt_mm_numa_node(igt_mm_numa_node(64)) >= 0, "one NUMA node only\n");
	igt_require_f(!access(SCAN "scan_delay_ms", W_OK),
		      "no debugfs of NUMA balancing, or not root\n");
	/*
	 * Count the SMI events from before the first eviction on, because in the end there must be
	 * as many restores as evictions.
	 */
	amd_kfd_smi_mark(&up->smi);
	igt_require_f(igt_undo_set(BALANCING, "1"), "no NUMA balancing in this kernel\n");
	igt_undo_set(SCAN "scan_delay_ms", "10");
	igt_undo_set(SCAN "scan_period_min_ms", "10");
	igt_assert_eq(sched_getaffinity(0, sizeof(all_cpus), &all_cpus), 0);
	up->undo = move_freely;
	do {
		stay_on(seed / 2 % cpus);
		amd_pattern_check(bo->cpu, bo->size, seed, "before a round");
		amd_userptr_gpu_fill(up, bo->va, bo->size, ++seed);
		amd_pattern_check(bo->cpu, bo->size, seed, "written by the GPU");
		amd_pattern_fill(bo->cpu, bo->size, ++seed);
		amd_userptr_gpu_check(up, bo->va, bo->size, seed);
		amd_kfd_smi_drain(&up->smi);
	} while (igt_now_ms() < deadline &&
		 (hints() == before || !up->smi.count.evictions || seed < 2 * (uint32_t)cpus));
	igt_undo_now(BALANCING);
	igt_info("%u rounds, %llu entries taken away, queues evicted %u times\n", seed / 2,
		 hints() - before, up->smi.count.evictions);
	igt_assert(hints() > before);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_roundtrip(up, bo, seed + 1);
}

const struct amd_userptr_subtest amd_userptr_mixed_process_subtests[] = {
	{ .name = "stored-by-child",
	  .run = stored_by_child,
	  .describe =
		  "The GPU sees what another process stores in the memory, with and without a new page." },
	{ .name = "stored-by-debugger",
	  .run = stored_by_debugger,
	  .describe = "The GPU sees what a debugger stores in read-only memory." },
	{ .name = "shared-by-clone",
	  .run = shared_by_clone,
	  .describe =
		  "The GPU sees changes of a child that shares the address space, also after its end." },
	{ .name = "spawned",
	  .run = spawned,
	  .describe = "A vfork() and exec() of a child evicts no queue." },
	{ .name = "replaced",
	  .run = replaced,
	  .describe = "All resources of a process come back when it becomes another program." },
	{ .name = "numa-balancing",
	  .run = balanced,
	  .describe = "The GPU uses the right pages while NUMA balancing moves them." },
};
const unsigned int amd_userptr_num_mixed_process_subtests =
	ARRAY_LENGTH(amd_userptr_mixed_process_subtests);
