/* SPDX-License-Identifier: MIT */
/*
 * KFD (/dev/kfd) for tests: the compute VM of a process (the GPU address space that KFD's queues
 * use), memory in it, user mode queues with the few packets that tests need, and the events that
 * KFD reports.
 *
 * __amd_kfd_foo() returns 0 or -errno and needs no IGT. Where there is an amd_kfd_foo() as well, it
 * fails the test instead (amd_kfd_assert.c).
 *
 * KFD has one process per address space and refuses inherited descriptors, so a forked child has to
 * open KFD itself.
 */
#ifndef AMD_KFD_H
#define AMD_KFD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/kfd_ioctl.h>

#include "lib/amdgpu/amd_pkt.h"

/* A GPU in the kernel's topology (/sys/class/kfd/kfd/topology/nodes). */
struct amd_kfd_node {
	uint32_t index; /* number of the node's directory */
	uint32_t gpu_id;
	uint32_t drm_render_minor;
	uint32_t gfx_target_version; /* decimal digits: 90402 is gfx 9.4.2 */
	uint32_t simd_count;
	uint32_t simd_per_cu;
	uint32_t array_count;
	uint32_t simd_arrays_per_engine;
	uint32_t num_xcc;
	uint32_t num_sdma_engines;
	uint32_t num_sdma_queues_per_engine;
	uint32_t cwsr_size;	    /* context save area of a compute queue, per XCC */
	uint32_t ctl_stack_size;    /* control stack within it */
	uint32_t debug_memory_size; /* behind the save area; not in the topology */
	uint32_t eop_buffer_size;   /* of the end-of-pipe buffer: the least that KFD accepts */
};

/* Find the GPU with this render minor (128...); -ENODEV when there is none. */
int __amd_kfd_find_node(unsigned int render_minor, struct amd_kfd_node *node);
/* Find the first GPU with another render minor, for tests with two GPUs. */
int __amd_kfd_find_other_node(unsigned int render_minor, struct amd_kfd_node *node);

/*
 * Set the sizes that sysfs does not show, as the kernel computes them from the other properties.
 * __amd_kfd_find_node() calls this itself.
 */
void amd_kfd_node_sizes(struct amd_kfd_node *node);
/*
 * The bytes of a compute queue's save area, with the debug memory of each XCC.  KFD refuses a queue
 * whose save area has another number of pages.
 */
uint64_t amd_kfd_save_area_size(const struct amd_kfd_node *node);

/* Memory mapped in the compute VM. */
struct amd_kfd_mem {
	uint64_t va; /* GPU address */
	uint64_t size;
	uint64_t handle;
	void *cpu;     /* CPU address; NULL for VRAM that the CPU does not access */
	bool reserved; /* __amd_kfd_free() has to release [va, va + size) */
};

struct amd_kfd {
	int fd;	    /* /dev/kfd */
	int drm_fd; /* the caller's render node, whose VM KFD uses */
	pid_t pid;  /* the process that opened /dev/kfd */
	struct amd_kfd_node node;
	uint32_t gc_version, sdma_version; /* IP versions, which choose the packets */
	void *doorbells;		   /* mapped when the process makes its first queue */
	struct amd_kfd_mem event_page;	   /* slots of all events; allocated with the first event */
};

/*
 * Open KFD for the GPU of the render node @drm_fd, which the caller keeps, and make the VM of that
 * file the process's compute VM.  -ENODEV when the kernel has no KFD or KFD does not have the GPU,
 * -EBUSY when the process has another VM.
 */
int __amd_kfd_open(struct amd_kfd *kfd, int drm_fd);
/* Open KFD as __amd_kfd_open() does, but without acquiring the VM. */
int __amd_kfd_open_novm(struct amd_kfd *kfd, int drm_fd);
/*
 * Open KFD and the render node @path (NULL: the first one whose GPU KFD has), without acquiring the
 * VM.  The render node is kfd->drm_fd, which the caller closes.
 */
int __amd_kfd_open_render_novm(struct amd_kfd *kfd, const char *path);
int __amd_kfd_acquire_vm(struct amd_kfd *kfd);
void amd_kfd_close(struct amd_kfd *kfd);
/* Read the GPU's clock by AMDKFD_IOC_GET_CLOCK_COUNTERS. */
int __amd_kfd_gpu_clock(struct amd_kfd *kfd, uint64_t *clock);

/* Single ioctls, for tests of the uapi. */
int __amd_kfd_alloc_memory(struct amd_kfd *kfd, uint64_t va, uint64_t size, uint32_t flags,
			   uint64_t *mmap_offset, uint64_t *handle);
int __amd_kfd_free_memory(struct amd_kfd *kfd, uint64_t handle);
int __amd_kfd_map_memory(struct amd_kfd *kfd, uint64_t handle);
int __amd_kfd_unmap_memory(struct amd_kfd *kfd, uint64_t handle);
/* Make [cpu, cpu + size) SVM with one attribute, KFD_IOCTL_SVM_ATTR_*. */
int __amd_kfd_svm_attribute(struct amd_kfd *kfd, void *cpu, size_t size, uint32_t type,
			    uint32_t value);
/*
 * Make [cpu, cpu + size) SVM that the GPU accesses where the memory is, without migration to VRAM.
 */
int __amd_kfd_svm_access(struct amd_kfd *kfd, void *cpu, size_t size);

/*
 * Allocate page aligned memory, and map it at a GPU address where the CPU has mapped nothing else.
 * GTT is system memory of the driver and no userptr, so no MMU notifier can invalidate it. The CPU
 * finds GTT at the GPU's address, but a forked child does not (MADV_DONTFORK). Only
 * __amd_kfd_alloc_visible_vram() maps VRAM for the CPU, too, in the same way. It needs a PCI BAR
 * through which the CPU reaches all of VRAM, and otherwise fails with -EINVAL.
 */
int __amd_kfd_alloc_gtt(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem);
/* GTT that is not coherent, so the GPU may keep it in its caches. */
int __amd_kfd_alloc_cached_gtt(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem);
int __amd_kfd_alloc_vram(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem);
int __amd_kfd_alloc_visible_vram(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem);
/*
 * Register [ptr, ptr + size) as a KFD userptr at GPU address @va.  If @va is 0, the GPU address is
 * the same as the CPU address @ptr.  If the GPU has no such address, the function reserves another
 * one.
 */
int __amd_kfd_register(struct amd_kfd *kfd, void *ptr, uint64_t size, uint64_t va,
		       struct amd_kfd_mem *mem);
/* Unmap and free memory that one of these five functions has allocated or registered. */
int __amd_kfd_free(struct amd_kfd *kfd, struct amd_kfd_mem *mem);

/*
 * Reserve GPU addresses at which the CPU has mapped nothing, or return 0. A page that is mapped
 * there has a GPU address that differs from its CPU address, so a test sees when the driver
 * confuses the two.
 */
uint64_t amd_kfd_va_reserve(uint64_t size, uint64_t align);
void amd_kfd_va_release(uint64_t va, uint64_t size);

enum amd_kfd_queue_type {
	AMD_KFD_QUEUE_PM4, /* compute queue that executes PM4 packets */
	AMD_KFD_QUEUE_SDMA,
	/*
	 * HSA queue. The functions below put their PM4 packets into an indirect buffer (IB), and an
	 * AQL vendor packet lets the GPU execute it.
	 */
	AMD_KFD_QUEUE_AQL,
	AMD_KFD_NUM_QUEUE_TYPES,
};

/*
 * A user mode queue. Its own buffers are GTT and VRAM, so MMU notifiers run for the pages under
 * test only. @control has the queue's read and write pointer and its fence; @eop is the end-of-pipe
 * buffer and @cwsr the context save area, which KFD wants for compute queues.
 */
struct amd_kfd_queue {
	struct amd_kfd *kfd;
	enum amd_kfd_queue_type type;
	const struct amd_pkt *pkt; /* the packets of the GPU's generation */
	bool first_xcc_only;	   /* AQL on several XCCs: only the first one may execute the PM4 */
	uint32_t id;
	struct amd_kfd_mem ring, control, eop, cwsr;
	struct amd_kfd_mem ib; /* AQL only: the PM4 packets, used like a ring */
	volatile uint64_t *rptr, *wptr, *doorbell;
	volatile uint32_t *fence; /* the GPU stores the last finished sequence number */
	/*
	 * With first_xcc_only: the GPU subtracts one from the signal's value when all XCCs are done
	 * with a submission. The fence comes earlier, because only the first XCC writes it. So the
	 * fence does not say that the IB may be used again.
	 */
	volatile struct amd_kfd_signal *completion;
	uint64_t put;		/* dwords emitted since creation */
	uint64_t submitted_put; /* @put at the last submit */
	uint64_t idle_put;	/* the GPU has finished the packets before this @put */
	uint64_t aql_put;	/* AQL packets emitted since creation */
	uint32_t seqno;		/* the last sequence number that submit returned */
	int error;		/* -errno of an emit or submit that failed; later waits return it */
};

/* Room for the text that amd_kfd_has_packets() makes. */
#define AMD_KFD_REASON 128

/*
 * Returns whether amd_pkt.c has packets for a queue of @type of this GPU.  If not,
 * __amd_kfd_queue_create() returns -EOPNOTSUPP, and the text in @reason names the IP version.
 */
bool amd_kfd_has_packets(const struct amd_kfd *kfd, enum amd_kfd_queue_type type, char *reason,
			 size_t size);

int __amd_kfd_queue_create(struct amd_kfd *kfd, enum amd_kfd_queue_type type,
			   struct amd_kfd_queue *queue);
int __amd_kfd_queue_destroy(struct amd_kfd_queue *queue);

/*
 * The most dwords of one amd_kfd_queue_write(); the packets' count fields and the ring have room
 * for it.
 */
#define AMD_KFD_WRITE_MAX_DW 256

/*
 * Put packets into the ring. The GPU runs them after amd_kfd_queue_submit(). When the ring is full,
 * these functions submit and wait for room; when that fails, the next wait returns the error. Where
 * a comment names two packets, PM4 and AQL queues get the first one, and SDMA queues the second
 * one.
 */
void amd_kfd_queue_emit(struct amd_kfd_queue *queue, const uint32_t *dw, unsigned int count);
void amd_kfd_queue_nop(struct amd_kfd_queue *queue, unsigned int dwords);
/* Store @count dwords (up to AMD_KFD_WRITE_MAX_DW) at @dst: WRITE_DATA, linear WRITE. */
void amd_kfd_queue_write(struct amd_kfd_queue *queue, uint64_t dst, const uint32_t *data,
			 unsigned int count);
/* Copy @size bytes from @src to @dst: DMA_DATA, linear COPY. */
void amd_kfd_queue_copy(struct amd_kfd_queue *queue, uint64_t dst, uint64_t src, uint64_t size);
/* Store @value at @addr when all earlier packets are finished: RELEASE_MEM, FENCE. */
void amd_kfd_queue_fence(struct amd_kfd_queue *queue, uint64_t addr, uint32_t value);
/* Store the 64 bits of the GPU's clock at @addr: RELEASE_MEM, TIMESTAMP. */
void amd_kfd_queue_timestamp(struct amd_kfd_queue *queue, uint64_t addr);
/* Let the queue wait until the dword at @addr is @value: WAIT_REG_MEM, POLL_REGMEM. */
void amd_kfd_queue_poll(struct amd_kfd_queue *queue, uint64_t addr, uint32_t value);

/* Add the queue's own fence and ring the doorbell; returns the sequence number. */
uint32_t amd_kfd_queue_submit(struct amd_kfd_queue *queue);
bool amd_kfd_queue_done(const struct amd_kfd_queue *queue, uint32_t seqno);
/* Wait until the GPU has finished @seqno; -ETIME after @timeout_ms. */
int __amd_kfd_queue_wait(struct amd_kfd_queue *queue, uint32_t seqno, unsigned int timeout_ms);
/* Submit, then wait until the queue is done. */
int __amd_kfd_queue_sync(struct amd_kfd_queue *queue, unsigned int timeout_ms);

/*
 * The header of an AQL packet: one of the four types, the barrier bit, fences of system scope
 * before and after the packet, and the format of a vendor packet (PM4_IB, BARRIER_VALUE).
 * PM4_REMAINING is a constant in the body of a PM4_IB packet: the dwords behind it.
 * NUM_DEPENDENCIES is the number of signals that a barrier packet can wait for.
 */
enum {
	AMD_KFD_AQL_VENDOR = 0,
	AMD_KFD_AQL_INVALID = 1,
	AMD_KFD_AQL_BARRIER_AND = 3,
	AMD_KFD_AQL_BARRIER_OR = 5,
	AMD_KFD_AQL_BARRIER = 1 << 8,
	AMD_KFD_AQL_SYSTEM_FENCES = 2 << 9 | 2 << 11,
	AMD_KFD_AQL_PM4_IB = 1 << 16,
	AMD_KFD_AQL_BARRIER_VALUE = 2 << 16,
	AMD_KFD_AQL_PM4_REMAINING = 10,
	AMD_KFD_AQL_NUM_DEPENDENCIES = 5,
};

enum amd_kfd_aql_condition {
	AMD_KFD_AQL_EQUAL,
	AMD_KFD_AQL_NOT_EQUAL,
	AMD_KFD_AQL_LESS,
	AMD_KFD_AQL_GREATER_EQUAL,
};

/* One slot of an AQL queue.  Signals are GPU addresses of struct amd_kfd_signal, or 0. */
struct amd_kfd_aql_packet {
	uint32_t header;
	union {
		uint32_t body[15];
		struct __attribute__((packed)) {
			uint32_t reserved0;
			uint64_t dependency[AMD_KFD_AQL_NUM_DEPENDENCIES];
			uint64_t reserved1;
			uint64_t completion;
		} barrier;
		struct __attribute__((packed)) {
			uint32_t reserved0;
			uint64_t signal;
			int64_t value, mask;
			uint32_t condition;
			uint32_t reserved1[5];
			uint64_t completion;
		} barrier_value;
		struct __attribute__((packed)) {
			uint32_t ib[4];
			uint32_t remaining;
			uint32_t reserved[8];
			uint64_t completion;
		} pm4;
	};
};

/* A signal, as the command processor reads it (ROCm's amd_signal_t). */
struct amd_kfd_signal {
	int64_t kind;		/* AMD_KFD_SIGNAL_USER */
	volatile int64_t value; /* the completion of a packet subtracts one */
	uint64_t mailbox;
	uint32_t event_id;
	uint32_t reserved0;
	volatile uint64_t start, end;
	uint64_t queue;
	uint32_t reserved1[2];
};
enum { AMD_KFD_SIGNAL_USER = 1 };

/*
 * Fill the next slot and return its number. The GPU may read the slot at once, but need not look at
 * it before the caller rings the doorbell with this or a later number.
 */
uint64_t amd_kfd_aql_put(struct amd_kfd_queue *queue, const struct amd_kfd_aql_packet *packet);
void amd_kfd_aql_doorbell(struct amd_kfd_queue *queue, uint64_t index);
/* Returns a vendor packet that runs the PM4 packets at @va. */
struct amd_kfd_aql_packet amd_kfd_aql_pm4(uint64_t va, uint32_t dwords, uint64_t completion);
void amd_kfd_aql_init_ring(struct amd_kfd_queue *queue);
/* Let the queue have a signal for its completion at @offset of the control page. */
void amd_kfd_aql_init_completion(struct amd_kfd_queue *queue, unsigned int offset);

/*
 * An event of KFD, for which a process can wait. The GPU triggers the event when the GPU completes
 * a signal whose mailbox is @mailbox and whose event_id is @trigger.
 */
struct amd_kfd_event {
	uint32_t id, trigger;
	uint64_t mailbox;
};
int __amd_kfd_event_create(struct amd_kfd *kfd, struct amd_kfd_event *event);
int __amd_kfd_event_wait(struct amd_kfd *kfd, const struct amd_kfd_event *event,
			 unsigned int timeout_ms);
int __amd_kfd_event_destroy(struct amd_kfd *kfd, const struct amd_kfd_event *event);

/*
 * SMI events of one GPU and one process, counted since the last mark.  The kernel's buffer holds
 * about 200 events and drops the ones that do not fit, so call __amd_kfd_smi_drain() often when
 * there are many invalidations.
 */
#define AMD_KFD_NUM_TRIGGERS (KFD_QUEUE_EVICTION_CRIU_RESTORE + 1)

struct amd_kfd_smi_counts {
	unsigned int evictions; /* QUEUE_EVICTION events, whatever their trigger */
	unsigned int evictions_by[AMD_KFD_NUM_TRIGGERS]; /* the same, one count per trigger */
	unsigned int restores;	  /* QUEUE_RESTORE events after which the queues run */
	unsigned int rescheduled; /* QUEUE_RESTORE events that say: the worker will try again */
	unsigned int vm_faults;
	unsigned int other;		  /* lines of other events, or malformed */
	uint64_t eviction_ns, restore_ns; /* CLOCK_BOOTTIME of the last eviction and restore */
};

struct amd_kfd_smi {
	int fd;
	pid_t pid; /* of the process whose events count */
	struct amd_kfd_smi_counts count;
	bool full;			       /* KFD may have dropped events since the mark */
	char line[2 * KFD_SMI_EVENT_MSG_SIZE]; /* beginning of an event, without its rest */
	size_t line_len;
};

/* @pid 0: the calling process.  Events of another process need CAP_SYS_ADMIN. */
int __amd_kfd_smi_open(struct amd_kfd *kfd, pid_t pid, struct amd_kfd_smi *smi);
void amd_kfd_smi_close(struct amd_kfd_smi *smi);
/* Count the events that have come; never blocks. */
int __amd_kfd_smi_drain(struct amd_kfd_smi *smi);
/* Drain, then set all counts to zero: the mark. */
int __amd_kfd_smi_mark(struct amd_kfd_smi *smi);
/*
 * Wait until @count events of type @event have come since the mark; -ETIME after @timeout_ms, or
 * -EOVERFLOW if KFD may have dropped an event, because the test has not drained the events in time.
 */
int __amd_kfd_smi_wait(struct amd_kfd_smi *smi, enum kfd_smi_event event, unsigned int count,
		       unsigned int timeout_ms);

/*
 * Wait until @evictions or more have come since the mark, and a restore for each of them; -ETIME or
 * -EOVERFLOW, as in __amd_kfd_smi_wait(), when one of these events takes longer than @timeout_ms.
 */
int __amd_kfd_smi_wait_restored(struct amd_kfd_smi *smi, unsigned int evictions,
				unsigned int timeout_ms);

/* GPU page faults of this process: create the event before the access, then wait. */
int __amd_kfd_fault_event_create(struct amd_kfd *kfd, uint32_t *event_id);
int __amd_kfd_fault_event_wait(struct amd_kfd *kfd, uint32_t event_id, unsigned int timeout_ms,
			       struct kfd_hsa_memory_exception_data *fault);
int __amd_kfd_fault_event_destroy(struct amd_kfd *kfd, uint32_t event_id);

/*
 * The functions above without __: they assert success and need IGT.  amd_kfd_queue_create() skips
 * if amd_pkt.c has no packets for the GPU.
 */
void amd_kfd_open(struct amd_kfd *kfd, int drm_fd);
void amd_kfd_alloc_gtt(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem);
void amd_kfd_alloc_vram(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem);
void amd_kfd_register(struct amd_kfd *kfd, void *ptr, uint64_t size, uint64_t va,
		      struct amd_kfd_mem *mem);
void amd_kfd_free(struct amd_kfd *kfd, struct amd_kfd_mem *mem);
void amd_kfd_queue_create(struct amd_kfd *kfd, enum amd_kfd_queue_type type,
			  struct amd_kfd_queue *queue);
void amd_kfd_queue_destroy(struct amd_kfd_queue *queue);
void amd_kfd_queue_wait(struct amd_kfd_queue *queue, uint32_t seqno, unsigned int timeout_ms);
void amd_kfd_queue_sync(struct amd_kfd_queue *queue, unsigned int timeout_ms);
void amd_kfd_smi_open(struct amd_kfd *kfd, pid_t pid, struct amd_kfd_smi *smi);
void amd_kfd_smi_mark(struct amd_kfd_smi *smi);
void amd_kfd_smi_drain(struct amd_kfd_smi *smi);
void amd_kfd_smi_wait(struct amd_kfd_smi *smi, enum kfd_smi_event event, unsigned int count,
		      unsigned int timeout_ms);
void amd_kfd_smi_wait_restored(struct amd_kfd_smi *smi, unsigned int evictions,
			       unsigned int timeout_ms);

/*
 * In this file KFD shows, in MiB, the memory that it counts for all its processes (kfd_debugfs.c).
 */
#define AMD_KFD_MEM_LIMIT "/sys/kernel/debug/kfd/mem_limit"
/* Returns the system memory in that file: GTT BOs of KFD and userptrs. 0 without debugfs. */
unsigned long long amd_kfd_mem_used(void);
/* Returns the limit of that memory, in MiB. 0 without debugfs. */
unsigned long long amd_kfd_mem_limit(void);
/*
 * The memory that KFD counted at the beginning of a check. The counter is for all processes of the
 * machine, so another process may change it, too.
 */
struct amd_kfd_mem_mark {
	unsigned long long used; /* amd_kfd_mem_used() */
	bool others;		 /* there was another process of KFD */
};
/* Skips without debugfs. */
void amd_kfd_mem_mark(struct amd_kfd_mem_mark *mark);
/*
 * Wait until KFD counts as much memory as at @mark, or at least @more MiB more.  The subtest fails
 * when that takes too long, but skips if another process used KFD at @mark or uses it now.
 */
void amd_kfd_mem_expect_same(const struct amd_kfd_mem_mark *mark);
void amd_kfd_mem_expect_more(const struct amd_kfd_mem_mark *mark, unsigned long long more);
/* Read all of AMD_KFD_MEM_LIMIT; skips without debugfs. */
void amd_kfd_read_mem_limit(char *text, size_t size);

#endif
