/* SPDX-License-Identifier: MIT */
/* A GPU that holds the CPU's writes to VRAM, for tests of the host data path. */
#ifndef FAKE_HDP_H
#define FAKE_HDP_H

#include "tests/fake_sdma.h"

enum {
	HDP_BYTES = 1 << 20,
	HDP_AT = 0x2000000, /* offset in VRAM of the words that the tests access */
	HDP_OLD = 0x01d01d01,
	HDP_NEW = 0x12345678,
	HDP_STEPS = 10000,
};
#define HDP_FB	 ((uint64_t)VG_FB_LOCATION_BASE << VG_FB_LOCATION_SHIFT) /* VRAM in VMID 0 */
#define HDP_COPY (SDMA_DATA + 0x1000) /* address to which the tests' packets copy a word */

struct hdp {
	struct fake_host *f;
	struct fake_queue kiq;
};

/*
 * Make a GPU that holds up to @bytes of the CPU's writes.  It has a KIQ, and SDMA_VMID maps the
 * page at HDP_AT.
 */
void hdp_init(struct hdp *h, size_t bytes);
#define HDP_VA 0x500000000ull /* the address of the page in SDMA_VMID */

/* Accesses of the CPU. */
void hdp_cpu_write32(struct hdp *h, uint64_t at, uint32_t value);
uint32_t hdp_cpu_read32(struct hdp *h, uint64_t at);
/* Accesses of an engine to VRAM. */
void hdp_gpu_write32(struct hdp *h, uint64_t at, uint32_t value);
uint32_t hdp_gpu_read32(struct hdp *h, uint64_t at);

/* Write HDP_NEW to HDP_AT by the CPU, and check that the engines do not see it. */
void hdp_write_held(struct hdp *h);
/*
 * Check that the engines see HDP_NEW now, and that the trace has one drain of the HDP, the line
 * @drain.  Then free everything.
 */
void hdp_finish(struct hdp *h, const char *drain);
/* The word that the packets of the tests have copied. */
uint32_t hdp_copied(struct hdp *h);

/*
 * The driver's ways to flush: the register, and a packet of the KIQ.  @client is the packet's bit
 * in the registers GPU_HDP_FLUSH_REQ and GPU_HDP_FLUSH_DONE.
 */
void hdp_flush_by_host(struct hdp *h);
void hdp_flush_by_ring(struct hdp *h, uint32_t client);
/* Let the KIQ copy the word at HDP_AT. */
void hdp_copy_by_ring(struct hdp *h);

#endif
