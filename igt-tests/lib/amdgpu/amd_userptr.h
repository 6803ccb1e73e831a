/* SPDX-License-Identifier: MIT */
/*
 * GEM userptr buffer objects that only KFD queues access: set-up, traffic and
 * checks shared by the userptr tests.
 *
 * A context holds what one process needs; a failing subtest leaves by a jump,
 * so everything made through a context is remembered there and taken down by
 * amd_userptr_cleanup(), which belongs into a fixture after each subtest.
 */
#ifndef AMD_USERPTR_H
#define AMD_USERPTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <amdgpu_drm.h>

#include "lib/amdgpu/amd_kfd.h"
#include "lib/amdgpu/amd_kfd_time.h"
#include "../../../lib/src/uapi.h"

/* The flags of a tracked, writable userptr. */
#define AMD_USERPTR_TRACKED \
	(AMDGPU_GEM_USERPTR_HSA | AMDGPU_GEM_USERPTR_REGISTER | AMDGPU_GEM_USERPTR_VALIDATE)

#define AMD_USERPTR_RW (AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE)

/* Limit of every single wait: generous, for emulated CPUs. */
#define AMD_USERPTR_WAIT_MS amd_kfd_patience(10000)

/* Most bytes one amd_userptr_gpu_*() call moves. */
#define AMD_USERPTR_STAGE (4u << 20)

#define AMD_USERPTR_MAX 16

struct amd_userptr_bo {
	uint32_t handle;		/* 0: none */
	void *cpu;
	uint64_t size;
	uint64_t va;			/* 0: not mapped on the GPU */
};

struct amd_userptr {
	int fd;				/* render node */
	struct amd_kfd kfd;
	struct amd_kfd_smi smi;
	struct amd_kfd_queue queues[AMD_KFD_NUM_QUEUE_TYPES];
	bool have_queue[AMD_KFD_NUM_QUEUE_TYPES];
	struct amd_kfd_queue *queue;	/* that the traffic below uses */
	struct amd_kfd_mem in, out;	/* GTT the GPU copies from and to */
	uint32_t syncobj;		/* page table updates */
	bool supported;			/* set by amd_userptr_supported() */
	struct amd_userptr_bo bos[AMD_USERPTR_MAX];
	struct {
		void *addr;
		size_t size;
	} maps[AMD_USERPTR_MAX];
};

/* All of it for the calling process on the render node @fd, or a failed assertion. */
void amd_userptr_open(struct amd_userptr *up, int fd);
/* The same in a forked child, on its own descriptors. */
void amd_userptr_open_in_child(struct amd_userptr *up, const struct amd_userptr *parent);
void amd_userptr_close(struct amd_userptr *up);
/* Unmap and close what a subtest left; keeps queues and descriptors. */
void amd_userptr_cleanup(struct amd_userptr *up);
/* Choose, and create at first use, the queue for what follows; skips without SDMA. */
void amd_userptr_use_queue(struct amd_userptr *up, enum amd_kfd_queue_type type);
/* Ask, and remember, whether the kernel knows AMDGPU_GEM_USERPTR_HSA. */
bool amd_userptr_supported(struct amd_userptr *up);

/* Private anonymous memory without huge pages, filled with the pattern of @seed. */
uint32_t *amd_userptr_mmap(struct amd_userptr *up, size_t size, uint32_t seed);
/* Remember any other mapping for the clean-up; returns @addr. */
void *amd_userptr_adopt(struct amd_userptr *up, void *addr, size_t size);
/* munmap all or part of a remembered mapping. */
void amd_userptr_munmap(struct amd_userptr *up, void *addr, size_t size);

int __amd_userptr_create(int fd, void *cpu, uint64_t size, uint32_t flags, uint32_t *handle);
/* GEM_VA at a given address, then wait until the page tables (and TLBs) are updated. */
int __amd_userptr_va(struct amd_userptr *up, uint32_t operation, uint32_t handle,
		     uint64_t va, uint64_t offset, uint64_t size, uint32_t flags);
int __amd_userptr_close_handle(int fd, uint32_t handle);

/* Remember a BO that was made otherwise for the clean-up. */
struct amd_userptr_bo *amd_userptr_adopt_bo(struct amd_userptr *up, uint32_t handle, void *cpu,
					    uint64_t size);
struct amd_userptr_bo *amd_userptr_create(struct amd_userptr *up, void *cpu, uint64_t size,
					  uint32_t flags);
/* Map at a fresh GPU address, which is never the CPU's; unmap. */
void amd_userptr_map(struct amd_userptr *up, struct amd_userptr_bo *bo);
void amd_userptr_unmap(struct amd_userptr *up, struct amd_userptr_bo *bo);
/* Close the handle as it is, mapped or not. */
void amd_userptr_destroy(struct amd_userptr *up, struct amd_userptr_bo *bo);
/* amd_userptr_mmap() + create + map with AMD_USERPTR_TRACKED. */
struct amd_userptr_bo *amd_userptr_tracked(struct amd_userptr *up, size_t size, uint32_t seed);

/* A dword of the pattern of @seed. */
uint32_t amd_userptr_pattern(uint32_t seed, size_t index);
void amd_userptr_fill(void *cpu, size_t size, uint32_t seed);
/* Every byte in [cpu, cpu + size) must be the pattern; @who names the reader or writer. */
void amd_userptr_check(const void *cpu, size_t size, uint32_t seed, const char *who);
void amd_userptr_check_zero(const void *cpu, size_t size, const char *who);

/* The GPU stores the pattern at @va; returns when it is done. */
void amd_userptr_gpu_fill(struct amd_userptr *up, uint64_t va, size_t size, uint32_t seed);
/* The GPU reads [va, va + size); every byte must be the pattern, or zero. */
void amd_userptr_gpu_check(struct amd_userptr *up, uint64_t va, size_t size, uint32_t seed);
void amd_userptr_gpu_check_zero(struct amd_userptr *up, uint64_t va, size_t size);
/* Both directions through @bo's mapping: GPU stores, CPU reads, CPU stores, GPU reads. */
void amd_userptr_roundtrip(struct amd_userptr *up, struct amd_userptr_bo *bo, uint32_t seed);
/* An access that may fault: no waiting. */
uint32_t amd_userptr_gpu_store(struct amd_userptr *up, uint64_t va, uint32_t value);
/* The queue executes packets that touch nothing under test. */
void amd_userptr_queue_alive(struct amd_userptr *up);

void *amd_userptr_page(struct amd_userptr_bo *bo, unsigned int page);
/* Put another page at the address, with the same content, in one call and with another frame. */
void amd_userptr_change_page(void *addr);
/* Drop all pages of the BO's memory. */
void amd_userptr_dontneed(struct amd_userptr_bo *bo);

/*
 * Events since amd_kfd_smi_mark(): queues were stopped for userptrs, for
 * nothing else, and restarted as often.  @stops 0 means "once or more".
 */
void amd_userptr_expect_stops(struct amd_userptr *up, unsigned int stops);
void amd_userptr_expect_no_stop(struct amd_userptr *up);
/* Are the queues stopped at this moment?  Then something invalid was not restored yet. */
bool amd_userptr_stopped(struct amd_userptr *up);

/* Wait for a page fault of the GPU in [va, va + size). */
void amd_userptr_expect_fault(struct amd_userptr *up, uint32_t fault_event, uint64_t va,
			      uint64_t size);
/* What DRM_IOCTL_AMDGPU_INFO has to say. */
void amd_userptr_info(struct amd_userptr *up, uint32_t query, void *result, uint32_t size);
/* Keep the runner from counting the kernel's report of wanted faults as a problem. */
void amd_userptr_ignore_fault_log(void);
/* What KFD counts of this machine's memory, as text (kfd_debugfs.c); skips without debugfs. */
void amd_userptr_read_mem_limit(char *text, size_t size);

/* Opened by one process, waited for by another, with a deadline. */
struct amd_userptr_gate {
	int fd[2];
};

void amd_userptr_gate_init(struct amd_userptr_gate *gate);
void amd_userptr_gate_open(struct amd_userptr_gate *gate);
bool amd_userptr_gate_is_open(struct amd_userptr_gate *gate, int timeout_ms);
/* After the fork, in who will only wait: notice when nobody is left to open the gate. */
void amd_userptr_gate_watch(struct amd_userptr_gate *gate);
bool amd_userptr_gate_is_lost(struct amd_userptr_gate *gate);
void amd_userptr_gate_fini(struct amd_userptr_gate *gate);

/* Physical page behind an address, 0 when not present.  Needs CAP_SYS_ADMIN. */
uint64_t amd_userptr_pfn(const void *addr);
/* The same by an open /proc/self/pagemap; also 0 when that cannot be read. */
uint64_t __amd_userptr_pfn(int pagemap, const void *addr);

/* The highest NUMA node below @limit with memory that is online, or -1. */
int amd_userptr_numa_node(int limit);
/* Is there anything to page out to? */
bool amd_userptr_swap_is_on(void);

#endif
