/* SPDX-License-Identifier: MIT */
/* KFD without ROCm: give it a GPU address space, allocate memory, and run one SDMA queue. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/kfd_ioctl.h>

#include "gpu_queue.h"

#define MAX_GPUS      64
#define RING_SIZE     4096
#define DOORBELL_SIZE 8192	/* of all queues of a process */
#define MAX_COPY      (1 << 21) /* bytes that one packet copies; gfx9 allows 4 MiB */
#define MAX_COMPARE   (16 << 20)
#define DEADLINE_MS   60000
#define SDMA_COPY     1
#define SDMA_FENCE    5

enum { READ_POINTER, WRITE_POINTER = 8, FENCE = 16 }; /* each in a cache line of its own */

/* Repeat a call that a signal interrupted, or during which memory changed, as drmIoctl() does. */
static int kfd_ioctl(struct gpu_queue *gpu, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(gpu->kfd, request, arg);
	} while (ret && (errno == EINTR || errno == EAGAIN));
	return ret ? -errno : 0;
}

/* Let KFD use the GPU address space of the file. KFD refuses for all GPUs but the file's own. */
static int acquire_vm(struct gpu_queue *gpu)
{
	struct kfd_process_device_apertures gpus[MAX_GPUS];
	struct kfd_ioctl_get_process_apertures_new_args list = { 0 };

	/* The first call has no array, so it returns only the number of GPUs. */
	if (kfd_ioctl(gpu, AMDKFD_IOC_GET_PROCESS_APERTURES_NEW, &list) ||
	    list.num_of_nodes > MAX_GPUS)
		return -ENODEV;
	list.kfd_process_device_apertures_ptr = (uintptr_t)gpus;
	if (kfd_ioctl(gpu, AMDKFD_IOC_GET_PROCESS_APERTURES_NEW, &list))
		return -ENODEV;
	for (unsigned int i = 0; i < list.num_of_nodes; i++) {
		struct kfd_ioctl_acquire_vm_args acquire = {
			.drm_fd = gpu->drm_fd,
			.gpu_id = gpus[i].gpu_id,
		};

		gpu->gpu_id = gpus[i].gpu_id;
		if (!kfd_ioctl(gpu, AMDKFD_IOC_ACQUIRE_VM, &acquire))
			return 0;
	}
	return -ENODEV;
}

int gpu_queue_map(struct gpu_queue *gpu, uint64_t va, uint64_t size, uint32_t flags,
		  uint64_t *offset, uint64_t *handle)
{
	struct kfd_ioctl_alloc_memory_of_gpu_args alloc = {
		.va_addr = va,
		.size = size,
		.mmap_offset = *offset,
		.gpu_id = gpu->gpu_id,
		.flags = flags,
	};
	struct kfd_ioctl_map_memory_to_gpu_args map = {
		.device_ids_array_ptr = (uintptr_t)&gpu->gpu_id,
		.n_devices = 1,
	};
	int ret = kfd_ioctl(gpu, AMDKFD_IOC_ALLOC_MEMORY_OF_GPU, &alloc);

	if (ret)
		return ret;
	*offset = alloc.mmap_offset;
	*handle = map.handle = alloc.handle;
	ret = kfd_ioctl(gpu, AMDKFD_IOC_MAP_MEMORY_TO_GPU, &map);
	if (ret)
		gpu_queue_unmap(gpu, *handle);
	return ret;
}

int gpu_queue_unmap(struct gpu_queue *gpu, uint64_t handle)
{
	struct kfd_ioctl_unmap_memory_from_gpu_args unmap = {
		.handle = handle,
		.device_ids_array_ptr = (uintptr_t)&gpu->gpu_id,
		.n_devices = 1,
	};
	struct kfd_ioctl_free_memory_of_gpu_args release = { .handle = handle };
	int ret = kfd_ioctl(gpu, AMDKFD_IOC_UNMAP_MEMORY_FROM_GPU, &unmap);
	int err = kfd_ioctl(gpu, AMDKFD_IOC_FREE_MEMORY_OF_GPU, &release);

	return ret ? ret : err;
}

int gpu_queue_alloc(struct gpu_queue *gpu, uint64_t size, char **memory)
{
	const uint32_t flags = KFD_IOC_ALLOC_MEM_FLAGS_GTT | KFD_IOC_ALLOC_MEM_FLAGS_COHERENT |
			       KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE;
	uint64_t offset = 0, handle;
	int ret;

	*memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*memory == MAP_FAILED)
		return -errno;
	ret = gpu_queue_map(gpu, (uintptr_t)*memory, size, flags, &offset, &handle);
	if (!ret && mmap(*memory, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, gpu->drm_fd,
			 offset) == MAP_FAILED)
		ret = -errno;
	return ret;
}

int gpu_queue_open(struct gpu_queue *gpu, const char *render_node)
{
	struct kfd_ioctl_create_queue_args args = {
		.ring_size = RING_SIZE,
		.queue_type = KFD_IOC_QUEUE_TYPE_SDMA,
		.queue_percentage = KFD_MAX_QUEUE_PERCENTAGE,
		.queue_priority = KFD_MAX_QUEUE_PRIORITY / 2,
	};
	char *control, *doorbells;
	int ret;

	*gpu = (struct gpu_queue){
		.kfd = open("/dev/kfd", O_RDWR | O_CLOEXEC),
		.drm_fd = open(render_node, O_RDWR | O_CLOEXEC),
	};
	if (gpu->kfd < 0 || gpu->drm_fd < 0 || acquire_vm(gpu))
		return -ENODEV;
	ret = gpu_queue_alloc(gpu, RING_SIZE, &gpu->ring);
	if (!ret)
		ret = gpu_queue_alloc(gpu, RING_SIZE, &control);
	if (ret)
		return ret;
	gpu->control = (volatile uint64_t *)control;
	args.ring_base_address = (uintptr_t)gpu->ring;
	args.read_pointer_address = (uintptr_t)&gpu->control[READ_POINTER];
	args.write_pointer_address = (uintptr_t)&gpu->control[WRITE_POINTER];
	args.gpu_id = gpu->gpu_id;
	ret = kfd_ioctl(gpu, AMDKFD_IOC_CREATE_QUEUE, &args);
	if (ret)
		return ret;
	doorbells = mmap(NULL, DOORBELL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, gpu->kfd,
			 args.doorbell_offset & ~(uint64_t)(DOORBELL_SIZE - 1));
	if (doorbells == MAP_FAILED)
		return -errno;
	gpu->doorbell = (volatile uint64_t *)(doorbells + args.doorbell_offset % DOORBELL_SIZE);
	return 0;
}

static void put(struct gpu_queue *gpu, const uint32_t *packet, unsigned int dwords)
{
	uint32_t *ring = (uint32_t *)gpu->ring;

	for (unsigned int i = 0; i < dwords; i++, gpu->put += sizeof(*packet))
		ring[gpu->put % RING_SIZE / sizeof(*packet)] = packet[i];
}

/* The last packet stores the fence. The ring has room for the packets of a copy of 128 MiB. */
int gpu_queue_copy(struct gpu_queue *gpu, uint64_t dst, uint64_t src, uint64_t size)
{
	const uint64_t fence = (uintptr_t)&gpu->control[FENCE];
	const struct timespec pause = { .tv_nsec = 1000000 };
	const uint32_t end[] = { SDMA_FENCE, fence, fence >> 32, ++gpu->copies };

	for (uint64_t at = 0, bytes; at < size; at += bytes) {
		bytes = size - at < MAX_COPY ? size - at : MAX_COPY;
		const uint32_t copy[] = { SDMA_COPY, bytes - 1,	      0, src + at, (src + at) >> 32,
					  dst + at,  (dst + at) >> 32 };

		put(gpu, copy, sizeof(copy) / sizeof(copy[0]));
	}
	put(gpu, end, sizeof(end) / sizeof(end[0]));
	/*
	 * The packets must be in memory before the write pointer, and the write pointer before the
	 * store to the doorbell.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	gpu->control[WRITE_POINTER] = gpu->put;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*gpu->doorbell = gpu->put;

	for (int ms = 0; (uint32_t)gpu->control[FENCE] != (uint32_t)gpu->copies; ms++) {
		if (ms == DEADLINE_MS)
			return -ETIME;
		nanosleep(&pause, NULL);
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return 0;
}

int gpu_queue_compare(struct gpu_queue *gpu, uint64_t va, const struct iovec *pieces,
		      unsigned int num_pieces)
{
	uint64_t size = 0, at = 0;
	int ret = 0;

	for (unsigned int i = 0; i < num_pieces; i++)
		size += pieces[i].iov_len;
	if (!gpu->seen)
		ret = gpu_queue_alloc(gpu, MAX_COMPARE, &gpu->seen);
	if (ret || size > MAX_COMPARE)
		return ret ? ret : -E2BIG;
	memset(gpu->seen, 0xa5, size);
	ret = gpu_queue_copy(gpu, (uintptr_t)gpu->seen, va, size);
	for (unsigned int i = 0; !ret && i < num_pieces; at += pieces[i++].iov_len)
		if (memcmp(gpu->seen + at, pieces[i].iov_base, pieces[i].iov_len))
			ret = -EIO;
	return ret;
}
