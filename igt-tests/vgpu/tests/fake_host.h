/* SPDX-License-Identifier: MIT */
/*
 * A host (struct vg_host_ops) for the tests.  It provides RAM, counts interrupts and keeps the
 * trace.  Its GPU has a GART, and tests can set up page tables and queues.
 *
 * A function that cannot do its work ends the test program with status 1.
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/pte.h"
#include "tests/check.h"

#define FAKE_RAM_BASE  0x40000000ull /* guest physical address */
#define FAKE_RAM_SIZE  0x00800000ull
/* The GART maps all of the RAM at this address of VMID 0. */
#define FAKE_GART_BASE 0x00100000ull

struct fake_host {
	struct vgpu *vg;
	uint8_t *vram, *ram;
	uint64_t vram_next; /* offset in VRAM of the next page table */
	/* The bus address of a page of RAM is its guest physical address plus this number. */
	uint64_t iova_shift;
	uint64_t hidden;  /* guest physical address of a page that the GPU cannot reach; 0: none */
	bool gpa_unknown; /* the host does not know the guest physical address of any page */
	unsigned int irqs;
	uint64_t clock_ns; /* the value that vg_host_ops.clock() returns */
	char *log;
	size_t log_len, log_cap;
};

struct fake_host *fake_new(void);
struct fake_host *fake_new_xccs(unsigned int xccs);
/* Free everything, and check that the model has not stopped. */
void fake_free(struct fake_host *f);
/* Free everything, also when the model has stopped. */
void fake_discard(struct fake_host *f);

/* From now on the GPU holds up to @bytes of the CPU's writes to VRAM (vg_config.hdp_fifo). */
void fake_hdp_fifo(struct fake_host *f, size_t bytes);

/*
 * fake_logged() says whether the trace so far contains @needle, fake_log_count() says how often.
 * fake_log_clear() empties the trace.
 */
bool fake_logged(const struct fake_host *f, const char *needle);
unsigned int fake_log_count(const struct fake_host *f, const char *needle);
void fake_log_clear(struct fake_host *f);

/*
 * Step until all queues are idle or wait.  Returns the number of steps, which must not exceed @max.
 */
unsigned int fake_run(struct fake_host *f, unsigned int max);
/* Check that the model has stopped with @needle in the reason, then free everything. */
void fake_expect_stop(struct fake_host *f, const char *needle);

/* The pointer into RAM for a GART address of VMID 0. */
void *fake_gart(struct fake_host *f, uint64_t va);

/* Page tables of VMID 1..15, four levels as the driver builds them; @flags are VG_PTE_*. */
#define FAKE_RW (VG_PTE_VALID | VG_PTE_READABLE | VG_PTE_WRITEABLE)
void fake_enable_vmid(struct fake_host *f, unsigned int vmid);
void fake_map(struct fake_host *f, unsigned int vmid, uint64_t va, uint64_t phys, uint64_t flags);
/* The PTE of a mapped page, so that a test can change it without a flush. */
uint64_t *fake_pte(struct fake_host *f, unsigned int vmid, uint64_t va);
void fake_flush(struct fake_host *f, enum vg_hub_id hub, unsigned int vmid);

/* A queue that is set up through the registers, as the driver sets up the KIQ. */
struct fake_queue {
	unsigned int xcc, me, pipe, queue, vmid;
	uint64_t ring, rptr_report, wptr_poll, mqd;
	uint32_t dwords, doorbell;
	uint64_t wptr;
	uint32_t *mem; /* pointer to the ring in the host's RAM */
};

void fake_queue_select(struct fake_host *f, const struct fake_queue *q);
void fake_queue_activate(struct fake_host *f, const struct fake_queue *q);
void fake_queue_dequeue(struct fake_host *f, const struct fake_queue *q, uint32_t type);
bool fake_queue_active(struct fake_host *f, const struct fake_queue *q);
uint32_t fake_queue_reg(struct fake_host *f, const struct fake_queue *q, uint32_t reg);
/* Set up the KIQ, with a ring at a fixed address in the GART, and activate it. */
void fake_kiq(struct fake_host *f, struct fake_queue *q);
/* Append dwords to the ring.  The GPU does not look at them before fake_ring_doorbell(). */
void fake_emit(struct fake_queue *q, const uint32_t *dw, unsigned int n);
void fake_ring_doorbell(struct fake_host *f, const struct fake_queue *q);
/* Enable ring 0 of the IH, with @bytes bytes in RAM.  fake_iv() returns vector number @n of it. */
void fake_enable_ih(struct fake_host *f, uint32_t bytes);
const uint32_t *fake_iv(const struct fake_host *f, unsigned int n);

#endif
