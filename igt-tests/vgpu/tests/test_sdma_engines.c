/* SPDX-License-Identifier: MIT */
/* Tests the second SDMA engine, which a GPU with two XCCs has. */
#include "gfx9/regs_sdma.h"
#include "soc15_ih_clientid.h"
#include "tests/fake_sdma.h"

enum { MQD_AT = 0x600000, MARK = 0x1234, STEPS = 1000, IH_BYTES = 4096 };
#define MQD (FAKE_GART_BASE + MQD_AT)

/* Map RLC queue 0 of engine 1 for the HWS of XCC 1. */
static struct fake_host *start(struct fake_sdma *s)
{
	struct fake_host *f = fake_sdma_host_xccs(2);

	fake_sdma_init(s, f, VG_SDMA_RLC0, SDMA_VMID);
	fake_sdma_write_mqd(s, MQD, false);
	vg_sdma_map(f->vg, 1, 1, s->vmid, s->doorbell, MQD, s->wptr_addr);
	return f;
}

static void its_queues_work(void)
{
	const struct vg_sdma_fence fence = sdma_fence(SDMA_DATA, MARK);
	struct fake_sdma s;
	struct fake_host *f = start(&s);

	fake_sdma_emit(&s, &fence, sizeof(fence) / 4);
	fake_sdma_ring(&s);
	fake_run(f, STEPS);
	CHECK(*(uint32_t *)fake_gart(f, SDMA_DATA) == MARK);
	CHECK(fake_logged(f, "map queue=sdma1.rlc0"));
	fake_free(f);
}

static void the_hws_of_its_xcc_unmaps_its_queues(void)
{
	const struct vg_unmap all = { .sel = VG_UNMAP_ALL };
	struct fake_sdma s;
	struct fake_host *f = start(&s);

	CHECK(vg_sdma_unmap(f->vg, 0, &all) == 0);
	CHECK(vg_sdma_unmap(f->vg, 1, &all) == 1);
	fake_run(f, STEPS);
	CHECK(vg_sdma_unmap(f->vg, 1, &all) == 0);
	fake_free(f);
}

static void its_interrupts_and_faults_name_it(void)
{
	const struct vg_sdma_trap trap = { VG_SDMA_HEADER(VG_SDMA_TRAP, 0), MARK };
	const struct vg_sdma_fence lost = sdma_fence(SDMA_DATA + SDMA_DATA_SIZE, 1);
	struct fake_sdma s;
	struct fake_host *f = start(&s);

	fake_enable_ih(f, IH_BYTES);
	vgpu_mmio_write(f->vg, 4 * (VG_ADDR(SDMA_CNTL) + VG_XCC_DISTANCE),
			VG_FIELD_PREP(SDMA_CNTL, TRAP_ENABLE, 1));
	fake_sdma_emit(&s, &trap, sizeof(trap) / 4);
	fake_sdma_emit(&s, &lost, sizeof(lost) / 4);
	fake_sdma_ring(&s);
	fake_run(f, STEPS);
	CHECK((fake_iv(f, 0)[0] & 0xff) == SOC15_IH_CLIENTID_SDMA1);
	CHECK((fake_iv(f, 0)[0] >> 16 & 0xff) == VG_SDMA_RLC0);
	CHECK(fake_logged(f, "access=write why=invalid cid=0x101"));
	fake_free(f);
}

int main(void)
{
	its_queues_work();
	the_hws_of_its_xcc_unmaps_its_queues();
	its_interrupts_and_faults_name_it();
	return 0;
}
