/* SPDX-License-Identifier: MIT */
/* Tests reports of GPU page faults, and TLB flushes, through the registers that the driver uses. */
#include "gfx9/regs_gc.h"
#include "soc15_ih_clientid.h"
#include "tests/fake_host.h"

enum { VMID = 4, PASID = 0x8001, CID = 5, IH_BYTES = 4096 };
#define VA 0x123456789000ull

static const struct vg_port gfx = { .hub = VG_GFXHUB, .cid = CID };
static const struct vg_port mm = { .hub = VG_MMHUB, .cid = CID };

static struct fake_host *ready(void)
{
	struct fake_host *f = fake_new();

	fake_enable_vmid(f, VMID);
	fake_enable_ih(f, IH_BYTES);
	vg_vmid_set_pasid(f->vg, VMID, PASID);
	return f;
}

static uint32_t status(struct fake_host *f)
{
	return vgpu_mmio_read(f->vg, 4 * vg_gfxhub_regs.fault_status);
}

static void a_fault_fills_registers_and_vector(void)
{
	struct fake_host *f = ready();
	const uint32_t *iv;
	uint32_t s;

	vg_mem_write32(f->vg, &gfx, VMID, VA, 1);
	s = status(f);
	CHECK(VG_FIELD(s, VM_L2_PROTECTION_FAULT_STATUS, VMID) == VMID);
	CHECK(VG_FIELD(s, VM_L2_PROTECTION_FAULT_STATUS, CID) == CID);
	CHECK(VG_FIELD(s, VM_L2_PROTECTION_FAULT_STATUS, RW) == 1);
	CHECK(VG_FIELD(s, VM_L2_PROTECTION_FAULT_STATUS, PERMISSION_FAULTS));
	CHECK(!VG_FIELD(s, VM_L2_PROTECTION_FAULT_STATUS, MORE_FAULTS));
	CHECK(vgpu_mmio_read(f->vg, 4 * vg_gfxhub_regs.fault_addr_lo) == vg_lo(VA >> 12));

	CHECK(f->irqs == 1);
	iv = fake_iv(f, 0);
	CHECK((iv[0] & 0xff) == SOC15_IH_CLIENTID_UTCL2);
	CHECK((iv[0] >> 24 & 0xf) == VMID);
	CHECK(!(iv[0] >> 31));
	CHECK((iv[3] & 0xffff) == PASID);
	CHECK((iv[3] >> 16 & 0xff) == VG_NODE_XCC0);
	CHECK(iv[4] == vg_lo(VA >> 12));
	CHECK((iv[5] & 0xf) == VA >> 44);
	CHECK(iv[5] & 0x20); /* write */
	fake_free(f);
}

static void the_mmhub_reports_as_itself(void)
{
	struct fake_host *f = ready();
	uint32_t v;

	vg_mem_read32(f->vg, &mm, VMID, VA, &v);
	CHECK(status(f) == 0);
	CHECK(vgpu_mmio_read(f->vg, 4 * vg_mmhub_regs.fault_status));
	CHECK((fake_iv(f, 0)[0] & 0xff) == SOC15_IH_CLIENTID_VMC);
	CHECK(fake_iv(f, 0)[0] >> 31);
	fake_free(f);
}

static void the_first_fault_stays_until_cleared(void)
{
	struct fake_host *f = ready();
	uint32_t v, cntl = 4 * VG_ADDR(VM_L2_PROTECTION_FAULT_CNTL);
	uint32_t kept;

	vg_mem_read32(f->vg, &gfx, VMID, VA, &v);
	kept = vgpu_mmio_read(f->vg, 4 * vg_gfxhub_regs.fault_addr_lo);
	vg_mem_read32(f->vg, &gfx, VMID, VA + 0x1000, &v);
	CHECK(vgpu_mmio_read(f->vg, 4 * vg_gfxhub_regs.fault_addr_lo) == kept);
	CHECK(VG_FIELD(status(f), VM_L2_PROTECTION_FAULT_STATUS, MORE_FAULTS));
	CHECK(f->irqs == 2); /* each fault is reported */

	vgpu_mmio_write(f->vg, cntl, 1);
	CHECK(status(f) == 0);
	CHECK(!(vgpu_mmio_read(f->vg, cntl) & 1));
	vg_mem_read32(f->vg, &gfx, VMID, VA + 0x1000, &v);
	CHECK(vgpu_mmio_read(f->vg, 4 * vg_gfxhub_regs.fault_addr_lo) == kept + 1);
	fake_free(f);
}

static void no_interrupt_when_the_context_masks_it(void)
{
	struct fake_host *f = ready();
	uint32_t cntl = 4 * (vg_gfxhub_regs.context_cntl + VMID);
	uint32_t v;

	vgpu_mmio_write(f->vg, cntl,
			VG_FIELD_SET(vgpu_mmio_read(f->vg, cntl), VM_CONTEXT1_CNTL,
				     VALID_PROTECTION_FAULT_ENABLE_INTERRUPT, 0));
	vg_mem_read32(f->vg, &gfx, VMID, VA, &v);
	CHECK(status(f));
	CHECK(f->irqs == 0);
	fake_free(f);
}

static void invalidation_is_acknowledged_per_vmid(void)
{
	struct fake_host *f = ready();
	uint32_t ack = 4 * vg_gfxhub_regs.eng_ack;

	CHECK(vgpu_mmio_read(f->vg, ack) == 0);
	fake_flush(f, VG_GFXHUB, VMID);
	CHECK(vgpu_mmio_read(f->vg, ack) == 1u << VMID);
	CHECK(vgpu_mmio_read(f->vg, 4 * vg_mmhub_regs.eng_ack) == 0);
	fake_free(f);
}

static void by_pasid_means_the_vmids_of_the_process(void)
{
	struct fake_host *f = ready();
	uint64_t page = FAKE_RAM_BASE + 0x1000;
	uint32_t v;

	fake_enable_vmid(f, VMID + 1);
	vg_vmid_set_pasid(f->vg, VMID + 1, PASID + 1);
	fake_map(f, VMID, VA, page, FAKE_RW | VG_PTE_SYSTEM);
	fake_map(f, VMID + 1, VA, page, FAKE_RW | VG_PTE_SYSTEM);
	for (unsigned int vmid = VMID; vmid <= VMID + 1; vmid++) {
		CHECK(!vg_mem_read32(f->vg, &gfx, vmid, VA, &v));
		CHECK(!vg_mem_read32(f->vg, &mm, vmid, VA, &v));
		*fake_pte(f, vmid, VA) = 0;
	}

	vg_tlb_invalidate_pasid(f->vg, 0, PASID, false, "test");
	CHECK(vg_mem_read32(f->vg, &gfx, VMID, VA, &v));
	CHECK(!vg_mem_read32(f->vg, &mm, VMID, VA, &v));
	CHECK(!vg_mem_read32(f->vg, &gfx, VMID + 1, VA, &v));
	vg_tlb_invalidate_pasid(f->vg, 0, PASID, true, "test");
	CHECK(vg_mem_read32(f->vg, &mm, VMID, VA, &v));
	CHECK(!vg_mem_read32(f->vg, &mm, VMID + 1, VA, &v));
	fake_free(f);
}

static void partial_invalidation_stops(void)
{
	struct fake_host *f = ready();

	vgpu_mmio_write(f->vg, 4 * vg_gfxhub_regs.eng_req, 1u << VMID);
	fake_expect_stop(f, "only a part");
}

int main(void)
{
	a_fault_fills_registers_and_vector();
	the_mmhub_reports_as_itself();
	the_first_fault_stays_until_cleared();
	no_interrupt_when_the_context_masks_it();
	invalidation_is_acknowledged_per_vmid();
	by_pasid_means_the_vmids_of_the_process();
	partial_invalidation_stops();
	return 0;
}
