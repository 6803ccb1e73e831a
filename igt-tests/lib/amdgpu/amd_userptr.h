/* SPDX-License-Identifier: MIT */
/*
 * GEM userptr buffer objects that only KFD queues access: set-up, traffic and checks that the
 * userptr tests share.
 *
 * struct amd_userptr has all that a process needs for them: the open device, its queues, and memory
 * to copy from and to.  A failing assertion jumps out of the subtest, so the subtest cannot clean
 * up.  Therefore the struct lists the BOs and mappings that its functions make, and a fixture after
 * each subtest calls amd_userptr_cleanup(), which removes them.  The tables of
 * amd_userptr_fixture.h have that fixture.
 */
#ifndef AMD_USERPTR_H
#define AMD_USERPTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <amdgpu_drm.h>

#include "lib/amdgpu/amd_kfd.h"
#include "lib/amdgpu/amd_pattern.h"
#include "lib/igt_time.h"
#include "../../../lib/src/uapi.h"

/* The flags of a writable userptr whose memory the driver tracks for KFD's queues. */
#define AMD_USERPTR_TRACKED \
	(AMDGPU_GEM_USERPTR_HSA | AMDGPU_GEM_USERPTR_REGISTER | AMDGPU_GEM_USERPTR_VALIDATE)

#define AMD_USERPTR_RW (AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE)

/* The limit of each wait, long enough for emulated CPUs. */
#define AMD_USERPTR_WAIT_MS igt_patience(10000)

/*
 * Tests that expect KFD's error for a size above its limit try only sizes below this.  From this
 * size on amdgpu_userptr_check_ranges() returns another error, because the BO would have more than
 * U32_MAX pages (of 4 KiB).
 */
#define AMD_USERPTR_SIZE_END (1ull << 44)

/* The most bytes that one amd_userptr_gpu_*() call copies: the size of @in and of @out. */
#define AMD_USERPTR_STAGE (4u << 20)

/* The most BOs, and the most mappings, that a struct amd_userptr lists. */
#define AMD_USERPTR_MAX 16

struct amd_userptr_bo {
	uint32_t handle; /* 0: none */
	void *cpu;
	uint64_t size;
	uint64_t va; /* 0: not mapped on the GPU */
};

struct amd_userptr {
	int fd; /* render node */
	struct amd_kfd kfd;
	struct amd_kfd_smi smi;
	struct amd_kfd_queue queues[AMD_KFD_NUM_QUEUE_TYPES];
	bool have_queue[AMD_KFD_NUM_QUEUE_TYPES];
	struct amd_kfd_queue *queue; /* of @queues; the functions below use it */
	struct amd_kfd_mem in, out;  /* GTT that the GPU copies from and to */
	uint32_t syncobj;	     /* the kernel signals it when a page table update is done */
	bool supported;		     /* the answer of amd_userptr_supported() */
	/*
	 * Undoes those changes of the subtest that the journal (igt_undo.h) does not have.  For
	 * example, it releases a worker that the subtest holds.  NULL: there is nothing to undo.
	 */
	void (*undo)(struct amd_userptr *up);
	/* The BOs that amd_userptr_cleanup() closes, and the mappings that it unmaps. */
	struct amd_userptr_bo bos[AMD_USERPTR_MAX];
	struct {
		void *addr;
		size_t size;
	} maps[AMD_USERPTR_MAX];
};

/* Open KFD on the render node @fd and make a PM4 queue; fails the test when that is impossible. */
void amd_userptr_open(struct amd_userptr *up, int fd);
/* Like amd_userptr_open(), but without a queue; amd_userptr_use_queue() makes one. */
void amd_userptr_open_without_queue(struct amd_userptr *up, int fd);
/* Open KFD in a forked child, which needs descriptors of its own. */
void amd_userptr_open_in_child(struct amd_userptr *up, const struct amd_userptr *parent);
void amd_userptr_close(struct amd_userptr *up);
/*
 * Undo the changes of a subtest to the machine and call undo() once, then unmap and close its BOs
 * and mappings; keep the descriptors, and all queues but those with unfinished work.
 */
void amd_userptr_cleanup(struct amd_userptr *up);
/* Use a queue of @type from now on, and create it the first time; skips without SDMA engines. */
void amd_userptr_use_queue(struct amd_userptr *up, enum amd_kfd_queue_type type);
/* Does the kernel know AMDGPU_GEM_USERPTR_HSA?  The answer is also in up->supported. */
bool amd_userptr_supported(struct amd_userptr *up);

/* Map private anonymous memory without huge pages, filled with the pattern of @seed. */
uint32_t *amd_userptr_mmap(struct amd_userptr *up, size_t size, uint32_t seed);
/* List a mapping that the test has made, so that the clean-up unmaps it; returns @addr. */
void *amd_userptr_adopt(struct amd_userptr *up, void *addr, size_t size);
/* Unmap all or part of a mapping that @up lists. */
void amd_userptr_munmap(struct amd_userptr *up, void *addr, size_t size);
/*
 * Take a mapping that the test itself has unmapped off the list in @up.  The addresses may belong
 * to other memory now, which the clean-up must not unmap.
 */
void amd_userptr_disown(struct amd_userptr *up, const void *addr);

/*
 * Returns a size above KFD's limit for all its processes, which is nearly all memory of the
 * machine.  The size is a power of two.  Skips when it would not be below AMD_USERPTR_SIZE_END, or
 * when there is no debugfs, which shows the limit.
 */
uint64_t amd_userptr_size_above_limit(void);

int __amd_userptr_create(int fd, void *cpu, uint64_t size, uint32_t flags, uint32_t *handle);
/*
 * Call the VA ioctl for the GPU address @va, then wait until page tables and TLBs are up to date; 0
 * or -errno.
 */
int __amd_userptr_va(struct amd_userptr *up, uint32_t operation, uint32_t handle, uint64_t va,
		     uint64_t offset, uint64_t size, uint32_t flags);
/*
 * The second half of __amd_userptr_va(), for tests that call the VA ioctl with @up's syncobj
 * themselves.
 */
int __amd_userptr_wait_va(struct amd_userptr *up);
int __amd_userptr_close_handle(int fd, uint32_t handle);

/* List a BO that the test has made, so that the clean-up closes it. */
struct amd_userptr_bo *amd_userptr_adopt_bo(struct amd_userptr *up, uint32_t handle, void *cpu,
					    uint64_t size);
struct amd_userptr_bo *amd_userptr_create(struct amd_userptr *up, void *cpu, uint64_t size,
					  uint32_t flags);
/* Map the BO at a free GPU address, which always differs from the CPU address, or unmap it. */
void amd_userptr_map(struct amd_userptr *up, struct amd_userptr_bo *bo);
void amd_userptr_unmap(struct amd_userptr *up, struct amd_userptr_bo *bo);
/* Close the handle, whether the BO is mapped or not. */
void amd_userptr_destroy(struct amd_userptr *up, struct amd_userptr_bo *bo);
/* amd_userptr_mmap(), then create with AMD_USERPTR_TRACKED, then map: the usual start of a test. */
struct amd_userptr_bo *amd_userptr_tracked(struct amd_userptr *up, size_t size, uint32_t seed);

/* The GPU stores the pattern of @seed at @va; returns when the queue is done. */
void amd_userptr_gpu_fill(struct amd_userptr *up, uint64_t va, size_t size, uint32_t seed);
/*
 * The GPU reads [va, va + size). Every byte must be the pattern of @seed; for the second function
 * every byte must be zero.
 */
void amd_userptr_gpu_check(struct amd_userptr *up, uint64_t va, size_t size, uint32_t seed);
void amd_userptr_gpu_check_zero(struct amd_userptr *up, uint64_t va, size_t size);
/*
 * The GPU stores the pattern of @seed and the CPU reads it, then the CPU stores the pattern of
 * @seed + 1 and the GPU reads it. Asserts that each finds the pattern that the other stored.
 */
void amd_userptr_roundtrip(struct amd_userptr *up, struct amd_userptr_bo *bo, uint32_t seed);
/* Submit one store that may fault, without waiting; returns its sequence number. */
uint32_t amd_userptr_gpu_store(struct amd_userptr *up, uint64_t va, uint32_t value);
/* Assert that the queue runs: it copies from up->in to up->out, and touches no userptr. */
void amd_userptr_queue_alive(struct amd_userptr *up);

/* Returns the CPU address of a page of the BO. */
void *amd_userptr_page(struct amd_userptr_bo *bo, unsigned int page);
/* Drop all pages of the BO's memory by one MADV_DONTNEED, so the notifier runs once. */
void amd_userptr_dontneed(struct amd_userptr_bo *bo);

/*
 * Wait until the queues run again, and assert that since amd_kfd_smi_mark() KFD has evicted them
 * @evictions times (0: once or more), each time because of a userptr, and has restored them as
 * often.
 */
void amd_userptr_expect_evictions(struct amd_userptr *up, unsigned int evictions);
void amd_userptr_expect_no_eviction(struct amd_userptr *up);
/* Are the queues evicted now?  If so, the restore worker has not finished. */
bool amd_userptr_queues_evicted(struct amd_userptr *up);

/* Wait for a GPU page fault in [va, va + size).  Make @fault_event before the access. */
void amd_userptr_expect_fault(struct amd_userptr *up, uint32_t fault_event, uint64_t va,
			      uint64_t size);

#endif
