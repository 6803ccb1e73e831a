/* SPDX-License-Identifier: MIT */
/*
 * The simulated gfx942 GPU, seen from outside: what a host (the vfio-user
 * server, or a unit test) gives it and asks of it.
 *
 * All state hangs off one struct vgpu, so several GPUs and several tests can
 * live in one process.  The model never blocks, never sleeps and never decides
 * anything by a real clock: it moves only inside the calls below.
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
	VG_MMIO_SIZE = 512u << 10,
};

/* What the model needs of the machine around it. */
struct vg_host_ops {
	/*
	 * Host pointer for guest physical [gpa, gpa + len), NULL when any part
	 * of it is not RAM the device may access that way.  The pointer is
	 * valid until the current call into the model returns.
	 */
	void *(*dma)(void *host, uint64_t gpa, uint64_t len, bool write);
	/* Signal the device's one MSI vector. */
	void (*raise_irq)(void *host);
	/* One line of the event trace, without newline; NULL when not wanted. */
	void (*trace)(void *host, const char *line);
	/* Nanoseconds since the start of some clock that does not stop; only
	 * needed for vg_config.real_clock. */
	uint64_t (*clock)(void *host);
};

struct vg_config {
	void *vram;		/* VG_VRAM_SIZE bytes, owned by the host */
	uint64_t seed;		/* of the engines' schedule */
	/*
	 * How many steps a requested preemption or TLB flush takes at most; how
	 * many it is each time the seed decides.  With 0 it is the next
	 * opportunity, or at once.
	 */
	unsigned int preempt_steps, flush_steps;
	/* The GPU's clock, as guest and packets read it, is the host's and not
	 * virtual time: no two runs have the same values. */
	bool real_clock;
	/* The engines never pause by the seed, only while all queues wait: for
	 * those who measure time. */
	bool no_pauses;
	/* Events to trace, as prefixes between commas; NULL for all. */
	const char *trace_filter;
};

enum { VG_PREEMPT_STEPS = 64, VG_FLUSH_STEPS = 32 };	/* usual values */

struct vgpu *vgpu_new(const struct vg_config *config,
		      const struct vg_host_ops *ops, void *host);
void vgpu_free(struct vgpu *vg);

/* Back to the state after power on; VRAM content stays. */
void vgpu_reset(struct vgpu *vg);

/* Register BAR: dword accesses, @offset in bytes, below VG_MMIO_SIZE. */
uint32_t vgpu_mmio_read(struct vgpu *vg, uint32_t offset);
void vgpu_mmio_write(struct vgpu *vg, uint32_t offset, uint32_t value);

/* Doorbell BAR: @size is 4 or 8. */
void vgpu_doorbell_write(struct vgpu *vg, uint32_t offset, uint64_t value,
			 unsigned int size);

/*
 * Let the engines do one step: at most one packet, or one slice of a long one.
 * Returns true while some queue could make progress in a further step; a queue
 * that waits for memory or a register to change counts, since only looking
 * again can tell.
 */
bool vgpu_step(struct vgpu *vg);
/*
 * The steps between two calls of the host: as many as the seed says, none too.
 * True when the host may pause before it calls again, because all queues wait,
 * or because the seed lets the engines be slow.
 */
bool vgpu_run(struct vgpu *vg);
/* Step until all queues are idle or wait, or for long. */
void vgpu_drain(struct vgpu *vg);
/* Is there anything vgpu_step() could do? */
bool vgpu_busy(const struct vgpu *vg);
/*
 * Have the last steps looked at every queue with work in turn, and found each
 * waiting?  Stepping on without a pause then only burns time.
 */
bool vgpu_waiting(const struct vgpu *vg);

/* An event of the host, as "<event> key=value ...": with the model's time, and
 * under its filter. */
void vgpu_trace(struct vgpu *vg, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The model has met something it does not know or that a GPU would not
 * survive (an unknown register or packet, a bad address).  Returns what, or
 * NULL.  From then on every other call does nothing and reads return ~0.
 */
const char *vgpu_stopped(const struct vgpu *vg);

/*
 * What the page oracle found: violations so far, and a verdict of one or more
 * lines, the sum last.  oracle/rules.h has the rules.
 */
uint64_t vgpu_violations(const struct vgpu *vg);
void vgpu_verdict(const struct vgpu *vg,
		  void (*line)(void *arg, const char *text), void *arg);

/*
 * Misbehave: @text is NAME[:KEY=NUMBER,...].  0, -ENOENT for an unknown name,
 * -EINVAL for wrong arguments.
 */
int vgpu_inject(struct vgpu *vg, const char *text);
/* Name of the @i-th fault there is and a sentence about it, NULL at the end. */
const char *vgpu_inject_name(size_t i, const char **what);

/*
 * The @i-th file that the driver requests of the guest's user space: its name
 * below "amdgpu/", and its content in @buf, which has VG_IMAGE_MAX zero bytes.
 * Returns the size, 0 at the end.
 */
enum { VG_IMAGE_MAX = 8192 };
size_t vgpu_image(size_t i, const char **name, uint8_t *buf);

#endif
