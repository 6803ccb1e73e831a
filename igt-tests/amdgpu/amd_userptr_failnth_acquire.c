// SPDX-License-Identifier: MIT
/*
 * Every allocation of AMDKFD_IOC_ACQUIRE_VM of a new process fails once.  The next ACQUIRE_VM has
 * to succeed, on the same file or on another one, and then queues and userptrs of the process have
 * to work.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_remains.h"
#include "lib/igt_fail_nth.h"
#include "lib/igt_time.h"

#include "amd_userptr_failnth.h"

#define ACQUIRE_SIZE ((size_t)16 * getpagesize())

/*
 * A thread that makes userptrs on the file all the time while another thread lets KFD acquire the
 * VM of this file.
 */
struct intruder {
	pthread_t thread;
	int fd;
	void *memory;
	atomic_bool stop;
	atomic_uint asked; /* how many userptrs it has asked for */
	int error;	   /* an error that GEM_USERPTR must not return, or 0 */
};

static void *intrude(void *data)
{
	struct intruder *intruder = data;

	while (!intruder->stop) {
		uint32_t handle;
		int ret = __amd_userptr_create(intruder->fd, intruder->memory, ACQUIRE_SIZE,
					       AMD_USERPTR_TRACKED, &handle);

		/*
		 * EOPNOTSUPP: the VM belongs to no KFD process, because ACQUIRE_VM has not finished
		 * yet or has failed.
		 */
		if (!ret)
			__amd_userptr_close_handle(intruder->fd, handle);
		else if (ret != -EOPNOTSUPP)
			intruder->error = ret;
		intruder->asked++;
	}
	return NULL;
}

static void intruder_start(struct intruder *intruder, int fd)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	intruder->fd = fd;
	intruder->memory = mmap(NULL, ACQUIRE_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	igt_assert(intruder->memory != MAP_FAILED);
	igt_assert_eq(pthread_create(&intruder->thread, NULL, intrude, intruder), 0);
	while (!intruder->asked && igt_now_ms() < deadline)
		igt_pause();
	igt_assert(intruder->asked);
}

static void intruder_stop(struct intruder *intruder)
{
	intruder->stop = true;
	pthread_join(intruder->thread, NULL);
	igt_assert_f(!intruder->error, "GEM_USERPTR in a VM that is being acquired: %s\n",
		     strerror(-intruder->error));
}

/* Call ioctl() here, because __amd_kfd_acquire_vm() repeats a call that returns EINTR or EAGAIN. */
static int acquire(struct amd_kfd *kfd, int drm_fd)
{
	struct kfd_ioctl_acquire_vm_args args = { .drm_fd = drm_fd, .gpu_id = kfd->node.gpu_id };

	return ioctl(kfd->fd, AMDKFD_IOC_ACQUIRE_VM, &args) ? -errno : 0;
}

/* Let the process acquire the VM of @fd, and assert that its queue and its userptrs work. */
static void expect_usable(int fd, bool supported)
{
	struct amd_userptr mine;

	amd_userptr_open(&mine, fd);
	mine.supported = supported;
	if (supported) {
		struct amd_userptr_bo *bo = amd_userptr_tracked(&mine, ACQUIRE_SIZE, 1);

		amd_kfd_smi_mark(&mine.smi);
		amd_userptr_dontneed(bo);
		amd_userptr_expect_evictions(&mine, 0);
		amd_userptr_roundtrip(&mine, bo, 2);
	} else {
		amd_userptr_queue_alive(&mine);
	}
	amd_userptr_close(&mine);
}

/* Runs in a new process, because only the first ACQUIRE_VM of a process allocates. */
static void fail_acquire(struct amd_userptr *parent, bool intruded, struct failnth_count *count)
{
	int fd = drm_reopen_driver(parent->fd), second;
	struct igt_fail_nth inject;
	struct intruder intruder = { 0 };
	struct amd_kfd kfd;
	bool failed;
	int ret;

	igt_assert(!igt_fail_nth_init(&inject));
	igt_assert_eq(__amd_kfd_open_novm(&kfd, fd), 0);
	if (intruded)
		intruder_start(&intruder, fd);
	igt_fail_nth_arm(&inject, count->n);
	ret = acquire(&kfd, fd);
	failed = igt_fail_nth_disarm(&inject);
	if (intruded)
		intruder_stop(&intruder);
	igt_fail_nth_fini(&inject);
	igt_debug("allocation %u: %s\n", count->n, failed ? strerror(-ret) : "none failed");
	/* Try again on the same file, or on another one while the first one is still open. */
	second = ret && count->n % 2 ? drm_reopen_driver(parent->fd) : fd;
	expect_usable(second, parent->supported);
	failnth_note(count, "ACQUIRE_VM", failed, ret);
	amd_kfd_close(&kfd);
}

static void fail_all(struct amd_userptr *up, bool intruded)
{
	struct igt_fail_nth inject;
	const char *reason = igt_fail_nth_init(&inject);
	struct amd_userptr_remains before;
	struct failnth_count *count;
	const char *remains;

	igt_fail_nth_fini(&inject);
	igt_require_f(!reason, "%s\n", reason);
	failnth_begin(up);
	amd_info_ignore_memory_log();
	amd_userptr_remains_look(up, &before);
	count = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	amd_userptr_adopt(up, count, getpagesize());
	count->n = 1;
	while (!count->end) {
		const unsigned int n = count->n;

		igt_fork(child, 1)
			fail_acquire(up, intruded, count);
		igt_waitchildren_timeout(2 * AMD_USERPTR_WAIT_MS / 1000,
					 "the process that acquires");
		igt_assert(count->end || count->n > n);
	}
	failnth_finish(count, "ACQUIRE_VM");
	igt_assert_lt(0, count->errors);
	remains = amd_userptr_remains_wait(up, &before);
	igt_assert_f(!remains, "resources of the processes stay in use\n%s\n", remains);
	amd_userptr_queue_alive(up);
}

static void acquire_fails(struct amd_userptr *up)
{
	fail_all(up, false);
}

static void acquire_intruded(struct amd_userptr *up)
{
	fail_all(up, true);
}

const struct amd_userptr_subtest amd_userptr_failnth_acquire_subtests[] = {
	{ .name = "acquire",
	  .run = acquire_fails,
	  .describe = "A process whose first ACQUIRE_VM failed can acquire a VM later." },
	{ .name = "acquire-intruded",
	  .run = acquire_intruded,
	  .describe =
		  "A process can acquire a VM later also when another thread asks for userptrs during the failing ACQUIRE_VM." },
};
const unsigned int amd_userptr_num_failnth_acquire_subtests =
	ARRAY_LENGTH(amd_userptr_failnth_acquire_subtests);
