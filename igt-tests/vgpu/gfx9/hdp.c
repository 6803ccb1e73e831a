/* SPDX-License-Identifier: MIT */
/*
 * Host data path (HDP).  The FIFO holds the CPU's writes in their order until a flush.  When the
 * FIFO is full, each new write moves the oldest one to VRAM.  The hardware may write held data to
 * VRAM at any time.  The model does it as late as it can, so that a flush that the driver or a
 * program omits has a visible effect.
 *
 * The CPU always sees its own writes, because a read of VRAM through the BAR flushes.  The model
 * does so because a read on PCIe cannot overtake earlier writes, and because AMD's runtime (clr)
 * relies on the HDP to write these to VRAM before it answers the read (rocvirtual.cpp, for gfx90a
 * and gfx94x).
 *
 * There is no cache for reads.  The driver invalidates none on HDP 4.4.2 (hdp_v4_0.c:42-45), so the
 * CPU always reads the data that an engine has written to VRAM.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_hdp.h"

/* The size of a slot's data.  vg_hdp_write() splits a longer write. */
enum { SLOT_BYTES = 8 };

struct vg_hdp_write {
	uint64_t at; /* offset in VRAM */
	uint8_t len;
	uint8_t data[SLOT_BYTES];
};

/* The ways to flush, each with the injected fault that leaves out its flushes. */
static const struct {
	const char *name;
	enum vg_inject_id fault;
} ways[VG_NUM_HDP_WAYS] = {
	[VG_HDP_HOST] = { "host", VG_INJECT_NO_HDP_HOST },
	[VG_HDP_RING] = { "ring", VG_INJECT_NO_HDP_RING },
	[VG_HDP_SDMA] = { "sdma", VG_INJECT_NO_HDP_SDMA },
	[VG_HDP_ACQUIRE] = { "acquire", VG_INJECT_NO_HDP_ACQUIRE },
	[VG_HDP_READ] = { "read", VG_INJECT_NO_HDP_READ },
};

static struct vg_hdp *hdp_of(struct vgpu *vg)
{
	return &vg_gfx9(vg)->hdp;
}

static uint8_t *vram(struct vgpu *vg, uint64_t at)
{
	return (uint8_t *)vg->config.vram + at;
}

int vg_hdp_init(struct vgpu *vg)
{
	struct vg_hdp *h = hdp_of(vg);

	h->slots = (vg->config.hdp_fifo + SLOT_BYTES - 1) / SLOT_BYTES;
	if (!h->slots)
		return 0;
	h->fifo = calloc(h->slots, sizeof(*h->fifo));
	return h->fifo ? 0 : -ENOMEM;
}

void vg_hdp_free(struct vgpu *vg)
{
	free(hdp_of(vg)->fifo);
}

/* ---- the FIFO ---- */

static const struct vg_hdp_write *held(const struct vg_hdp *h, size_t i)
{
	return &h->fifo[(h->first + i) % h->slots];
}

/* Write the @n oldest writes to VRAM. */
static void drain(struct vgpu *vg, size_t n)
{
	struct vg_hdp *h = hdp_of(vg);

	for (size_t i = 0; i < n; i++) {
		const struct vg_hdp_write *w = held(h, i);

		memcpy(vram(vg, w->at), w->data, w->len);
	}
	h->first = (h->first + n) % h->slots;
	h->num -= n;
}

static void hold(struct vgpu *vg, uint64_t at, const uint8_t *data, size_t len)
{
	struct vg_hdp *h = hdp_of(vg);
	struct vg_hdp_write *w;

	if (h->num == h->slots) {
		if (!h->overflowed)
			vg_trace(vg, "hdp-full writes=%zu", h->num);
		h->overflowed = true;
		drain(vg, 1);
	}
	w = &h->fifo[(h->first + h->num++) % h->slots];
	w->at = at;
	w->len = len;
	memcpy(w->data, data, len);
}

static void drain_all(struct vgpu *vg, const char *by)
{
	struct vg_hdp *h = hdp_of(vg);

	if (!h->num)
		return;
	vg_trace(vg, "hdp-drain by=%s writes=%zu", by, h->num);
	drain(vg, h->num);
	h->overflowed = false;
}

void vg_hdp_flush(struct vgpu *vg, enum vg_hdp_way way)
{
	if (hdp_of(vg)->num && !vg_inject(vg, ways[way].fault))
		drain_all(vg, ways[way].name);
}

void vg_hdp_acquire(struct vgpu *vg, const struct vg_queue *q)
{
	vg_hdp_flush(vg, VG_HDP_ACQUIRE);
}

void vg_hdp_packet(struct vgpu *vg, const struct vg_queue *q)
{
	vg_trace(vg, "hdp-flush by=%s", q->name);
	vg_hdp_flush(vg, VG_HDP_SDMA);
}

/* ---- the CPU's accesses ---- */

/* @data has the content of [at, at + len): put the part of the write @w that lies there into it. */
static void overlay(const struct vg_hdp_write *w, uint64_t at, uint8_t *data, size_t len)
{
	uint64_t from = w->at > at ? w->at : at;
	uint64_t to = w->at + w->len < at + len ? w->at + w->len : at + len;

	if (from < to)
		memcpy(data + (from - at), w->data + (from - w->at), to - from);
}

/* The CPU sees its own writes, also those that an injected fault has left in the FIFO. */
void vg_hdp_read(struct vgpu *vg, uint64_t at, void *data, size_t len)
{
	struct vg_hdp *h = hdp_of(vg);

	vg_hdp_flush(vg, VG_HDP_READ);
	memcpy(data, vram(vg, at), len);
	for (size_t i = 0; i < h->num; i++)
		overlay(held(h, i), at, data, len);
}

void vg_hdp_write(struct vgpu *vg, uint64_t at, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	if (!hdp_of(vg)->fifo) {
		memcpy(vram(vg, at), data, len);
		return;
	}
	for (size_t done = 0; done < len; done += SLOT_BYTES)
		hold(vg, at + done, bytes + done,
		     len - done < SLOT_BYTES ? len - done : SLOT_BYTES);
}

/* ---- block ---- */

/* The device has accepted the held writes, so a reset does not lose them. */
static void hdp_reset(struct vgpu *vg)
{
	drain_all(vg, "reset");
}

static const struct vg_reg regs[] = {
	VG_REG_PLAIN(HDP_NONSURFACE_BASE),
	VG_REG_PLAIN(HDP_NONSURFACE_BASE_HI),
	VG_REG_PLAIN(HDP_MISC_CNTL),
};

const struct vg_block vg_hdp_block = {
	.name = "hdp",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
	.reset = hdp_reset,
};
