// SPDX-License-Identifier: MIT
/*
 * Checkpoint and restore (CRIU).  KFD's checkpoint of a process does not contain BOs of the render
 * node, so KFD refuses a checkpoint of a process that has HSA userptrs.  KFD does not track user
 * memory while it restores a process, so the driver makes no HSA userptr in that time.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "igt.h"

#include "amd_userptr_uapi.h"

#define CRIU_SIZE ((size_t)16 * getpagesize())

/*
 * KFD_CRIU_PRIV_VERSION of drivers/gpu/drm/amd/amdkfd/kfd_priv.h, and structures of that version.
 */
#define CRIU_PRIV_VERSION 1
struct priv_data {
	struct {
		uint32_t version;
		uint32_t xnack_mode;
	} process;
	struct {
		uint64_t reserved;
	} device;
};

static int criu(struct amd_kfd *kfd, struct kfd_ioctl_criu_args args,
		struct kfd_ioctl_criu_args *result)
{
	int ret;

	do {
		ret = ioctl(kfd->fd, AMDKFD_IOC_CRIU_OP, &args);
	} while (ret && errno == EINTR);
	if (result)
		*result = args;
	return ret ? -errno : 0;
}

static int process_info(struct amd_userptr *up, struct kfd_ioctl_criu_args *result)
{
	return criu(&up->kfd, (struct kfd_ioctl_criu_args){ .op = KFD_CRIU_OP_PROCESS_INFO },
		    result);
}

static int unpause(struct amd_userptr *up)
{
	return criu(&up->kfd, (struct kfd_ioctl_criu_args){ .op = KFD_CRIU_OP_UNPAUSE }, NULL);
}

/*
 * Begin a checkpoint, assert that KFD evicts the queues for it, and end it.  Returns the number of
 * GPUs.
 */
static uint32_t begin_and_end(struct amd_userptr *up)
{
	const struct amd_kfd_smi_counts *count = &up->smi.count;
	struct kfd_ioctl_criu_args info;

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(process_info(up, &info), 0);
	igt_assert(amd_userptr_queues_evicted(up));
	igt_assert_lt(0, count->evictions_by[KFD_QUEUE_EVICTION_CRIU_CHECKPOINT]);
	igt_assert_eq(unpause(up), 0);
	amd_userptr_queue_alive(up);
	return info.num_devices;
}

static void no_checkpoint(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo;

	begin_and_end(up);
	bo = amd_userptr_tracked(up, CRIU_SIZE, 1);
	igt_assert_eq(process_info(up, NULL), -EOPNOTSUPP);
	/* A refused checkpoint must not leave the queues evicted. */
	igt_assert_eq(unpause(up), -EINVAL);
	amd_userptr_roundtrip(up, bo, 2);
	amd_userptr_destroy(up, bo);
	begin_and_end(up);
}

/*
 * Restore a process that has a GPU and nothing else.  When KFD has resumed it, it must be able to
 * use HSA userptrs as every other process can.
 */
static void restore(struct amd_userptr *up, int fd)
{
	struct kfd_criu_device_bucket device = { .drm_fd = fd };
	struct priv_data priv = { .process.version = CRIU_PRIV_VERSION };
	struct kfd_ioctl_criu_args args = {
		.op = KFD_CRIU_OP_RESTORE,
		.devices = (uintptr_t)&device,
		.num_devices = 1,
		.priv_data = (uintptr_t)&priv,
		.priv_data_size = sizeof(priv),
	};
	struct amd_userptr_bo *bo;
	struct amd_userptr mine;
	struct amd_kfd kfd;
	uint32_t handle;
	void *cpu;

	memset(&mine, 0, sizeof(mine));
	cpu = amd_userptr_mmap(&mine, CRIU_SIZE, 1);
	igt_assert_eq(__amd_kfd_open_novm(&kfd, fd), 0);
	device.user_gpu_id = kfd.node.gpu_id;
	device.actual_gpu_id = kfd.node.gpu_id;
	igt_assert_eq(criu(&kfd, args, NULL), 0);
	igt_assert_eq(__amd_userptr_create(fd, cpu, CRIU_SIZE, AMD_USERPTR_TRACKED, &handle),
		      -EBUSY);
	igt_assert_eq(criu(&kfd,
			   (struct kfd_ioctl_criu_args){ .op = KFD_CRIU_OP_RESUME,
							 .pid = getpid() },
			   NULL),
		      0);

	amd_userptr_open(&mine, fd);
	bo = amd_userptr_tracked(&mine, CRIU_SIZE, 2);
	amd_kfd_smi_mark(&mine.smi);
	amd_userptr_dontneed(bo);
	amd_userptr_expect_evictions(&mine, 0);
	amd_userptr_roundtrip(&mine, bo, 3);
	amd_userptr_close(&mine);
	amd_kfd_close(&kfd);
}

static void busy_in_restore(struct amd_userptr *up)
{
	/* Skip with several GPUs, because restore() restores a process with one. */
	igt_require_f(begin_and_end(up) == 1, "more than one GPU\n");
	igt_fork(child, 1) {
		int fd = drm_reopen_driver(up->fd);

		igt_assert_fd(fd);
		restore(up, fd);
	}
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the process that is restored");
}

const struct amd_userptr_subtest amd_userptr_criu_subtests[] = {
	{ .name = "hsa-no-checkpoint",
	  .run = no_checkpoint,
	  .describe =
		  "KFD refuses a checkpoint of a process with such a BO, and its queues run again." },
	{ .name = "hsa-busy-in-restore",
	  .run = busy_in_restore,
	  .describe = "The driver refuses such BOs until a restored process has been resumed." },
};
const unsigned int amd_userptr_num_criu_subtests = ARRAY_LENGTH(amd_userptr_criu_subtests);
