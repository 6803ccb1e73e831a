/* SPDX-License-Identifier: MIT */
/*
 * vmm_register - how a virtual machine monitor (VMM) registers guest RAM for a GPU
 *
 * The VMM has guest RAM as slots, each a memfd that it has mapped. A driver in the guest asks for a
 * buffer: a list of guest-physical pieces, and the GPU address at which the guest wants to have
 * them one after the other. With AMDGPU_GEM_USERPTR_HSA in the kernel, the library maps the pieces
 * where they are. Without this flag the program works as renderers do today: it moves each piece to
 * one range of CPU addresses with mremap(), and registers that range as a userptr of KFD. main()
 * takes the part of the guest, and gpu_queue.c runs the GPU for it. Exit status 77: there is no
 * GPU, or the pages of the host are too large.
 *
 *	cc -D_GNU_SOURCE vmm_register.c gpu_queue.c $(pkg-config --cflags --libs amdgpu_userptr)
 *	./a.out [auto|library|mremap] [/dev/dri/renderD128]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kfd_ioctl.h>

#include <amdgpu_userptr.h>

#include "gpu_queue.h"

#define PAGE	   UINT64_C(4096)
#define MiB	   (UINT64_C(1) << 20)
#define MAX_PIECES 4096
#define ROM_PIECES 16

struct slot {
	uint64_t guest_addr, size;
	bool readonly; /* for the guest */
	int memfd;
	char *host; /* where the VMM has mapped the memfd */
};

struct buffer {
	uint64_t gpu_va, size;
	struct iovec iov[MAX_PIECES]; /* the pieces at their addresses in the VMM */
	struct slot *slot[MAX_PIECES];
	unsigned int num_pieces, num_handles;
	struct amdgpu_userptr_mapping *mapping; /* set by register_by_library() only */
	char *alias;				/* set by register_by_mremap() only */
	uint64_t handles[MAX_PIECES];
};

enum { LOW, HIGH, ROM, MODULE, NUM_SLOTS };
static struct slot slots[NUM_SLOTS] = {
	[LOW] = { .guest_addr = 0, .size = 16 * MiB },
	[HIGH] = { .guest_addr = 4096 * MiB, .size = 16 * MiB },
	[ROM] = { .guest_addr = 3584 * MiB, .size = MiB, .readonly = true },
	[MODULE] = { .guest_addr = 8192 * MiB, .size = 4 * MiB },
};
static struct buffer buffers[2];
static struct gpu_queue gpu;
static struct amdgpu_userptr_ctx *ctx;

static void check(int error, const char *what)
{
	if (!error)
		return;
	printf("vmm_register: %s: %s\n", what, strerror(abs(error)));
	exit(EXIT_FAILURE);
}

static void add_slot(struct slot *slot)
{
	slot->memfd = memfd_create("guest RAM", MFD_CLOEXEC);
	check(slot->memfd < 0 || ftruncate(slot->memfd, slot->size) ? errno : 0, "memfd");
	slot->host = mmap(NULL, slot->size, PROT_READ | PROT_WRITE, MAP_SHARED, slot->memfd, 0);
	check(slot->host == MAP_FAILED ? errno : 0, "map guest RAM");
	for (uint64_t at = 0; at < slot->size; at += PAGE)
		*(uint64_t *)(slot->host + at) = slot->guest_addr + at;
	if (slot->readonly)
		check(mprotect(slot->host, slot->size, PROT_READ) ? errno : 0, "mprotect");
}

/* A guest may name any address, so the VMM checks each piece. */
static void add_piece(struct buffer *buffer, uint64_t guest_addr, uint64_t size)
{
	const unsigned int i = buffer->num_pieces++;

	check(i < MAX_PIECES ? 0 : E2BIG, "too many pieces");
	for (struct slot *slot = slots; slot < slots + NUM_SLOTS; slot++) {
		const uint64_t at = guest_addr - slot->guest_addr;

		if (!slot->host || at >= slot->size || size > slot->size - at)
			continue;
		buffer->iov[i] = (struct iovec){ slot->host + at, size };
		buffer->slot[i] = slot;
		buffer->size += size;
		return;
	}
	check(EFAULT, "the guest names memory that it does not have");
}

/* Map by one call. The pieces stay where they are, each with its own permission for the GPU. */
static void register_by_library(struct buffer *buffer)
{
	struct amdgpu_userptr_range *ranges = calloc(buffer->num_pieces, sizeof(*ranges));
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.va_mode = AMDGPU_USERPTR_VA_FIXED,
		.fixed_va = buffer->gpu_va,
		.ranges = ranges,
		.num_ranges = buffer->num_pieces,
		.range_stride = sizeof(*ranges),
	};
	int ret;

	for (unsigned int i = 0; ranges && i < buffer->num_pieces; i++) {
		ranges[i].cpu_addr = (uintptr_t)buffer->iov[i].iov_base;
		ranges[i].size = buffer->iov[i].iov_len;
		if (buffer->slot[i]->readonly)
			ranges[i].flags = AMDGPU_USERPTR_RANGE_READONLY;
	}
	ret = amdgpu_userptr_map(ctx, &args, &buffer->mapping);
	check(ret, amdgpu_userptr_reason_text(args.failed_reason));
	free(ranges);
}

/*
 * MREMAP_DONTUNMAP leaves the slot as it is, because the memory is a shared file. Each piece costs
 * one of the process's 65530 mappings (vm.max_map_count). A userptr of KFD has one permission for
 * the GPU, and KFD needs memory that the CPU may write, even if the GPU may only read it.
 */
static void register_by_mremap(struct buffer *buffer)
{
	uint64_t run = 0, at = 0, host; /* @run: start of the pieces with the same permission */

	buffer->alias = mmap(NULL, buffer->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(buffer->alias == MAP_FAILED ? errno : 0, "reserve addresses");
	for (unsigned int i = 0; i < buffer->num_pieces; i++) {
		const size_t size = buffer->iov[i].iov_len;
		const bool readonly = buffer->slot[i]->readonly;
		uint32_t flags = readonly ? 0 : KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE;
		char *to = buffer->alias + at;

		if (mremap(buffer->iov[i].iov_base, size, size,
			   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == MAP_FAILED ||
		    mprotect(to, size, PROT_READ | PROT_WRITE))
			check(errno, "mremap");
		at += size;
		if (i + 1 < buffer->num_pieces && buffer->slot[i + 1]->readonly == readonly)
			continue;
		host = (uintptr_t)buffer->alias + run;
		check(gpu_queue_map(&gpu, buffer->gpu_va + run, at - run,
				    flags | KFD_IOC_ALLOC_MEM_FLAGS_USERPTR, &host,
				    &buffer->handles[buffer->num_handles++]),
		      "userptr of KFD");
		run = at;
	}
}

/* Afterwards the GPU cannot reach the memory through the buffer any more. */
static void unregister_buffer(struct buffer *buffer)
{
	check(amdgpu_userptr_unmap(buffer->mapping), "unmap");
	for (unsigned int i = 0; i < buffer->num_handles; i++)
		check(gpu_queue_unmap(&gpu, buffer->handles[i]), "free a userptr of KFD");
	if (buffer->alias)
		munmap(buffer->alias, buffer->size);
	memset(buffer, 0, sizeof(*buffer));
}

/*
 * A balloon, or free page reporting: the guest does not need the memory. The kernel takes it from
 * CPU and GPU. But pages of a registered buffer come back as zeros as soon as the driver updates
 * the GPU's page tables, so a VMM that wants to give the memory to others unregisters the buffer
 * first.
 */
static void discard(const struct slot *slot, uint64_t offset, uint64_t size)
{
	if (fallocate(slot->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size))
		check(errno, "punch a hole");
}

/* Unregister the buffers in the slot first, because the GPU faults on memory that is missing. */
static void remove_slot(struct slot *slot)
{
	for (struct buffer *buffer = buffers; buffer <= &buffers[1]; buffer++)
		for (unsigned int i = 0; i < buffer->num_pieces; i++)
			if (buffer->slot[i] == slot)
				unregister_buffer(buffer); /* the buffer has no pieces afterwards */
	check(munmap(slot->host, slot->size) || close(slot->memfd) ? errno : 0, "remove a slot");
	slot->host = NULL;
}

/* Check that the GPU reads the same bytes from the buffer as the CPU. */
static void check_gpu(const struct buffer *buffer, const char *when)
{
	check(gpu_queue_compare(&gpu, buffer->gpu_va, buffer->iov, buffer->num_pieces), when);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "auto";
	struct amdgpu_userptr_ctx_args args = { .size = sizeof(args), .num_devices = 1 };
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	void (*register_buffer)(struct buffer *) = register_by_library;
	char *window; /* GPU addresses from which only the guest chooses */

	if (gpu_queue_open(&gpu, argc > 2 ? argv[2] : "/dev/dri/renderD128")) {
		printf("vmm_register: no GPU with KFD\n");
		return 77;
	}
	args.fds = &gpu.drm_fd;
	check(amdgpu_userptr_ctx_create(&args, &ctx), "create a context");
	check(amdgpu_userptr_query_caps(ctx, &caps), "query the kernel");
	if (!strcmp(way, "mremap") || (caps.hsa_reason && strcmp(way, "library")))
		register_buffer = register_by_mremap;
	/* mremap() moves CPU pages. The library can have smaller units (see @granularity). */
	if ((register_buffer == register_by_mremap ? caps.page_size : caps.granularity) > PAGE) {
		printf("vmm_register: a page of the guest is only a part of one here\n");
		return 77;
	}
	for (int i = 0; i < NUM_SLOTS; i++)
		add_slot(&slots[i]);
	window = mmap(NULL, 64 * MiB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(window == MAP_FAILED ? errno : 0, "reserve GPU addresses");

	/* Every second page of two slots, in no order, and some firmware at the end. */
	buffers[0].gpu_va = (uintptr_t)window;
	for (unsigned int i = 0; i < MAX_PIECES - ROM_PIECES; i++)
		add_piece(&buffers[0], slots[i & 1].guest_addr + i / 2 * 1382 % 4096 * PAGE, PAGE);
	for (unsigned int i = 0; i < ROM_PIECES; i++)
		add_piece(&buffers[0], slots[ROM].guest_addr + i * 2 * PAGE, PAGE);
	register_buffer(&buffers[0]);
	check_gpu(&buffers[0], "the GPU reads guest RAM");

	/* A second buffer: whole megabytes. The GPU writes them to the first buffer. */
	buffers[1].gpu_va = (uintptr_t)window + 32 * MiB;
	for (unsigned int i = 0; i < 4; i++)
		add_piece(&buffers[1], slots[MODULE].guest_addr + (3 - i) * MiB, MiB);
	register_buffer(&buffers[1]);
	check(gpu_queue_copy(&gpu, buffers[0].gpu_va, buffers[1].gpu_va, MiB), "copy");
	check(memcmp(buffers[0].iov[0].iov_base, slots[MODULE].host + 3 * MiB, PAGE) ? EIO : 0,
	      "the CPU reads the GPU's stores");

	discard(&slots[LOW], 0, 4 * MiB);
	check_gpu(&buffers[0], "the GPU reads pages that the balloon has taken");
	check(*(uint64_t *)slots[LOW].host ? EIO : 0, "the balloon");
	memset(slots[LOW].host, 1, 4 * MiB);
	check_gpu(&buffers[0], "the GPU reads pages that the balloon has given back");

	remove_slot(&slots[MODULE]);
	check_gpu(&buffers[0], "the GPU reads the other slots");
	printf("vmm_register: %u pieces by %s\n", buffers[0].num_pieces,
	       buffers[0].mapping ? "the library" : "mremap and KFD");
	unregister_buffer(&buffers[0]);
	return amdgpu_userptr_ctx_destroy(ctx) ? EXIT_FAILURE : EXIT_SUCCESS;
}
