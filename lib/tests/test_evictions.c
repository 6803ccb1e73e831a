/* SPDX-License-Identifier: MIT */
/* KFD's SMI events: the library counts the right ones, in whatever pieces it reads them. */
#include <fcntl.h>
#include <linux/kfd_ioctl.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"

static uint32_t backend;

#define NUM_DEVICES 2

/* The library defines these numbers itself, because its users may have an older kfd_ioctl.h. */
static_assert(AMD_IOC_ACQUIRE_VM == AMDKFD_IOC_ACQUIRE_VM, "");
static_assert(AMD_IOC_SMI_EVENTS == AMDKFD_IOC_SMI_EVENTS, "");
static_assert(AMD_SMI_EVENT_QUEUE_EVICTION == KFD_SMI_EVENT_QUEUE_EVICTION, "");
static_assert(AMD_SMI_EVENT_QUEUE_RESTORE == KFD_SMI_EVENT_QUEUE_RESTORE, "");
static_assert(AMD_SMI_EVENT_BIT(9) == KFD_SMI_EVENT_MASK_FROM_INDEX(9), "");
static_assert(AMD_SMI_EVENT_MSG_SIZE == KFD_SMI_EVENT_MSG_SIZE, "");
static_assert(AMD_SMI_TRIGGER_USERPTR == KFD_QUEUE_EVICTION_TRIGGER_USERPTR, "");

static int watch(struct amdgpu_userptr_ctx *ctx, uint32_t device)
{
	const struct amdgpu_userptr_watch_args args = {
		.size = sizeof(args),
		.device = device,
		.kfd_fd = FAKE_KFD_FD,
		.gpu_id = FAKE_FIRST_GPU + device,
	};

	return amdgpu_userptr_watch_evictions(ctx, &args);
}

static void eviction(struct fake_kernel *fake, unsigned int device, int pid, int trigger)
{
	char line[KFD_SMI_EVENT_MSG_SIZE];
	int len = snprintf(line, sizeof(line), "%x ", KFD_SMI_EVENT_QUEUE_EVICTION);

	snprintf(line + len, sizeof(line) - len,
		 KFD_EVENT_FMT_QUEUE_EVICTION(123456789012345ll, pid, 0xabcd, trigger));
	fake_event(fake, device, line);
}

static void restore(struct fake_kernel *fake, unsigned int device, int pid, char rescheduled)
{
	char line[KFD_SMI_EVENT_MSG_SIZE];
	int len = snprintf(line, sizeof(line), "%x ", KFD_SMI_EVENT_QUEUE_RESTORE);

	snprintf(line + len, sizeof(line) - len,
		 KFD_EVENT_FMT_QUEUE_RESTORE(123456789012345ll, pid, 0xabcd, rescheduled));
	fake_event(fake, device, line);
}

static void expect(struct amdgpu_userptr_ctx *ctx, uint32_t device, uint64_t evictions,
		   uint64_t userptr_evictions, uint64_t restores, uint64_t failed_restores)
{
	struct amdgpu_userptr_evictions count = { .size = sizeof(count), .device = device };

	errno = EDOM;
	t_equal(amdgpu_userptr_query_evictions(ctx, &count), 0);
	t_equal(errno, EDOM);
	t_equal(count.size, sizeof(count));
	t_equal(count.device, device);
	t_equal(count.evictions, evictions);
	t_equal(count.userptr_evictions, userptr_evictions);
	t_equal(count.restores, restores);
	t_equal(count.failed_restores, failed_restores);
}

static void events_count(unsigned int read_limit)
{
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, NUM_DEVICES);
	t_equal(watch(ctx, 0), 0);
	t_equal(watch(ctx, 1), 0);
	expect(ctx, 0, 0, 0, 0, 0);
	fake.devices[0].smi_read_limit = read_limit;
	eviction(&fake, 0, getpid(), KFD_QUEUE_EVICTION_TRIGGER_USERPTR);
	eviction(&fake, 0, getpid(), KFD_QUEUE_EVICTION_TRIGGER_TTM);
	restore(&fake, 0, getpid(), 'R');
	restore(&fake, 0, getpid(), '0');
	/* Events of another process, an event of another kind, and lines that are no events. */
	eviction(&fake, 0, getpid() + 1, KFD_QUEUE_EVICTION_TRIGGER_USERPTR);
	restore(&fake, 0, getpid() + 1, '0');
	fake_event(&fake, 0, "1 4d2:name\n");
	fake_event(&fake, 0, "nothing\n\n9\n9 5 -\na \n");
	eviction(&fake, 1, getpid(), KFD_QUEUE_EVICTION_TRIGGER_SUSPEND);
	for (unsigned int i = 0; read_limit && i < sizeof(fake.devices[0].events); i++) {
		struct amdgpu_userptr_evictions count = { .size = sizeof(count) };

		t_equal(amdgpu_userptr_query_evictions(ctx, &count), 0);
	}
	expect(ctx, 0, 2, 1, 1, 1);
	expect(ctx, 1, 1, 0, 0, 0);
	eviction(&fake, 0, getpid(), KFD_QUEUE_EVICTION_TRIGGER_USERPTR);
	fake.devices[0].smi_read_limit = 0;
	expect(ctx, 0, 3, 2, 1, 1);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	t_equal(fake.count[FAKE_SMI_CLOSE], NUM_DEVICES);
	fake_fini(&fake);
}

/* More events than fit into the kernel's buffer, and a line that is too long. */
static void odd_events(void)
{
	struct amdgpu_userptr_evictions count = { .size = sizeof(count) };
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	char line[1024];

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(watch(ctx, 0), 0);
	for (unsigned int i = 0; i < 1000; i++)
		eviction(&fake, 0, getpid(), KFD_QUEUE_EVICTION_TRIGGER_USERPTR);
	t_equal(amdgpu_userptr_query_evictions(ctx, &count), 0);
	t_assert(count.evictions > 100 && count.evictions < 1000);

	memset(line, '9', sizeof(line));
	line[sizeof(line) - 2] = '\n';
	line[sizeof(line) - 1] = '\0';
	fake_event(&fake, 0, line);
	eviction(&fake, 0, getpid(), KFD_QUEUE_EVICTION_TRIGGER_USERPTR);
	expect(ctx, 0, count.evictions + 1, count.evictions + 1, 0, 0);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static void bad_arguments(void)
{
	struct {
		struct amdgpu_userptr_watch_args args;
		uint64_t newer;
	} larger = {
		{
			.size = sizeof(larger),
			.kfd_fd = FAKE_KFD_FD,
			.gpu_id = FAKE_FIRST_GPU,
		},
		1,
	};
	struct amdgpu_userptr_watch_args *args = &larger.args, good = *args;
	struct {
		struct amdgpu_userptr_evictions evictions;
		uint64_t newer;
	} large_count = { { .size = sizeof(large_count) }, 1 };
	struct amdgpu_userptr_evictions count = { .size = sizeof(count) };
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	fake_init(&fake, backend);
	ctx = fake_ctx(&fake, 1);
	t_equal(amdgpu_userptr_watch_evictions(NULL, args), -EINVAL);
	t_equal(amdgpu_userptr_watch_evictions(ctx, NULL), -EINVAL);
	t_equal(amdgpu_userptr_watch_evictions(ctx, args), -E2BIG);
	args->size = sizeof(*args) - 1;
	t_equal(amdgpu_userptr_watch_evictions(ctx, args), -EINVAL);
	args->size = good.size = sizeof(*args);
	args->device = 1;
	t_equal(amdgpu_userptr_watch_evictions(ctx, args), -EINVAL);
	*args = good;
	args->kfd_fd = -1;
	t_equal(amdgpu_userptr_watch_evictions(ctx, args), -EINVAL);
	t_equal(fake.count[FAKE_SMI_OPEN], 0);
	args->kfd_fd = FAKE_FIRST_FD;
	t_equal(amdgpu_userptr_watch_evictions(ctx, args), -ENOTTY);
	*args = good;
	args->gpu_id = FAKE_FIRST_GPU + FAKE_MAX_DEVICES;
	t_equal(amdgpu_userptr_watch_evictions(ctx, args), -EINVAL);

	t_equal(amdgpu_userptr_query_evictions(ctx, &count), -ENOENT);
	t_equal(amdgpu_userptr_watch_evictions(ctx, &good), 0);
	t_equal(amdgpu_userptr_watch_evictions(ctx, &good), -EEXIST);
	t_equal(amdgpu_userptr_query_evictions(NULL, &count), -EINVAL);
	t_equal(amdgpu_userptr_query_evictions(ctx, NULL), -EINVAL);
	t_equal(amdgpu_userptr_query_evictions(ctx, &large_count.evictions), -E2BIG);
	count.device = 1;
	t_equal(amdgpu_userptr_query_evictions(ctx, &count), -EINVAL);
	count.device = 0;
	count.size--;
	t_equal(amdgpu_userptr_query_evictions(ctx, &count), -EINVAL);
	count.size++;
	fake.devices[0].smi_error = -ENOMEM;
	t_equal(amdgpu_userptr_query_evictions(ctx, &count), -ENOMEM);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* After a failure the library has closed the file of events, and the next call succeeds. */
static void watch_fails_at_each_call(void)
{
	static const int watch_errors[] = { -EBADF, -EMFILE, -ENFILE, -ENOMEM };

	for (unsigned int call = 1; call <= 2; call++) {
		for (size_t i = 0; i < T_ARRAY_SIZE(watch_errors); i++) {
			struct amdgpu_userptr_ctx *ctx;
			struct fake_kernel fake;

			fake_init(&fake, backend);
			ctx = fake_ctx(&fake, 1);
			fake.fail_call = call;
			fake.fail_error = watch_errors[i];
			errno = EDOM;
			t_equal(watch(ctx, 0), watch_errors[i]);
			t_equal(errno, EDOM);
			t_assert(!fake.devices[0].smi);
			t_equal(watch(ctx, 0), 0);
			t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
			fake_fini(&fake);
		}
	}
}

/* On the real kernel, with a pipe, which reads and writes like a file of events. */
static void real_calls(void)
{
	const uint64_t events = 5;
	uint64_t written = 0;
	char bytes[16];
	int fds[2];

	t_assert(!pipe2(fds, O_NONBLOCK));
	t_equal(au_kernel_ops.smi_enable(NULL, fds[1], events), 0);
	t_equal(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	t_equal(au_kernel_ops.smi_read(NULL, fds[0], (char *)&written, sizeof(written)),
		sizeof(written));
	t_equal(written, events);
	t_equal(au_kernel_ops.smi_read(NULL, fds[0], bytes, sizeof(bytes)), -EAGAIN);
	au_kernel_ops.smi_close(NULL, fds[0]);
	t_equal(au_kernel_ops.smi_read(NULL, fds[0], bytes, sizeof(bytes)), -EBADF);
	t_equal(au_kernel_ops.smi_enable(NULL, fds[0], events), -EBADF);
	au_kernel_ops.smi_close(NULL, fds[1]);
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	events_count(0);
	events_count(1);
	events_count(7);
	odd_events();
	bad_arguments();
	watch_fails_at_each_call();
	real_calls();
	return 0;
}
