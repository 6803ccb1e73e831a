// SPDX-License-Identifier: MIT
/*
 * The memory of a userptr is also a fixed buffer of io_uring, which pins its pages for a long
 * time.  The kernel, the GPU and the CPU read and write the memory, before and after a fork.  In
 * other subtests a direct read of a file into the memory is in flight during the fork.  The guest
 * has no liburing, so this file makes the system calls itself (io_uring(7)).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/io_uring.h>

#include "igt.h"

#include "lib/igt_fuse.h"
#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_task.h"

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

/* Let the kernel begin to read a file into the buffer, or to write the buffer to a file. */
static void begin_transfer(struct ring *ring, uint8_t opcode, int file, uint64_t offset, void *cpu,
			   size_t size)
{
	uint32_t *tail = sq_field(ring, ring->params.sq_off.tail);
	const uint32_t index = *tail & *sq_field(ring, ring->params.sq_off.ring_mask);

	ring->sqes[index] = (struct io_uring_sqe){
		.opcode = opcode,
		.fd = file,
		.off = offset,
		.addr = (uintptr_t)cpu,
		.len = size,
		/*
		 * A worker of io_uring makes the transfer, so that the call below returns at once.
		 */
		.flags = IOSQE_ASYNC,
	};
	sq_field(ring, ring->params.sq_off.array)[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	igt_assert_eq(syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0), 1);
}

/* Wait until the transfer has ended; returns the number of bytes or -errno. */
static int end_transfer(struct ring *ring)
{
	uint32_t *head = cq_field(ring, ring->params.cq_off.head);
	struct io_uring_cqe *cqes = (void *)cq_field(ring, ring->params.cq_off.cqes);
	int done;

	igt_assert_lte(0, syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL,
				  0));
	done = cqes[*head & *cq_field(ring, ring->params.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return done;
}

static int transfer(struct ring *ring, uint8_t opcode, int file, void *cpu, size_t size)
{
	begin_transfer(ring, opcode, file, 0, cpu, size);
	return end_transfer(ring);
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
	 * Each attempt evicts the queues, and KFD drops the SMI events that do not fit into 8 KiB
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

/* ---- a read that is in flight during a fork ---- */

/* It is not on the stack, so that the clean-up can end the read after a failed assertion. */
static struct flight {
	struct igt_fuse fuse;
	struct igt_task task; /* a thread that reads by pread() */
	int file;	      /* the file of the FUSE server, for direct reads */
	void *cpu;
	uint64_t offset; /* where in the file the read begins */
} flight;

static int read_directly(void *data)
{
	const ssize_t len = pread(flight.file, flight.cpu, MIXED_SIZE, flight.offset);

	return len < 0 ? -errno : len;
}

/* Stop the server first: then the kernel fails the read, so the thread that reads can end. */
static void land(struct amd_userptr *up)
{
	igt_fuse_stop(&flight.fuse);
	igt_task_end(&flight.task);
	if (flight.file >= 0)
		close(flight.file);
}

static void board(struct amd_userptr *up)
{
	char path[64];
	int ret;

	flight = (struct flight){ .file = -1 };
	ret = __igt_fuse_start(&flight.fuse);
	igt_require_f(ret == 0, "no FUSE file: %s\n", strerror(-ret));
	up->undo = land;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", flight.fuse.file);
	flight.file = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	igt_assert_fd(flight.file);
	flight.offset = IGT_FUSE_NEXT;
}

/*
 * Fork, and store to the pages while the child has them, too.  The child shares the table of files,
 * because otherwise its exit would close the file of the FUSE server, and a close has to wait for
 * the server, which does not answer.
 */
static void fork_and_store(void *cpu, size_t size)
{
	const pid_t pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	int status;

	igt_assert_lte(0, pid);
	if (pid == 0) {
		for (;;)
			pause();
	}
	for (size_t at = 0; at < size; at += getpagesize()) {
		volatile char *page = (char *)cpu + at;

		*page = *page;
	}
	kill(pid, SIGKILL);
	igt_assert(igt_wait_pid(pid, &status, AMD_USERPTR_WAIT_MS));
}

/*
 * The kernel has pinned the pages of @bo to read zeros into them.  Fork and store to the pages.
 * The child must get copies, and this process must keep the pinned pages, because otherwise the
 * bytes of the file would arrive in pages that this process and the GPU do not have any more.
 */
static void fork_in_flight(struct amd_userptr *up, struct amd_userptr_bo *bo)
{
	const unsigned int pages = bo->size / getpagesize();
	uint64_t pfns[MIXED_SIZE / 4096];

	igt_assert_f(igt_fuse_asked(&flight.fuse, AMD_USERPTR_WAIT_MS), "the read did not begin\n");
	for (unsigned int i = 0; i < pages; i++)
		pfns[i] = igt_procfs_pfn((char *)bo->cpu + (size_t)i * getpagesize());
	amd_kfd_smi_mark(&up->smi);
	fork_and_store(bo->cpu, bo->size);
	amd_userptr_expect_evictions(up, 0);
	for (unsigned int i = 0; i < pages; i++)
		igt_assert_eq_u64(igt_procfs_pfn((char *)bo->cpu + (size_t)i * getpagesize()),
				  pfns[i]);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	igt_assert_f(igt_fuse_waits(&flight.fuse), "the read ended before the fork\n");
	igt_fuse_answer(&flight.fuse);
}

static void check_landed(struct amd_userptr *up, struct amd_userptr_bo *bo, int len)
{
	igt_assert_eq(len, bo->size);
	amd_pattern_check_zero(bo->cpu, bo->size, "read from the file");
	amd_userptr_gpu_check_zero(up, bo->va, bo->size);
	amd_userptr_roundtrip(up, bo, 2);
}

static void direct_fork(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo;

	board(up);
	bo = amd_userptr_tracked(up, MIXED_SIZE, 1);
	flight.cpu = bo->cpu;
	igt_task_make(&flight.task, read_directly, NULL);
	igt_task_let_go(&flight.task);
	fork_in_flight(up, bo);
	check_landed(up, bo, igt_task_end(&flight.task));
}

static void ring_fork(struct amd_userptr *up)
{
	uint32_t *cpu = amd_userptr_mmap(up, getpagesize(), 1);
	struct iovec unused = { cpu, getpagesize() };
	struct amd_userptr_bo *bo;
	struct ring ring;

	board(up);
	ring_open(&ring, &unused);
	bo = amd_userptr_tracked(up, MIXED_SIZE, 1);
	/* The memory is no fixed buffer here, so the kernel pins its pages for this read only. */
	begin_transfer(&ring, IORING_OP_READ, flight.file, flight.offset, bo->cpu, bo->size);
	fork_in_flight(up, bo);
	check_landed(up, bo, end_transfer(&ring));
	ring_close(&ring);
}

const struct amd_userptr_subtest amd_userptr_mixed_ring_subtests[] = {
	{ .name = "direct-read-fork",
	  .run = direct_fork,
	  .describe =
		  "A direct read that is in flight during a fork arrives where the GPU looks." },
	{ .name = "io-uring-read-fork",
	  .run = ring_fork,
	  .describe =
		  "A read of io_uring that is in flight during a fork arrives where the GPU looks." },
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
