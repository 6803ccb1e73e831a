/* SPDX-License-Identifier: MIT */
/*
 * Memory controller: VM contexts, TLB flushes and fault reports.  The registers
 * of all hubs have the same fields, so the masks of the GFX hub serve the MMHUB, too.
 */
#include <string.h>

#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_gc.h"

/*
 * Bits in the interrupt vector of a GPU page fault: gmc_v9_0.c:545-566,
 * kfd_int_process_v9.c:554-556.
 */
enum {
	FAULT_RING_INVALID = 1 << 3,
	FAULT_RING_READ = 1 << 4,
	FAULT_RING_WRITE = 1 << 5,
	FAULT_ADDR_HI_SHIFT = 44,
	FAULT_ADDR_HI_MASK = 0xf,
	FAULT_DATA1_WRITE = 1 << 5, /* AMDGPU_GMC9_FAULT_SOURCE_DATA_WRITE */
};

/* The bits of the field PERMISSION_FAULTS in VM_L2_PROTECTION_FAULT_STATUS. */
enum {
	FAULT_PERM_VALID = 1 << 0,
	FAULT_PERM_READ = 1 << 1,
	FAULT_PERM_WRITE = 1 << 2,
};

const struct vg_hub_regs *vg_hub_regs(enum vg_hub_id hub)
{
	static const struct vg_hub_regs *const regs[VG_MAX_HUBS] = {
		[VG_GFXHUB] = &vg_gfxhub_regs,
		[VG_MMHUB] = &vg_mmhub_regs,
		[VG_GFXHUB1] = &vg_gfxhub1_regs,
	};

	return regs[hub];
}

static uint64_t reg64(const struct vgpu *vg, uint32_t lo)
{
	return vg_u64(vg->regs[lo], vg->regs[lo + 1]);
}

static void read_context(struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid,
			 struct vg_vm_context *ctx)
{
	const struct vg_hub_regs *r = vg_hub_regs(hub);
	uint32_t cntl = vg->regs[r->context_cntl + vmid];

	ctx->enabled = VG_FIELD(cntl, VM_CONTEXT1_CNTL, ENABLE_CONTEXT);
	ctx->depth = VG_FIELD(cntl, VM_CONTEXT1_CNTL, PAGE_TABLE_DEPTH);
	ctx->block_size = VG_FIELD(cntl, VM_CONTEXT1_CNTL, PAGE_TABLE_BLOCK_SIZE);
	ctx->root = reg64(vg, r->base_lo + 2 * vmid);
	ctx->start = reg64(vg, r->start_lo + 2 * vmid) << VG_PAGE_SHIFT;
	ctx->last = (reg64(vg, r->end_lo + 2 * vmid) << VG_PAGE_SHIFT) + VG_PAGE_SIZE - 1;
}

enum vg_walk_status vg_gmc_walk(struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid, uint64_t va,
				vg_walk_read_fn read, void *arg, struct vg_translation *out)
{
	struct vg_vm_context ctx;

	read_context(vg, hub, vmid, &ctx);
	return vg_walk(&ctx, va, read, arg, out);
}

bool vg_gmc_fb_offset(struct vgpu *vg, enum vg_hub_id hub, uint64_t va, uint64_t *offset)
{
	const struct vg_hub_regs *r = vg_hub_regs(hub);
	uint64_t base = VG_FIELD(vg->regs[r->fb_base], MC_VM_FB_LOCATION_BASE, FB_BASE);
	uint64_t top = VG_FIELD(vg->regs[r->fb_top], MC_VM_FB_LOCATION_TOP, FB_TOP);
	uint64_t unit = va >> VG_FB_LOCATION_SHIFT;

	if (unit < base || unit > top)
		return false;
	*offset = va - (base << VG_FB_LOCATION_SHIFT);
	return true;
}

/* ---- invalidation ---- */

/* Does the injected fault leave out the flushes of this hub? */
static bool is_left_out(struct vgpu *vg, enum vg_hub_id hub)
{
	uint64_t xcc = vg->injection[VG_INJECT_NO_XCC_FLUSH].amount;

	return hub != VG_MMHUB && vg_hub_xcc(hub) == xcc && vg_inject(vg, VG_INJECT_NO_XCC_FLUSH);
}

/* Do a flush that the driver has asked for. */
static void flush(struct vgpu *vg, enum vg_hub_id hub, uint32_t vmids, const char *why)
{
	/*
	 * The injected faults leave out the flush of users' VMIDs only.  Without flushes of
	 * VMID 0 the driver itself would fail.
	 */
	if (vg_inject(vg, VG_INJECT_NO_TLB_FLUSH) || is_left_out(vg, hub))
		vmids &= 1;
	vg_tlb_invalidate(vg, hub, vmids, why);
}

unsigned int vg_gmc_flush_steps(struct vgpu *vg)
{
	return vg_random(vg, vg->config.flush_steps) + vg_inject_amount(vg, VG_INJECT_LATE_TLB_ACK);
}

void vg_tlb_invalidate_pasid(struct vgpu *vg, unsigned int xcc, unsigned int pasid, bool all_hubs,
			     const char *why)
{
	uint32_t vmids = 0;

	for (unsigned int vmid = 1; vmid < VG_NUM_VMIDS; vmid++)
		if (vg_vmid_pasid(vg, vmid) == (int)pasid)
			vmids |= 1u << vmid;
	vg_trace(vg, "flush-pasid pasid=0x%x vmids=0x%04x all_hubs=%d", pasid, vmids, all_hubs);
	flush(vg, vg_gfxhub(xcc), vmids, why);
	if (all_hubs)
		flush(vg, VG_MMHUB, vmids, why);
}

static void clear_fault(struct vgpu *vg, enum vg_hub_id hub)
{
	const struct vg_hub_regs *r = vg_hub_regs(hub);

	vg->regs[r->fault_status] = 0;
	vg->regs[r->fault_addr_lo] = 0;
	vg->regs[r->fault_addr_lo + 1] = 0;
	vg_gfx9(vg)->hub[hub].fault_latched = false;
}

/* The hub of a register; @gfxhub_addr is the address of that register in the first GFX hub. */
static enum vg_hub_id hub_of(const struct vg_reg *reg, uint32_t gfxhub_addr)
{
	if (reg->instance)
		return vg_gfxhub(reg->instance);
	return reg->first == gfxhub_addr ? VG_GFXHUB : VG_MMHUB;
}

/* End a flush: drop the translations, and only then acknowledge. */
static void acknowledge(struct vgpu *vg, enum vg_hub_id hub, unsigned int engine)
{
	struct vg_flush *f = &vg_gfx9(vg)->hub[hub].flush[engine];

	flush(vg, hub, f->vmids, "ENG_REQ");
	vg->regs[vg_hub_regs(hub)->eng_ack + engine] = f->vmids;
	*f = (struct vg_flush){ 0 };
	vg_sched_wake(vg);
}

/*
 * Start a flush.  If one is under way in the same engine, the request becomes part of it, and
 * the flush gets a new number of steps.
 */
static void request_flush(struct vgpu *vg, enum vg_hub_id hub, unsigned int engine, uint32_t vmids)
{
	struct vg_flush *f = &vg_gfx9(vg)->hub[hub].flush[engine];
	bool under_way = f->vmids;

	f->vmids |= vmids;
	f->steps = vg_gmc_flush_steps(vg);
	vg->regs[vg_hub_regs(hub)->eng_ack + engine] = 0;
	if (!f->vmids || !f->steps) {
		vg->sched.flushes -= under_way;
		acknowledge(vg, hub, engine);
		return;
	}
	vg->sched.flushes += !under_way;
	vg_trace(vg, "tlb-request hub=%s engine=%u vmids=0x%04x steps=%u", vg_hub_name(hub), engine,
		 f->vmids, f->steps);
}

void vg_gmc_step(struct vgpu *vg)
{
	for (enum vg_hub_id hub = 0; hub < vg->num_hubs; hub++) {
		for (unsigned int i = 0; i < VG_NUM_INVALIDATE_ENGINES; i++) {
			struct vg_flush *f = &vg_gfx9(vg)->hub[hub].flush[i];

			if (!f->vmids || --f->steps)
				continue;
			vg->sched.flushes--;
			acknowledge(vg, hub, i);
		}
	}
}

void vg_gmc_write_invalidate_req(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
				 uint32_t value)
{
	enum vg_hub_id hub = hub_of(reg, vg_gfxhub_regs.eng_req);
	uint32_t vmids = VG_FIELD(value, VM_INVALIDATE_ENG0_REQ, PER_VMID_INVALIDATE_REQ);

	vg->regs[reg->first + index] = value;
	if (!VG_FIELD(value, VM_INVALIDATE_ENG0_REQ, INVALIDATE_L2_PTES) ||
	    !VG_FIELD(value, VM_INVALIDATE_ENG0_REQ, INVALIDATE_L1_PTES)) {
		vg_stop(vg, "%s: invalidate request 0x%08x of only a part of the PTE caches",
			vg_hub_name(hub), value);
		return;
	}
	if (VG_FIELD(value, VM_INVALIDATE_ENG0_REQ, CLEAR_PROTECTION_FAULT_STATUS_ADDR))
		clear_fault(vg, hub);
	request_flush(vg, hub, index, vmids);
}

/* ---- faults ---- */

void vg_gmc_write_fault_cntl(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
			     uint32_t value)
{
	/* CLEAR is a command and reads back as 0. */
	if (VG_FIELD(value, VM_L2_PROTECTION_FAULT_CNTL, CLEAR_PROTECTION_FAULT_STATUS_ADDR))
		clear_fault(vg, hub_of(reg, VG_ADDR(VM_L2_PROTECTION_FAULT_CNTL)));
	vg->regs[reg->first] = VG_FIELD_SET(value, VM_L2_PROTECTION_FAULT_CNTL,
					    CLEAR_PROTECTION_FAULT_STATUS_ADDR, 0);
}

/*
 * Store the fault in the registers, unless they have a fault that the driver has not cleared yet.
 */
static void latch_fault(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
			enum vg_access access, enum vg_walk_status why)
{
	const struct vg_hub_regs *r = vg_hub_regs(port->hub);
	struct vg_hub *hub = &vg_gfx9(vg)->hub[port->hub];
	uint32_t perm = FAULT_PERM_VALID;
	uint32_t status;

	if (hub->fault_latched) {
		vg->regs[r->fault_status] |=
			VG_FIELD_PREP(VM_L2_PROTECTION_FAULT_STATUS, MORE_FAULTS, 1);
		return;
	}
	if (why == VG_WALK_OK)
		perm = access & VG_WRITE ? FAULT_PERM_WRITE : FAULT_PERM_READ;
	status = VG_FIELD_PREP(VM_L2_PROTECTION_FAULT_STATUS, PERMISSION_FAULTS, perm) |
		 VG_FIELD_PREP(VM_L2_PROTECTION_FAULT_STATUS, WALKER_ERROR,
			       why == VG_WALK_RANGE || why == VG_WALK_BAD_TABLE) |
		 VG_FIELD_PREP(VM_L2_PROTECTION_FAULT_STATUS, CID, port->cid) |
		 VG_FIELD_PREP(VM_L2_PROTECTION_FAULT_STATUS, RW, !!(access & VG_WRITE)) |
		 VG_FIELD_PREP(VM_L2_PROTECTION_FAULT_STATUS, VMID, vmid);
	vg->regs[r->fault_status] = status;
	vg->regs[r->fault_addr_lo] = vg_lo(va >> VG_PAGE_SHIFT);
	vg->regs[r->fault_addr_lo + 1] = vg_hi(va >> VG_PAGE_SHIFT);
	hub->fault_latched = true;
}

/* The bits that a kind of GPU page fault has in VM_CONTEXTn_CNTL and in the hub's FAULT_CNTL. */
struct fault_bits {
	uint32_t interrupt, context_default, hub_default;
};

#define FAULT_BITS(kind) \
	{ VM_CONTEXT1_CNTL__##kind##_PROTECTION_FAULT_ENABLE_INTERRUPT_MASK, \
	  VM_CONTEXT1_CNTL__##kind##_PROTECTION_FAULT_ENABLE_DEFAULT_MASK, \
	  VM_L2_PROTECTION_FAULT_CNTL__##kind##_PROTECTION_FAULT_ENABLE_DEFAULT_MASK }

static const struct fault_bits *bits_of(enum vg_access access, enum vg_walk_status why)
{
	static const struct fault_bits range = FAULT_BITS(RANGE), bad_table = FAULT_BITS(PDE0),
				       invalid = FAULT_BITS(VALID), read = FAULT_BITS(READ),
				       write = FAULT_BITS(WRITE);

	switch (why) {
	case VG_WALK_RANGE:
		return &range;
	case VG_WALK_BAD_TABLE:
		return &bad_table;
	case VG_WALK_INVALID:
		return &invalid;
	case VG_WALK_OK:
		break;
	}
	return access & VG_WRITE ? &write : &read;
}

/* Has the driver enabled the interrupt for this kind of GPU page fault of the VMID? */
static bool interrupt_enabled(const struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid,
			      enum vg_access access, enum vg_walk_status why)
{
	uint32_t cntl = vg->regs[vg_hub_regs(hub)->context_cntl + vmid];

	return cntl & bits_of(access, why)->interrupt;
}

bool vg_gmc_default_page(const struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid,
			 enum vg_access access, enum vg_walk_status why)
{
	const struct vg_hub_regs *r = vg_hub_regs(hub);
	const struct fault_bits *bits = bits_of(access, why);

	return vg->regs[r->context_cntl + vmid] & bits->context_default &&
	       vg->regs[r->fault_cntl] & bits->hub_default;
}

static void raise_fault(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
			enum vg_access access, enum vg_walk_status why)
{
	const struct vg_hub_regs *r = vg_hub_regs(port->hub);
	struct vg_iv iv = {
		.client = r->ih_client,
		.source = r->ih_source,
		.node = r->ih_node,
		.vmid = vmid,
		.mmhub = port->hub == VG_MMHUB,
		.data[0] = vg_lo(va >> VG_PAGE_SHIFT),
		.data[1] = va >> FAULT_ADDR_HI_SHIFT & FAULT_ADDR_HI_MASK,
	};

	if (why != VG_WALK_OK)
		iv.ring |= FAULT_RING_INVALID;
	else
		iv.ring |= access & VG_WRITE ? FAULT_RING_WRITE : FAULT_RING_READ;
	if (access & VG_WRITE)
		iv.data[1] |= FAULT_DATA1_WRITE;
	for (unsigned int n = 1 + vg_inject_amount(vg, VG_INJECT_FAULT_STORM); n; n--)
		vg_ih_raise(vg, &iv);
}

void vg_gmc_fault(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		  enum vg_access access, enum vg_walk_status why)
{
	static const char *const reasons[] = {
		[VG_WALK_OK] = "permission",
		[VG_WALK_RANGE] = "range",
		[VG_WALK_INVALID] = "invalid",
		[VG_WALK_BAD_TABLE] = "bad-table",
	};
	const char *rw = access & VG_WRITE ? "write" : "read";

	vg_trace(vg, "fault hub=%s vmid=%u pasid=%d va=0x%llx access=%s why=%s cid=0x%x",
		 vg_hub_name(port->hub), vmid, vg_vmid_pasid(vg, vmid), (unsigned long long)va, rw,
		 reasons[why], port->cid);
	if (vmid == 0) {
		vg_stop(vg, "%s: %s of 0x%llx by the kernel's VMID 0: %s", vg_hub_name(port->hub),
			rw, (unsigned long long)va, reasons[why]);
		return;
	}
	latch_fault(vg, port, vmid, va, access, why);
	if (interrupt_enabled(vg, port->hub, vmid, access, why))
		raise_fault(vg, port, vmid, va, access, why);
}

/* ---- roots of page tables, which the scheduler firmware (HWS) sets ---- */

void vg_vmid_set_root(struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid, uint64_t root)
{
	uint32_t lo = vg_hub_regs(hub)->base_lo + 2 * vmid;

	vg->regs[lo] = vg_lo(root);
	vg->regs[lo + 1] = vg_hi(root);
}

uint64_t vg_vmid_root(const struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid)
{
	return reg64(vg, vg_hub_regs(hub)->base_lo + 2 * vmid);
}

static void hubs_reset(struct vgpu *vg)
{
	for (enum vg_hub_id hub = 0; hub < vg->num_hubs; hub++) {
		vg_tlb_drop(vg->tlb[hub], (1u << VG_NUM_VMIDS) - 1);
		vg_gfx9(vg)->hub[hub].fault_latched = false;
		memset(vg_gfx9(vg)->hub[hub].flush, 0, sizeof(vg_gfx9(vg)->hub[hub].flush));
	}
	vg->sched.flushes = 0;
}

const struct vg_block vg_gmc_block = {
	.name = "gmc",
	.reset = hubs_reset,
};
