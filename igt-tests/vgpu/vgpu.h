/* SPDX-License-Identifier: MIT */
/*
 * The interface between the simulated GPU and its host, which is the vfio-user server
 * or a unit test.  The host provides memory, an interrupt and a clock, and calls the
 * functions below.
 *
 * All state hangs off struct vgpu, so one process may have several GPUs.  The model
 * works only inside these calls.  It never blocks or sleeps, and no decision depends
 * on a real clock.
 */
#ifndef VGPU_H
#define VGPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vgpu;

/* Sizes of the memory BARs; the PCI configuration and the model must agree. */
enum {
	VG_VRAM_SIZE = 1024u << 20,
	VG_DOORBELL_SIZE = 2u << 20,
	VG_MMIO_SIZE = 1u << 20,
};

/* The most compute dies (XCCs) of a GPU.  The model has one I/O die, which has at most two. */
enum { VG_MAX_XCCS = 2 };

/* Stands for a guest physical address that the host does not know. */
#define VG_DMA_UNKNOWN UINT64_MAX

/* The machine around the GPU. */
struct vg_host_ops {
	/*
	 * Returns the host's pointer to the bus addresses [addr, addr + len), or NULL when the
	 * device may not access a part of this range, a part is no RAM, or the range's memory is
	 * not contiguous in the host.
	 * The pointer is valid until the current call into the model returns.  Unless @gpa is NULL,
	 * *@gpa gets the guest physical address of the first byte, or VG_DMA_UNKNOWN.  When an
	 * IOMMU translates, the guest physical address differs from @addr.
	 */
	void *(*dma)(void *host, uint64_t addr, uint64_t len, bool write, uint64_t *gpa);
	/*
	 * Begin to write @len bytes, at most a page, to the bus address @addr, which is no RAM but
	 * may be the BAR of another device.  The host calls vgpu_bus_written() when the write is
	 * complete or has failed.  If bus_write is NULL, such a write stops the model.
	 */
	void (*bus_write)(void *host, uint64_t addr, const void *data, size_t len);
	/*
	 * May another device be at the bus address @addr, for which dma() has returned NULL?  If
	 * not, a write to @addr stops the model.  The model calls may_be_device() only if bus_write
	 * is not NULL.
	 */
	bool (*may_be_device)(void *host, uint64_t addr);
	/* Signal the device's one MSI vector. */
	void (*raise_irq)(void *host);
	/* Gets one line of the trace, without newline.  NULL: the host wants no trace. */
	void (*trace)(void *host, const char *line);
	/*
	 * Returns the nanoseconds of a monotonic clock.  The model calls it only
	 * with vg_config.real_clock.
	 */
	uint64_t (*clock)(void *host);
};

struct vg_config {
	void *vram;	   /* VG_VRAM_SIZE bytes, owned by the host */
	unsigned int xccs; /* number of compute dies (XCCs), up to VG_MAX_XCCS; 0: one */
	uint64_t seed;	   /* decides the schedule: which queue works when, and delays */
	/*
	 * The longest delay of a requested preemption or TLB flush; the seed decides
	 * the number of steps each time.  After the delay a flush is done at once, and
	 * a preemption at the next place where the queue's state can be saved.
	 */
	unsigned int preempt_steps, flush_steps;
	/*
	 * The GPU's clock follows the host's clock instead of virtual time, so no
	 * two runs read the same values.
	 */
	bool real_clock;
	/*
	 * The engines pause only while all queues wait, and never because of the
	 * seed.  Benchmarks set this.
	 */
	bool no_pauses;
	/*
	 * The most bytes of the CPU's writes to VRAM that the host data path (HDP) holds back from
	 * the engines, until the HDP is flushed or the CPU reads VRAM.  If hdp_fifo is not 0, the
	 * host must call vgpu_vram_read() and vgpu_vram_write() for each access of the CPU to VRAM,
	 * and must not let the CPU access the memory at @vram directly.
	 */
	size_t hdp_fifo;
	/*
	 * A GPU page fault of a user's packet does not halt its queue, if the driver has enabled
	 * the default page for such faults.  The hardware then accesses the default page in place
	 * of the missing page.  In the model reads give zeros, and writes are lost.
	 */
	bool default_page;
	/* Trace only events with one of these prefixes (commas between them); NULL: all. */
	const char *trace_filter;
};

/* The defaults of the program vgpu for preempt_steps and flush_steps. */
enum { VG_PREEMPT_STEPS = 64, VG_FLUSH_STEPS = 32 };

struct vgpu *vgpu_new(const struct vg_config *config, const struct vg_host_ops *ops, void *host);
void vgpu_free(struct vgpu *vg);

/*
 * Return the GPU to the state after power on, except that VRAM keeps its content.  The
 * virtual time, the random numbers, the injected faults and the page oracle go on.
 */
void vgpu_reset(struct vgpu *vg);

/* Register BAR: dword accesses, @offset in bytes, below VG_MMIO_SIZE. */
uint32_t vgpu_mmio_read(struct vgpu *vg, uint32_t offset);
void vgpu_mmio_write(struct vgpu *vg, uint32_t offset, uint32_t value);

/*
 * VRAM BAR: [offset, offset + len) is below VG_VRAM_SIZE.  If vg_config.hdp_fifo is 0, the host may
 * also let the CPU access the memory at vg_config.vram directly, without these functions.
 */
void vgpu_vram_read(struct vgpu *vg, uint64_t offset, void *data, size_t len);
void vgpu_vram_write(struct vgpu *vg, uint64_t offset, const void *data, size_t len);

/* Doorbell BAR: @size is 4 or 8. */
void vgpu_doorbell_write(struct vgpu *vg, uint32_t offset, uint64_t value, unsigned int size);

/* A write that vg_host_ops.bus_write() has begun is complete, or has failed with -errno. */
void vgpu_bus_written(struct vgpu *vg, int error);

/*
 * The host calls this before it takes memory away from the GPU.  The injected fault late-unmap lets
 * the engines do steps inside this call, as if the guest's IOMMU unmapped the memory late.
 */
void vgpu_unmapping(struct vgpu *vg);

/*
 * Let the engines do one step: at most one packet, or one slice of a long one.
 * Returns true while another step could make progress.  A queue that waits for
 * memory or a register to change counts as well, because only another look can
 * tell whether it has changed.
 */
bool vgpu_step(struct vgpu *vg);
/*
 * Let the engines do the steps between two messages of the guest; the seed says
 * how many, perhaps none.  True when the host may pause before it calls again,
 * because all queues wait or because the seed asks for a pause.
 */
bool vgpu_run(struct vgpu *vg);
/*
 * Step until all queues are idle or wait, or until a limit, because a user's queue may
 * loop for ever.
 */
void vgpu_drain(struct vgpu *vg);
/* Could vgpu_step() do anything? */
bool vgpu_busy(const struct vgpu *vg);
/*
 * Must the engines wait, so that more steps without a pause would only burn time?  True if a write
 * to another device is not complete.  Also true if no flush is under way and no queue with work
 * could make progress in its last step.
 */
bool vgpu_waiting(const struct vgpu *vg);

/*
 * Trace an event of the host, "<event> key=value ...", with the model's time, unless
 * the filter drops it.
 */
void vgpu_trace(struct vgpu *vg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * The reason why the model has stopped, or NULL while it runs.  The model stops at
 * everything that it does not know or that a GPU would not survive, such as an
 * unknown register or packet, or a bad address.  After that all calls do nothing,
 * and reads return ~0.
 */
const char *vgpu_stopped(const struct vgpu *vg);

/*
 * The findings of the page oracle: the number of violations so far, and a verdict of
 * one or more lines, of which the last has the sum.  See oracle/rules.h.
 */
uint64_t vgpu_violations(const struct vgpu *vg);
void vgpu_verdict(const struct vgpu *vg, void (*line)(void *arg, const char *text), void *arg);

/*
 * Inject the fault @text, NAME[:KEY=NUMBER,...].  Returns 0, -ENOENT for an
 * unknown name, or -EINVAL for wrong arguments.
 */
int vgpu_inject(struct vgpu *vg, const char *text);
/*
 * Returns the name of the @i-th fault that can be injected, and describes the fault in
 * @what; NULL at the end.
 */
const char *vgpu_inject_name(size_t i, const char **what);

/*
 * The @i-th file that the driver requests from the guest's user space for a GPU with @config (only
 * the number of XCCs matters): its name below "amdgpu/", and its content in @buf, which has
 * VG_IMAGE_MAX zero bytes.  Returns the size, 0 at the end.
 */
enum { VG_IMAGE_MAX = 8192 };
size_t vgpu_image(const struct vg_config *config, size_t i, const char **name, uint8_t *buf);

#endif
