/* SPDX-License-Identifier: MIT */
/* A GPU that holds the CPU's writes to VRAM, with a KIQ, for tests of the host data path. */
#ifndef FAKE_HDP_H
#define FAKE_HDP_H

#include "tests/build.h"
#include "tests/fake_sdma.h"

enum {
	HDP_BYTES = 1 << 20,
	HDP_AT = 0x2000000, /* offset in VRAM of the words that the tests access */
	HDP_OLD = 0x01d01d01,
	HDP_NEW = 0x12345678,
	HDP_STEPS = 10000,
};
#define HDP_FB	 ((uint64_t)VG_FB_LOCATION_BASE << VG_FB_LOCATION_SHIFT)
#define HDP_COPY (SDMA_DATA + 0x1000) /* where the packets of the tests copy words to */

struct hdp {
	struct fake_host *f;
	struct fake_queue kiq;
};

/* Let the GPU of @f, which has no KIQ, hold @bytes of writes. */
static inline void hdp_begin(struct hdp *h, struct fake_host *f, size_t bytes)
{
	*h = (struct hdp){ .f = f };
	fake_hdp_fifo(f, bytes);
	for (uint64_t at = 0; at < VG_PAGE_SIZE; at += 4)
		*(uint32_t *)(f->vram + HDP_AT + at) = HDP_OLD;
}

static inline void hdp_init(struct hdp *h, size_t bytes)
{
	hdp_begin(h, fake_sdma_host(), bytes);
	fake_kiq(h->f, &h->kiq);
}

static inline void hdp_cpu_write32(struct hdp *h, uint64_t at, uint32_t value)
{
	vgpu_vram_write(h->f->vg, at, &value, sizeof(value));
}

static inline uint32_t hdp_cpu_read32(struct hdp *h, uint64_t at)
{
	uint32_t value;

	vgpu_vram_read(h->f->vg, at, &value, sizeof(value));
	return value;
}

/* What an engine reads at @at in VRAM. */
static inline uint32_t hdp_gpu_read32(struct hdp *h, uint64_t at)
{
	const struct vg_port port = { .hub = VG_GFXHUB, .kernel = true };
	uint32_t value;

	CHECK(!vg_mem_read32(h->f->vg, &port, 0, HDP_FB + at, &value));
	return value;
}

static inline void hdp_gpu_write32(struct hdp *h, uint64_t at, uint32_t value)
{
	const struct vg_port port = { .hub = VG_GFXHUB, .kernel = true };

	CHECK(!vg_mem_write32(h->f->vg, &port, 0, HDP_FB + at, value));
}

/* Write HDP_NEW by the CPU, and check that the engines do not see it. */
static inline void hdp_write_held(struct hdp *h)
{
	hdp_cpu_write32(h, HDP_AT, HDP_NEW);
	CHECK(hdp_gpu_read32(h, HDP_AT) == HDP_OLD);
}

static inline void hdp_finish(struct hdp *h, const char *drain)
{
	CHECK(hdp_gpu_read32(h, HDP_AT) == HDP_NEW);
	CHECK(fake_log_count(h->f, "hdp-drain") == 1 && fake_logged(h->f, drain));
	fake_free(h->f);
}

/* The words that the packets have copied. */
static inline uint32_t hdp_copied(struct hdp *h)
{
	return *(uint32_t *)fake_data(h->f, HDP_COPY);
}

#endif
