/* SPDX-License-Identifier: MIT */
/* Tests ring 0 of the IH: order of vectors, wrap, overflow, and the write pointer in memory. */
#include "gfx9/regs_oss.h"
#include "tests/fake_host.h"

enum { RING_BYTES = 256, IV_BYTES = 32, SLOTS = RING_BYTES / IV_BYTES };
enum { WPTR = 0xf000 }; /* where fake_host.c lets the IH store the write pointer */

static uint32_t wptr(const struct fake_host *f)
{
	return *(const uint32_t *)(f->ram + WPTR);
}

static void raise(struct fake_host *f, uint32_t data)
{
	const struct vg_iv iv = { .client = 0x14, .source = 181, .data[0] = data };

	vg_ih_raise(f->vg, &iv);
}

static void set_rptr(struct fake_host *f, uint32_t rptr)
{
	vgpu_mmio_write(f->vg, 4 * VG_ADDR(IH_RB_RPTR), rptr);
}

static struct fake_host *ready(void)
{
	struct fake_host *f = fake_new();

	fake_enable_ih(f, RING_BYTES);
	return f;
}

static void vectors_lie_in_order_and_interrupt(void)
{
	struct fake_host *f = ready();

	raise(f, 11);
	raise(f, 22);
	CHECK(f->irqs == 2);
	CHECK(wptr(f) == 2 * IV_BYTES);
	CHECK(vgpu_mmio_read(f->vg, 4 * VG_ADDR(IH_RB_WPTR)) == 2 * IV_BYTES);
	CHECK(fake_iv(f, 0)[4] == 11 && fake_iv(f, 1)[4] == 22);
	CHECK((fake_iv(f, 0)[0] >> 8 & 0xff) == 181);
	fake_free(f);
}

static void time_stamps_go_up(void)
{
	struct fake_host *f = ready();

	raise(f, 1);
	set_rptr(f, 0); /* an access of the host, which takes a tick of time */
	raise(f, 2);
	CHECK(fake_iv(f, 1)[1] > fake_iv(f, 0)[1]);
	fake_free(f);
}

static void the_ring_wraps(void)
{
	struct fake_host *f = ready();

	for (unsigned int i = 0; i < SLOTS + 2; i++) {
		raise(f, i);
		set_rptr(f, wptr(f));
	}
	CHECK(wptr(f) == 2 * IV_BYTES);
	CHECK(fake_iv(f, 0)[4] == SLOTS && fake_iv(f, 1)[4] == SLOTS + 1);
	fake_free(f);
}

static void overflow_is_told_until_cleared(void)
{
	struct fake_host *f = ready();
	uint32_t cntl = 4 * VG_ADDR(IH_RB_CNTL);
	uint32_t value = vgpu_mmio_read(f->vg, cntl);

	for (unsigned int i = 0; i < SLOTS - 1; i++)
		raise(f, i);
	CHECK(!VG_FIELD(wptr(f), IH_RB_WPTR, RB_OVERFLOW));
	raise(f, SLOTS);
	CHECK(VG_FIELD(wptr(f), IH_RB_WPTR, RB_OVERFLOW));
	CHECK(fake_logged(f, "ih-overflow"));

	/* Clear the overflow as vega20_ih_get_wptr() does. */
	set_rptr(f, (wptr(f) & ~1u) + IV_BYTES);
	vgpu_mmio_write(f->vg, cntl, VG_FIELD_SET(value, IH_RB_CNTL, WPTR_OVERFLOW_CLEAR, 1));
	vgpu_mmio_write(f->vg, cntl, value);
	CHECK(!VG_FIELD(wptr(f), IH_RB_WPTR, RB_OVERFLOW));
	set_rptr(f, wptr(f)); /* the driver has read all vectors */
	raise(f, 99);
	CHECK(!VG_FIELD(wptr(f), IH_RB_WPTR, RB_OVERFLOW));
	fake_free(f);
}

static void a_disabled_ring_takes_nothing(void)
{
	struct fake_host *f = ready();

	vgpu_mmio_write(f->vg, 4 * VG_ADDR(IH_RB_CNTL), 0);
	raise(f, 1);
	CHECK(f->irqs == 0);
	CHECK(wptr(f) == 0);
	CHECK(fake_log_count(f, " iv client=") == 1);
	CHECK(fake_logged(f, "enabled=0"));
	fake_free(f);
}

static void the_doorbell_moves_the_read_pointer(void)
{
	enum { INDEX = 0x340 };
	struct fake_host *f = ready();

	vgpu_mmio_write(f->vg, 4 * VG_ADDR(IH_DOORBELL_RPTR),
			VG_FIELD_PREP(IH_DOORBELL_RPTR, OFFSET, INDEX) |
				VG_FIELD_PREP(IH_DOORBELL_RPTR, ENABLE, 1));
	vgpu_doorbell_write(f->vg, 4 * INDEX, 3 * IV_BYTES, 4);
	CHECK(vgpu_mmio_read(f->vg, 4 * VG_ADDR(IH_RB_RPTR)) == 3 * IV_BYTES);
	fake_free(f);
}

int main(void)
{
	vectors_lie_in_order_and_interrupt();
	time_stamps_go_up();
	the_ring_wraps();
	overflow_is_told_until_cleared();
	a_disabled_ring_takes_nothing();
	the_doorbell_moves_the_read_pointer();
	return 0;
}
