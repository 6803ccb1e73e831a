// SPDX-License-Identifier: MIT
/*
 * The memory of a userptr is also a fixed buffer of io_uring, so its pages are pinned for a long
 * time.  The kernel, the GPU and the CPU read and write the memory, before and after a fork.  The
 * guest has no liburing, so this file makes the system calls itself (io_uring(7)).
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/io_uring.h>

#include "igt.h"

#include "lib/igt_mm.h"

#include "amd_userptr_mixed.h"

enum { ENTRIES = 4 };

struct ring {
	int fd;
	struct io_uring_params params;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
	size_t sq_size, cq_size, sqes_size;
};

static uint32_t *sq_field(struct ring *ring, uint32_t offset)
{
	return (uint32_t *)(ring->sq + offset);
}

static uint32_t *cq_field(struct ring *ring, uint32_t offset)
{
	return (uint32_t *)(ring->cq + offset);
}

static void *map_ring(struct ring *ring, size_t size, uint64_t offset)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, offset);

	igt_assert(map != MAP_FAILED);
	return map;
}

static void ring_open(struct ring *ring, struct iovec *buffer)
{
	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(SYS_io_uring_setup, ENTRIES, &ring->params);
	igt_require_f(ring->fd >= 0, "no io_uring: %s\n", strerror(errno));
	ring->sq_size = ring->params.sq_off.array + ring->params.sq_entries * sizeof(uint32_t);
	ring->cq_size =
		ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->sqes_size = ring->params.sq_entries * sizeof(struct io_uring_sqe);
	ring->sq = map_ring(ring, ring->sq_size, IORING_OFF_SQ_RING);
	ring->cq = map_ring(ring, ring->cq_size, IORING_OFF_CQ_RING);
	ring->sqes = map_ring(ring, ring->sqes_size, IORING_OFF_SQES);
	igt_assert_eq(syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS, buffer, 1),
		      0);
}

static void ring_close(struct ring *ring)
{
	munmap(ring->sq, ring->sq_size);
	munmap(ring->cq, ring->cq_size);
	munmap(ring->sqes, ring->sqes_size);
	close(ring->fd);
}

/* Read or write between the buffer and the start of a file; returns the number of bytes. */
static int transfer(struct ring *ring, uint8_t opcode, int file, void *cpu, size_t size)
{
	uint32_t *tail = sq_field(ring, ring->params.sq_off.tail);
	const uint32_t index = *tail & *sq_field(ring, ring->params.sq_off.ring_mask);
	uint32_t *head = cq_field(ring, ring->params.cq_off.head);
	struct io_uring_cqe *cqes = (void *)cq_field(ring, ring->params.cq_off.cqes);
	int done;

	ring->sqes[index] = (struct io_uring_sqe){
		.opcode = opcode,
		.fd = file,
		.addr = (uintptr_t)cpu,
		.len = size,
	};
	sq_field(ring, ring->params.sq_off.array)[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	igt_assert_eq(syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0),
		      1);
	done = cqes[*head & *cq_field(ring, ring->params.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return done;
}

/*
 * The kernel reads the file into the memory, and the GPU reads the memory.  Then the GPU stores to
 * the memory, and the kernel writes it to the file.
 */
static void exchange(struct amd_userptr *up, struct ring *ring, struct amd_userptr_bo *bo, int file,
		     uint32_t seed)
{
	char bytes[MIXED_SIZE];

	amd_pattern_fill(bytes, sizeof(bytes), seed);
	igt_assert_eq(pwrite(file, bytes, sizeof(bytes), 0), sizeof(bytes));
	igt_assert_eq(transfer(ring, IORING_OP_READ_FIXED, file, bo->cpu, bo->size), bo->size);
	amd_userptr_gpu_check(up, bo->va, bo->size, seed);
	amd_userptr_gpu_fill(up, bo->va, bo->size, seed + 1);
	igt_assert_eq(transfer(ring, IORING_OP_WRITE_FIXED, file, bo->cpu, bo->size), bo->size);
	igt_assert_eq(pread(file, bytes, sizeof(bytes), 0), sizeof(bytes));
	amd_pattern_check(bytes, sizeof(bytes), seed + 1, "written to the file");
	amd_pattern_check(bo->cpu, bo->size, seed + 1, "written by the GPU");
}

static void fixed_buffer(struct amd_userptr *up, bool pinned_first)
{
	uint32_t *cpu = amd_userptr_mmap(up, MIXED_SIZE, 1);
	struct iovec buffer = { cpu, MIXED_SIZE };
	int file = memfd_create("amd_userptr", MFD_CLOEXEC);
	struct amd_userptr_bo *bo = NULL;
	struct ring ring;

	igt_assert_fd(file);
	if (pinned_first)
		ring_open(&ring, &buffer);
	bo = amd_userptr_create(up, cpu, MIXED_SIZE, AMD_USERPTR_TRACKED);
	amd_userptr_map(up, bo);
	if (!pinned_first)
		ring_open(&ring, &buffer);
	exchange(up, &ring, bo, file, 2);
	/* fork() copies pinned pages for the child at once, so this process keeps its pages. */
	igt_assert_eq(__igt_mm_fork_and_write(cpu, MIXED_SIZE), 0);
	mixed_settle(up);
	exchange(up, &ring, bo, file, 4);
	/*
	 * The kernel cannot move pinned pages.  Let it try, because an attempt must not leave the
	 * driver with wrong pages.
	 */
	madvise(cpu, MIXED_SIZE, MADV_PAGEOUT);
	__igt_mm_migrate(cpu, MIXED_SIZE, getpagesize());
	/*
	 * Each attempt evicts the queues, and KFD drops the events that do not fit into 8 KiB
	 * (kfd_smi_events.c:KFD_MAX_KFIFO_SIZE).  So do not count the evictions.
	 */
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_queue_alive(up);
	exchange(up, &ring, bo, file, 6);
	ring_close(&ring);
	amd_userptr_roundtrip(up, bo, 8);
	close(file);
}

static void fixed_first(struct amd_userptr *up)
{
	fixed_buffer(up, true);
}

static void fixed_last(struct amd_userptr *up)
{
	fixed_buffer(up, false);
}

const struct amd_userptr_subtest amd_userptr_mixed_ring_subtests[] = {
	{ .name = "io-uring",
	  .run = fixed_first,
	  .describe =
		  "A fixed buffer of io_uring that becomes a userptr works before and after a fork." },
	{ .name = "io-uring-later",
	  .run = fixed_last,
	  .describe =
		  "A userptr that becomes a fixed buffer of io_uring works before and after a fork." },
};
const unsigned int amd_userptr_num_mixed_ring_subtests =
	ARRAY_LENGTH(amd_userptr_mixed_ring_subtests);
