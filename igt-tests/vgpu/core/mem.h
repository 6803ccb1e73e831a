/* SPDX-License-Identifier: MIT */
/*
 * Memory as the engines see it.  Engines and blocks access memory through these
 * functions only.  Each access goes through a TLB or the page tables and through the
 * permission check, except that VMID 0 reaches VRAM directly and vg_bus_write() takes a
 * bus address.  The judge sees each access to guest RAM.
 */
#ifndef VG_MEM_H
#define VG_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vgpu;

enum {
	VG_NUM_VMIDS = 16,
	VG_PAGE_SHIFT = 12,
	VG_PAGE_SIZE = 1 << VG_PAGE_SHIFT,
};

/*
 * A hub translates addresses for a group of engines and has a TLB of its own.  Each compute die
 * (XCC) has a GFX hub; a GPU with one XCC has only the first two hubs.
 */
enum vg_hub_id { VG_GFXHUB, VG_MMHUB, VG_GFXHUB1, VG_MAX_HUBS };
/* The GFX hub of an XCC. */
static inline enum vg_hub_id vg_gfxhub(unsigned int xcc)
{
	return xcc ? VG_GFXHUB1 : VG_GFXHUB;
}
/* The XCC of a GFX hub. */
static inline unsigned int vg_hub_xcc(enum vg_hub_id hub)
{
	return hub == VG_GFXHUB1;
}
/* The hub's name for messages. */
const char *vg_hub_name(enum vg_hub_id hub);

enum vg_access { VG_READ = 1, VG_WRITE = 2, VG_EXECUTE = 4 };

/* The unit that accesses memory. */
struct vg_port {
	enum vg_hub_id hub; /* the hub that translates the unit's addresses */
	unsigned int cid;   /* names the unit in the reports of its GPU page faults */
	bool kernel;	    /* the unit works on a queue of the kernel: see vg_mem_read() */
};

/*
 * Access [va, va + len) of @vmid; the range may cross pages.  These functions return 0, or -EFAULT
 * after a page fault or when the model has stopped.  At a page fault they have transferred the
 * bytes before the faulting page.  They report a page fault of VMID 1..15 to the driver as the
 * hardware does, and stop the model at a page fault of VMID 0.  After -EFAULT the caller must not
 * let the queue go on that asked for the access.
 *
 * There are two exceptions.  When a kernel queue (vg_port.kernel) fetches or executes a packet for
 * a user's VMID, these functions report the fault, too, but read zeros or write nothing and return
 * 0.  The hardware does so with the default page, which it accesses in place of a missing page.
 * Otherwise one user's bad address would hang the ring that all users share.
 *
 * With vg_config.default_page an access by a packet of a user's queue also reads zeros or writes
 * nothing and returns 0, if the driver has enabled the default page for this kind of fault.  The
 * fetch of a packet and the read of the write pointer still fail.
 *
 * A write may also go to another device, such as the VRAM BAR of another GPU.  A read or an atomic
 * operation there stops the model.
 *
 * The CPUs see an aligned access of 4 or 8 bytes as one atomic access.  Reads have acquire and
 * writes release semantics.
 */
int vg_mem_read(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		void *buf, size_t len);
int vg_mem_write(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		 const void *buf, size_t len);
/*
 * Replace an aligned 4 or 8 byte value by @update(value, @arg), atomically for
 * the CPUs.  @old gets the old value unless it is NULL.  To the judge it is one write.
 */
int vg_mem_atomic(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		  unsigned int size, uint64_t (*update)(uint64_t old, const void *arg),
		  const void *arg, uint64_t *old);

static inline int vg_mem_read32(struct vgpu *vg, const struct vg_port *port, unsigned int vmid,
				uint64_t va, uint32_t *value)
{
	return vg_mem_read(vg, port, vmid, va, value, sizeof(*value));
}

static inline int vg_mem_read64(struct vgpu *vg, const struct vg_port *port, unsigned int vmid,
				uint64_t va, uint64_t *value)
{
	return vg_mem_read(vg, port, vmid, va, value, sizeof(*value));
}

static inline int vg_mem_write32(struct vgpu *vg, const struct vg_port *port, unsigned int vmid,
				 uint64_t va, uint32_t value)
{
	return vg_mem_write(vg, port, vmid, va, &value, sizeof(value));
}

static inline int vg_mem_write64(struct vgpu *vg, const struct vg_port *port, unsigned int vmid,
				 uint64_t va, uint64_t value)
{
	return vg_mem_write(vg, port, vmid, va, &value, sizeof(value));
}

/* Write to a bus address, for units that use such addresses: the IH, if its ring has one. */
int vg_bus_write(struct vgpu *vg, uint64_t addr, const void *buf, size_t len);

/* Drop the translations of @vmids (a bit mask) from the hub's TLB; the trace says @why. */
void vg_tlb_invalidate(struct vgpu *vg, enum vg_hub_id hub, uint32_t vmids, const char *why);

#endif
