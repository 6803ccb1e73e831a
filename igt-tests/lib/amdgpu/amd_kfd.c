// SPDX-License-Identifier: MIT
/* KFD's device, topology and memory.  Kernel references are to Linux 7.3. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/amdgpu/amd_kfd.h"

#define KFD_TOPOLOGY "/sys/class/kfd/kfd/topology/nodes"

/*
 * More nodes than any topology has. The numbers of nodes in sysfs have no gaps, so a search ends at
 * the first one that is missing.
 */
#define KFD_MAX_NODES 256

#define HUGE_PAGE (2ull << 20)

/*
 * From VA_GAP on the GPU's address space has a gap.  If mmap() returns an address there,
 * reserve_below_gap() tries up to VA_ATTEMPTS others, from VA_FIRST on.
 */
#define VA_GAP	 (1ull << 47)
#define VA_FIRST (1ull << 40)
#define VA_STEP	 (2ull << 20)
enum { VA_ATTEMPTS = 4096 };

/* The first 64 minors of render nodes (drivers/gpu/drm/drm_drv.c). */
#define RENDER_MINOR_FIRST 128
#define RENDER_MINOR_LAST  191

static int kfd_ioctl(int fd, unsigned long request, void *args)
{
	int ret;

	do {
		ret = ioctl(fd, request, args);
	} while (ret && (errno == EINTR || errno == EAGAIN));

	return ret ? -errno : 0;
}

static uint64_t page_align(uint64_t size)
{
	uint64_t page = sysconf(_SC_PAGESIZE);

	return (size + page - 1) & ~(page - 1);
}

static int read_properties(unsigned int index, struct amd_kfd_node *node)
{
	const struct {
		const char *name;
		uint32_t *value;
	} wanted[] = {
		{ "drm_render_minor", &node->drm_render_minor },
		{ "gfx_target_version", &node->gfx_target_version },
		{ "simd_count", &node->simd_count },
		{ "simd_per_cu", &node->simd_per_cu },
		{ "array_count", &node->array_count },
		{ "simd_arrays_per_engine", &node->simd_arrays_per_engine },
		{ "num_xcc", &node->num_xcc },
		{ "num_sdma_engines", &node->num_sdma_engines },
		{ "num_sdma_queues_per_engine", &node->num_sdma_queues_per_engine },
		{ "cwsr_size", &node->cwsr_size },
		{ "ctl_stack_size", &node->ctl_stack_size },
	};
	unsigned long long value;
	char path[PATH_MAX], name[64];
	FILE *file;

	snprintf(path, sizeof(path), KFD_TOPOLOGY "/%u/properties", index);
	file = fopen(path, "r");
	if (!file)
		return -errno;

	while (fscanf(file, "%63s %llu", name, &value) == 2) {
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			if (!strcmp(name, wanted[i].name))
				*wanted[i].value = value;
		}
	}
	fclose(file);
	return 0;
}

static int read_node(unsigned int index, struct amd_kfd_node *node)
{
	char path[PATH_MAX];
	FILE *file;
	int ret;

	memset(node, 0, sizeof(*node));
	node->index = index;
	snprintf(path, sizeof(path), KFD_TOPOLOGY "/%u/gpu_id", index);
	file = fopen(path, "r");
	if (!file)
		return -errno;
	/* The file is empty when the device cgroup forbids the GPU to the process. */
	ret = fscanf(file, "%u", &node->gpu_id) == 1 ? 0 : -EPERM;
	fclose(file);
	if (!ret)
		ret = read_properties(index, node);
	return ret;
}

/* Find the first GPU whose render minor is @render_minor, or, without @equal, is another one. */
static int find_node(unsigned int render_minor, bool equal, struct amd_kfd_node *node)
{
	for (unsigned int i = 0; i < KFD_MAX_NODES; i++) {
		int ret = read_node(i, node);

		if (ret == -ENOENT)
			break;
		/* CPU nodes have a gpu_id of 0. */
		if (ret || !node->gpu_id || (node->drm_render_minor == render_minor) != equal)
			continue;
		/*
		 * Kernels before 6.19 do not show the size of the save area, unless a stable update
		 * has brought the upstream commit 8fc2796dea6f.
		 */
		if (!node->cwsr_size || !node->simd_per_cu || !node->num_xcc ||
		    !node->simd_arrays_per_engine)
			return -EOPNOTSUPP;
		amd_kfd_node_sizes(node);
		return 0;
	}
	return -ENODEV;
}

int __amd_kfd_find_node(unsigned int render_minor, struct amd_kfd_node *node)
{
	return find_node(render_minor, true, node);
}

int __amd_kfd_find_other_node(unsigned int render_minor, struct amd_kfd_node *node)
{
	return find_node(render_minor, false, node);
}

int __amd_kfd_open_novm(struct amd_kfd *kfd, int drm_fd)
{
	struct stat st;
	int ret;

	memset(kfd, 0, sizeof(*kfd));
	kfd->fd = -1;
	if (fstat(drm_fd, &st))
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	ret = __amd_kfd_find_node(minor(st.st_rdev), &kfd->node);
	if (ret)
		return ret;

	ret = __amd_pkt_ip_version(drm_fd, false, &kfd->gc_version);
	if (!ret)
		ret = __amd_pkt_ip_version(drm_fd, true, &kfd->sdma_version);
	if (ret)
		return ret;

	kfd->fd = open("/dev/kfd", O_RDWR | O_CLOEXEC);
	if (kfd->fd < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	kfd->drm_fd = drm_fd;
	kfd->pid = getpid();
	return 0;
}

static int open_path_novm(struct amd_kfd *kfd, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = __amd_kfd_open_novm(kfd, fd);
	if (ret)
		close(fd);
	return ret;
}

int __amd_kfd_open_render_novm(struct amd_kfd *kfd, const char *path)
{
	char name[sizeof("/dev/dri/renderD000")];
	int ret = -ENODEV;

	memset(kfd, 0, sizeof(*kfd));
	kfd->fd = -1;
	if (path)
		return open_path_novm(kfd, path);
	for (int minor = RENDER_MINOR_FIRST; ret && minor <= RENDER_MINOR_LAST; minor++) {
		snprintf(name, sizeof(name), "/dev/dri/renderD%d", minor);
		ret = open_path_novm(kfd, name);
	}
	return ret ? -ENODEV : 0;
}

int __amd_kfd_acquire_vm(struct amd_kfd *kfd)
{
	struct kfd_ioctl_acquire_vm_args args = {
		.drm_fd = kfd->drm_fd,
		.gpu_id = kfd->node.gpu_id,
	};

	return kfd_ioctl(kfd->fd, AMDKFD_IOC_ACQUIRE_VM, &args);
}

int __amd_kfd_open(struct amd_kfd *kfd, int drm_fd)
{
	int ret = __amd_kfd_open_novm(kfd, drm_fd);

	if (ret)
		return ret;
	ret = __amd_kfd_acquire_vm(kfd);
	if (ret)
		amd_kfd_close(kfd);
	return ret;
}

int __amd_kfd_gpu_clock(struct amd_kfd *kfd, uint64_t *clock)
{
	struct kfd_ioctl_get_clock_counters_args args = { .gpu_id = kfd->node.gpu_id };
	int ret = kfd_ioctl(kfd->fd, AMDKFD_IOC_GET_CLOCK_COUNTERS, &args);

	*clock = args.gpu_clock_counter;
	return ret;
}

int __amd_kfd_alloc_memory(struct amd_kfd *kfd, uint64_t va, uint64_t size, uint32_t flags,
			   uint64_t *mmap_offset, uint64_t *handle)
{
	struct kfd_ioctl_alloc_memory_of_gpu_args args = {
		.va_addr = va,
		.size = size,
		.mmap_offset = mmap_offset ? *mmap_offset : 0,
		.gpu_id = kfd->node.gpu_id,
		.flags = flags,
	};
	int ret = kfd_ioctl(kfd->fd, AMDKFD_IOC_ALLOC_MEMORY_OF_GPU, &args);

	if (ret)
		return ret;
	if (mmap_offset)
		*mmap_offset = args.mmap_offset;
	*handle = args.handle;
	return 0;
}

int __amd_kfd_svm_attribute(struct amd_kfd *kfd, void *cpu, size_t size, uint32_t type,
			    uint32_t value)
{
	union {
		struct kfd_ioctl_svm_args args;
		char bytes[sizeof(struct kfd_ioctl_svm_args) +
			   sizeof(struct kfd_ioctl_svm_attribute)];
	} svm = {
		.args = {
			.start_addr = (uintptr_t)cpu,
			.size = size,
			.op = KFD_IOCTL_SVM_OP_SET_ATTR,
			.nattr = 1,
		},
	};

	svm.args.attrs[0].type = type;
	svm.args.attrs[0].value = value;
	/*
	 * The kernel takes the size of the arguments from the ioctl number, so add the size of the
	 * attribute to the number.
	 */
	return kfd_ioctl(kfd->fd,
			 AMDKFD_IOC_SVM +
				 (sizeof(struct kfd_ioctl_svm_attribute) << _IOC_SIZESHIFT),
			 &svm);
}

int __amd_kfd_svm_access(struct amd_kfd *kfd, void *cpu, size_t size)
{
	return __amd_kfd_svm_attribute(kfd, cpu, size, KFD_IOCTL_SVM_ATTR_ACCESS_IN_PLACE,
				       kfd->node.gpu_id);
}

int __amd_kfd_free_memory(struct amd_kfd *kfd, uint64_t handle)
{
	struct kfd_ioctl_free_memory_of_gpu_args args = { .handle = handle };

	return kfd_ioctl(kfd->fd, AMDKFD_IOC_FREE_MEMORY_OF_GPU, &args);
}

int __amd_kfd_map_memory(struct amd_kfd *kfd, uint64_t handle)
{
	struct kfd_ioctl_map_memory_to_gpu_args args = {
		.handle = handle,
		.device_ids_array_ptr = (uintptr_t)&kfd->node.gpu_id,
		.n_devices = 1,
	};

	return kfd_ioctl(kfd->fd, AMDKFD_IOC_MAP_MEMORY_TO_GPU, &args);
}

int __amd_kfd_unmap_memory(struct amd_kfd *kfd, uint64_t handle)
{
	struct kfd_ioctl_unmap_memory_from_gpu_args args = {
		.handle = handle,
		.device_ids_array_ptr = (uintptr_t)&kfd->node.gpu_id,
		.n_devices = 1,
	};

	return kfd_ioctl(kfd->fd, AMDKFD_IOC_UNMAP_MEMORY_FROM_GPU, &args);
}

/*
 * Reserve addresses at @hint if they are free, or anywhere if @hint is 0.  Returns the start, or 0
 * if there are none.
 */
static uint64_t reserve_at(uint64_t hint, uint64_t size)
{
	void *start =
		mmap((void *)(uintptr_t)hint, size, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (hint ? MAP_FIXED_NOREPLACE : 0),
		     -1, 0);

	return start == MAP_FAILED ? 0 : (uintptr_t)start;
}

/*
 * Reserve CPU addresses that are addresses of the GPU, too.  gfx9 and later have a gap from 2^47 on
 * (amdgpu_vm.h:AMDGPU_GMC_HOLE_START), but on arm64 mmap() first gives out addresses just below
 * 2^48.  If mmap() does so, try addresses from VA_FIRST on.  Each call begins behind the addresses
 * that the call before has tried.
 */
static uint64_t reserve_below_gap(uint64_t size)
{
	static _Atomic uint64_t next = VA_FIRST;
	uint64_t start = reserve_at(0, size);

	if (!start || start + size <= VA_GAP)
		return start;
	munmap((void *)(uintptr_t)start, size);
	for (unsigned int i = 0; i < VA_ATTEMPTS; i++) {
		uint64_t at = next, step = (size + VA_STEP - 1) & ~(VA_STEP - 1);
		uint64_t behind = at + step + size > VA_GAP ? VA_FIRST : at + step;

		if (!atomic_compare_exchange_weak(&next, &at, behind) || at + size > VA_GAP)
			continue;
		start = reserve_at(at, size);
		if (start)
			return start;
	}
	return 0;
}

uint64_t amd_kfd_va_reserve(uint64_t size, uint64_t align)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	uint64_t start, va;

	if (align < page)
		align = page;
	size = page_align(size);
	start = reserve_below_gap(size + align);
	if (!start)
		return 0;

	va = (start + align - 1) & ~(align - 1);
	if (va > start)
		munmap((void *)(uintptr_t)start, va - start);
	munmap((void *)(uintptr_t)(va + size), start + align - va);
	return va;
}

void amd_kfd_va_release(uint64_t va, uint64_t size)
{
	munmap((void *)(uintptr_t)va, page_align(size));
}

static int alloc_and_map(struct amd_kfd *kfd, uint32_t flags, uint64_t *mmap_offset,
			 struct amd_kfd_mem *mem)
{
	int ret;

	ret = __amd_kfd_alloc_memory(kfd, mem->va, mem->size,
				     flags | KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE |
					     KFD_IOC_ALLOC_MEM_FLAGS_EXECUTABLE,
				     mmap_offset, &mem->handle);
	if (ret)
		return ret;
	ret = __amd_kfd_map_memory(kfd, mem->handle);
	if (ret)
		__amd_kfd_free_memory(kfd, mem->handle);
	return ret;
}

static int alloc_reserved(struct amd_kfd *kfd, uint64_t size, uint32_t flags, uint64_t *mmap_offset,
			  struct amd_kfd_mem *mem)
{
	int ret;

	memset(mem, 0, sizeof(*mem));
	mem->size = page_align(size);
	/* Align as ROCm does, so that one page directory entry can map a huge page. */
	mem->va = amd_kfd_va_reserve(mem->size, mem->size >= HUGE_PAGE ? HUGE_PAGE : 0);
	if (!mem->va)
		return -ENOMEM;
	mem->reserved = true;

	ret = alloc_and_map(kfd, flags, mmap_offset, mem);
	if (ret) {
		amd_kfd_va_release(mem->va, mem->size);
		/* A clean-up frees each struct that has a size. */
		memset(mem, 0, sizeof(*mem));
	}
	return ret;
}

/* Allocate memory that the CPU finds at the GPU's address. */
static int alloc_for_cpu(struct amd_kfd *kfd, uint64_t size, uint32_t flags,
			 struct amd_kfd_mem *mem)
{
	uint64_t mmap_offset = 0;
	void *cpu;
	int ret;

	ret = alloc_reserved(kfd, size, flags, &mmap_offset, mem);
	if (ret)
		return ret;

	cpu = mmap((void *)(uintptr_t)mem->va, mem->size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, kfd->drm_fd, mmap_offset);
	if (cpu == MAP_FAILED || madvise(cpu, mem->size, MADV_DONTFORK)) {
		ret = -errno;
		__amd_kfd_free(kfd, mem);
		return ret;
	}
	mem->cpu = cpu;
	return 0;
}

int __amd_kfd_alloc_gtt(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem)
{
	return alloc_for_cpu(kfd, size,
			     KFD_IOC_ALLOC_MEM_FLAGS_GTT | KFD_IOC_ALLOC_MEM_FLAGS_COHERENT, mem);
}

int __amd_kfd_alloc_cached_gtt(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem)
{
	return alloc_for_cpu(kfd, size, KFD_IOC_ALLOC_MEM_FLAGS_GTT, mem);
}

int __amd_kfd_alloc_vram(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem)
{
	return alloc_reserved(kfd, size, KFD_IOC_ALLOC_MEM_FLAGS_VRAM, NULL, mem);
}

int __amd_kfd_alloc_visible_vram(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem)
{
	return alloc_for_cpu(kfd, size,
			     KFD_IOC_ALLOC_MEM_FLAGS_VRAM | KFD_IOC_ALLOC_MEM_FLAGS_PUBLIC, mem);
}

int __amd_kfd_register(struct amd_kfd *kfd, void *ptr, uint64_t size, uint64_t va,
		       struct amd_kfd_mem *mem)
{
	uint64_t user_addr = (uintptr_t)ptr;

	int ret;

	memset(mem, 0, sizeof(*mem));
	mem->va = va ? va : user_addr;
	mem->size = page_align(size);
	mem->cpu = ptr;
	if (!va && mem->va + mem->size > VA_GAP) {
		mem->va = amd_kfd_va_reserve(mem->size, mem->size >= HUGE_PAGE ? HUGE_PAGE : 0);
		if (!mem->va)
			return -ENOMEM;
		mem->reserved = true;
	}
	ret = alloc_and_map(kfd, KFD_IOC_ALLOC_MEM_FLAGS_USERPTR | KFD_IOC_ALLOC_MEM_FLAGS_COHERENT,
			    &user_addr, mem);
	if (ret && mem->reserved) {
		amd_kfd_va_release(mem->va, mem->size);
		mem->reserved = false;
	}
	return ret;
}

int __amd_kfd_free(struct amd_kfd *kfd, struct amd_kfd_mem *mem)
{
	int ret, err;

	if (!mem->size)
		return 0;
	ret = __amd_kfd_unmap_memory(kfd, mem->handle);
	err = __amd_kfd_free_memory(kfd, mem->handle);
	if (!ret)
		ret = err;
	if (mem->reserved)
		amd_kfd_va_release(mem->va, mem->size);
	memset(mem, 0, sizeof(*mem));
	return ret;
}

int __amd_kfd_fault_event_create(struct amd_kfd *kfd, uint32_t *event_id)
{
	struct kfd_ioctl_create_event_args args = {
		.event_type = KFD_IOC_EVENT_MEMORY,
		.auto_reset = 1,
		.node_id = kfd->node.index,
	};
	int ret = kfd_ioctl(kfd->fd, AMDKFD_IOC_CREATE_EVENT, &args);

	if (!ret)
		*event_id = args.event_id;
	return ret;
}

int __amd_kfd_fault_event_wait(struct amd_kfd *kfd, uint32_t event_id, unsigned int timeout_ms,
			       struct kfd_hsa_memory_exception_data *fault)
{
	struct kfd_event_data data = { .event_id = event_id };
	struct kfd_ioctl_wait_events_args args = {
		.events_ptr = (uintptr_t)&data,
		.num_events = 1,
		.wait_for_all = 1,
		/*
		 * When a signal interrupts the ioctl, the kernel stores the time that is left here.
		 * So if kfd_ioctl() repeats the ioctl, all its waits together are no longer than
		 * @timeout_ms.
		 */
		.timeout = timeout_ms,
	};
	int ret = kfd_ioctl(kfd->fd, AMDKFD_IOC_WAIT_EVENTS, &args);

	if (ret)
		return ret;
	if (args.wait_result == KFD_IOC_WAIT_RESULT_TIMEOUT)
		return -ETIME;
	*fault = data.memory_exception_data;
	return 0;
}

int __amd_kfd_fault_event_destroy(struct amd_kfd *kfd, uint32_t event_id)
{
	struct kfd_ioctl_destroy_event_args args = { .event_id = event_id };

	return kfd_ioctl(kfd->fd, AMDKFD_IOC_DESTROY_EVENT, &args);
}
