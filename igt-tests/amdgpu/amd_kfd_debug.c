// SPDX-License-Identifier: MIT
/*
 * The driver has two ways to report exceptions: AMDGPU_INFO of the render node returns the last GPU
 * page fault, and KFD reports exceptions to a debugger (AMDKFD_IOC_DBG_TRAP).  In these tests the
 * process is its own debugger.  The tests provoke only exceptions that need no shader: new queues
 * and memory violations.
 */
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_fixture.h"

IGT_TEST_DESCRIPTION("GPU page faults and KFD's debug events.");

/* A debug session in which the process debugs itself. */
struct session {
	int kfd;
	int event[2]; /* pipe: KFD writes a byte for every event */
};

static int trap(const struct session *s, uint32_t op, struct amd_dbg_trap_args *args)
{
	args->pid = getpid();
	args->op = op;
	return ioctl(s->kfd, AMD_IOC_DBG_TRAP, args) ? -errno : 0;
}

static void start_session(struct session *s, struct amd_userptr *up, uint64_t exceptions)
{
	struct amd_dbg_runtime_info runtime;
	struct amd_dbg_trap_args args = { 0 };
	int ret;

	s->kfd = up->kfd.fd;
	igt_assert_eq(pipe(s->event), 0);
	args.enable.exception_mask = exceptions;
	args.enable.rinfo_ptr = (uintptr_t)&runtime;
	args.enable.rinfo_size = sizeof(runtime);
	args.enable.dbg_fd = s->event[1];
	ret = trap(s, AMD_DBG_TRAP_ENABLE, &args);
	igt_require_f(ret != -EINVAL, "Without the hardware scheduler KFD cannot be debugged\n");
	igt_assert_eq(ret, 0);
	igt_assert_eq(args.enable.rinfo_size, sizeof(runtime));
}

static void end_session(struct session *s)
{
	struct amd_dbg_trap_args args = { 0 };

	igt_assert_eq(trap(s, AMD_DBG_TRAP_DISABLE, &args), 0);
	close(s->event[0]);
	close(s->event[1]);
}

/*
 * Wait for an event, and return its exceptions with the queue or GPU that raised them.  KFD does
 * not report the exceptions in @clear again.
 */
static struct amd_dbg_event wait_event(struct session *s, uint64_t clear)
{
	struct pollfd pfd = { .fd = s->event[0], .events = POLLIN };
	struct amd_dbg_trap_args args = { 0 };
	char byte;

	igt_assert_f(poll(&pfd, 1, AMD_USERPTR_WAIT_MS) == 1, "no event was reported\n");
	igt_assert_eq(read(s->event[0], &byte, 1), 1);
	args.query_debug_event.exception_mask = clear;
	igt_assert_eq(trap(s, AMD_DBG_TRAP_QUERY_DEBUG_EVENT, &args), 0);
	return args.query_debug_event;
}

static void expect_no_event(struct session *s)
{
	struct amd_dbg_trap_args args = { 0 };

	igt_assert_eq(trap(s, AMD_DBG_TRAP_QUERY_DEBUG_EVENT, &args), -EAGAIN);
}

/* Clear the events of queues that existed before the session, because KFD reports these, too. */
static void forget_old_queues(struct session *s)
{
	int ret;

	do {
		struct amd_dbg_trap_args args = { 0 };

		args.query_debug_event.exception_mask = AMD_DBG_MASK(AMD_DBG_QUEUE_NEW);
		ret = trap(s, AMD_DBG_TRAP_QUERY_DEBUG_EVENT, &args);
	} while (!ret);
	igt_assert_eq(ret, -EAGAIN);
}

static void queue_new(struct amd_userptr *up)
{
	const uint64_t exception = AMD_DBG_MASK(AMD_DBG_QUEUE_NEW);
	struct amd_dbg_event event;
	struct amd_kfd_queue queue;
	struct session s;

	start_session(&s, up, exception);
	forget_old_queues(&s);
	amd_kfd_queue_create(&up->kfd, AMD_KFD_QUEUE_PM4, &queue);
	event = wait_event(&s, exception);
	igt_assert(event.exception_mask & exception);
	igt_assert_eq_u32(event.queue_id, queue.id);
	igt_assert_eq_u32(event.gpu_id, up->kfd.node.gpu_id);
	expect_no_event(&s);
	amd_kfd_queue_sync(&queue, AMD_USERPTR_WAIT_MS);
	amd_kfd_queue_destroy(&queue);
	end_session(&s);
}

static uint64_t store_to_nothing(struct amd_userptr *up)
{
	uint64_t va = amd_kfd_va_reserve(getpagesize(), 0);

	igt_assert(va);
	amd_userptr_gpu_store(up, va, 0xdeadbeef);
	return va;
}

static void expect_info(struct amd_userptr *up, uint64_t va)
{
	struct amd_gpuvm_fault fault = { 0 };

	amd_info(up->fd, AMD_INFO_GPUVM_FAULT, &fault, sizeof(fault));
	igt_assert_eq_u64(fault.addr, va);
	igt_assert(fault.status);
	igt_assert_eq_u32(fault.vmhub & AMD_VMHUB_TYPE_MASK, AMD_VMHUB_TYPE_GFX);
}

static void fault_and_ask(struct amd_userptr *mine)
{
	struct amd_gpuvm_fault fault = { 0 };
	uint32_t event;
	uint64_t va;

	amd_info(mine->fd, AMD_INFO_GPUVM_FAULT, &fault, sizeof(fault));
	igt_assert_eq_u64(fault.addr, 0);
	igt_assert_eq(__amd_kfd_fault_event_create(&mine->kfd, &event), 0);
	va = store_to_nothing(mine);
	amd_userptr_expect_fault(mine, event, va, getpagesize());
	expect_info(mine, va);
}

/* KFD's report to the debugger.  The child stores it in memory that it shares with its parent. */
static struct violation {
	uint64_t va; /* the address of the fault */
	uint32_t gpu_id, info_size;
	struct kfd_hsa_memory_exception_data data;
} *violation;

static void fault_and_debug(struct amd_userptr *mine)
{
	const uint64_t exception = AMD_DBG_MASK(AMD_DBG_DEVICE_MEMORY_VIOLATION);
	struct amd_dbg_trap_args args = { 0 };
	struct amd_dbg_event event;
	struct session s;
	uint64_t va;

	start_session(&s, mine, exception);
	expect_no_event(&s);
	va = store_to_nothing(mine);
	event = wait_event(&s, 0);
	igt_assert(event.exception_mask & exception);
	igt_assert_eq_u32(event.gpu_id, mine->kfd.node.gpu_id);

	args.query_exception_info.info_ptr = (uintptr_t)&violation->data;
	args.query_exception_info.info_size = sizeof(violation->data);
	args.query_exception_info.source_id = mine->kfd.node.gpu_id;
	args.query_exception_info.exception_code = AMD_DBG_DEVICE_MEMORY_VIOLATION;
	args.query_exception_info.clear_exception = 1;
	igt_assert_eq(trap(&s, AMD_DBG_TRAP_QUERY_EXCEPTION, &args), 0);
	violation->va = va;
	violation->gpu_id = mine->kfd.node.gpu_id;
	violation->info_size = args.query_exception_info.info_size;
	expect_no_event(&s);
	expect_info(mine, va);
	end_session(&s);
}

/* Run @act in a child, because a GPU page fault ends all queues of a process. */
static void in_child(struct amd_userptr *up, void (*act)(struct amd_userptr *mine))
{
	amd_info_ignore_fault_log();
	igt_fork(child, 1) {
		struct amd_userptr mine;

		amd_userptr_open_in_child(&mine, up);
		act(&mine);
		amd_userptr_close(&mine);
	}
	igt_waitchildren_timeout(2 * AMD_USERPTR_WAIT_MS / 1000, "the child that provokes a fault");
	amd_userptr_queue_alive(up);
}

static void gpuvm_fault(struct amd_userptr *up)
{
	in_child(up, fault_and_ask);
}

static void memory_violation(struct amd_userptr *up)
{
	struct session s;

	violation = mmap(NULL, sizeof(*violation), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	amd_userptr_adopt(up, violation, sizeof(*violation));
	/*
	 * Without the hardware scheduler start_session() skips the subtest.  Only the parent can
	 * skip, so the parent starts a session here before the child does.
	 */
	start_session(&s, up, AMD_DBG_MASK(AMD_DBG_DEVICE_MEMORY_VIOLATION));
	end_session(&s);
	in_child(up, fault_and_debug);
	igt_assert(violation->va);
}

/*
 * Linux 7.3 keeps the information about the fault, but never sets its size, so it copies nothing to
 * the debugger (kfd_debug.c:142, 1023).  This check is a subtest of its own, because it fails on
 * Linux 7.3.
 */
static void memory_violation_info(struct amd_userptr *up)
{
	memory_violation(up);
	igt_assert_f(violation->info_size == sizeof(violation->data),
		     "KFD has %u bytes of information about the fault\n", violation->info_size);
	igt_assert_eq_u64(violation->data.va, violation->va);
	igt_assert_eq_u32(violation->data.gpu_id, violation->gpu_id);
}

static const struct amd_userptr_subtest subtests[] = {
	{ .name = "gpuvm-fault",
	  .run = gpuvm_fault,
	  .describe = "The render node reports the last GPU page fault of its VM." },
	{ .name = "queue-new",
	  .run = queue_new,
	  .describe = "KFD reports a new queue to a debugger, once." },
	{ .name = "memory-violation",
	  .run = memory_violation,
	  .describe = "KFD reports a GPU page fault to a debugger." },
	{ .name = "memory-violation-info",
	  .run = memory_violation_info,
	  .describe = "KFD tells the debugger the address of the GPU page fault." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture()
		amd_userptr_fixture_open(&up);
	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));
	igt_fixture()
		amd_userptr_fixture_close(&up);
}
