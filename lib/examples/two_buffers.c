/* SPDX-License-Identifier: MIT */
/* Two buffers as one range of GPU addresses. Exit status 77: this machine cannot do it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <linux/kfd_ioctl.h>

#include <amdgpu_userptr.h>

#define MAX_GPUS    64
#define BUFFER_SIZE (1 << 20)

/* Without ROCm: let KFD use the GPU address space of the file. Try each GPU until KFD accepts. */
static int acquire_vm(int kfd, int drm_fd)
{
	struct kfd_process_device_apertures gpus[MAX_GPUS];
	struct kfd_ioctl_get_process_apertures_new_args list = { 0 };

	/* Without an array KFD returns the number of GPUs. */
	if (ioctl(kfd, AMDKFD_IOC_GET_PROCESS_APERTURES_NEW, &list) || list.num_of_nodes > MAX_GPUS)
		return -1;
	list.kfd_process_device_apertures_ptr = (uintptr_t)gpus;
	if (ioctl(kfd, AMDKFD_IOC_GET_PROCESS_APERTURES_NEW, &list))
		return -1;
	for (unsigned int i = 0; i < list.num_of_nodes; i++) {
		struct kfd_ioctl_acquire_vm_args acquire = {
			.drm_fd = (uint32_t)drm_fd,
			.gpu_id = gpus[i].gpu_id,
		};

		if (!ioctl(kfd, AMDKFD_IOC_ACQUIRE_VM, &acquire))
			return 0;
	}
	return -1;
}

int main(int argc, char **argv)
{
	const int kfd = open("/dev/kfd", O_RDWR | O_CLOEXEC);
	const int drm_fd = open(argc > 1 ? argv[1] : "/dev/dri/renderD128", O_RDWR | O_CLOEXEC);
	const struct amdgpu_userptr_ctx_args ctx_args = {
		.size = sizeof(ctx_args),
		.fds = &drm_fd,
		.num_devices = 1,
	};
	struct amdgpu_userptr_range ranges[2] = { 0 };
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.ranges = ranges,
		.num_ranges = 2,
		.range_stride = sizeof(ranges[0]),
	};
	struct amdgpu_userptr_mapping *mapping;
	struct amdgpu_userptr_ctx *ctx;

	if (kfd < 0 || drm_fd < 0 || acquire_vm(kfd, drm_fd) ||
	    amdgpu_userptr_ctx_create(&ctx_args, &ctx)) {
		fprintf(stderr, "no GPU with KFD, see amdgpu-userptr-info(1)\n");
		return 77;
	}
	for (int i = 0; i < 2; i++) {
		void *buffer = aligned_alloc(BUFFER_SIZE, BUFFER_SIZE);

		if (!buffer)
			return 1;
		ranges[i].cpu_addr = (uintptr_t)buffer;
		ranges[i].size = BUFFER_SIZE;
	}
	if (amdgpu_userptr_map(ctx, &args, &mapping)) {
		fprintf(stderr, "%s\n", amdgpu_userptr_reason_text(args.failed_reason));
		return args.failed_reason == AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD ? 77 : 1;
	}
	printf("first buffer at %#llx, second at %#llx\n", (unsigned long long)args.gpu_va,
	       (unsigned long long)args.gpu_va + BUFFER_SIZE);
	/* Run queues that use these addresses here. */
	return amdgpu_userptr_unmap(mapping) || amdgpu_userptr_ctx_destroy(ctx);
}
