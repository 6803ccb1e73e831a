/* SPDX-License-Identifier: MIT */
/*
 * The GPU's accesses to memory.  Each access to a GPU address goes through access_block():
 * TLB, page walk, permissions, bounds, and then VRAM or guest RAM.  Page walks and
 * vg_bus_write() use addresses that need no translation.
 */
#include <errno.h>
#include <string.h>

#include "core/gpu.h"

const char *vg_hub_name(enum vg_hub_id hub)
{
	static const char *const names[VG_MAX_HUBS] = {
		[VG_GFXHUB] = "gfxhub",
		[VG_MMHUB] = "mmhub",
		[VG_GFXHUB1] = "gfxhub1",
	};

	return names[hub];
}

/*
 * The host's pointer to [phys, phys + len), NULL when there is no such memory.  In system memory
 * @phys is a bus address, and @gpa gets its guest physical address.
 */
static void *host_pointer(struct vgpu *vg, uint64_t phys, bool system, uint64_t len, bool write,
			  uint64_t *gpa)
{
	if (system)
		return vg->ops->dma(vg->host, phys, len, write, gpa);
	if (phys >= VG_VRAM_SIZE || len > VG_VRAM_SIZE - phys)
		return NULL;
	return (uint8_t *)vg->config.vram + phys;
}

/* Judge an access to a bus address that no TLB translates. */
static void judge_untranslated(struct vgpu *vg, uint64_t addr, uint64_t gpa, size_t len, bool write)
{
	const struct vg_judged_access access = {
		.va = addr,
		.addr = addr,
		.gpa = gpa,
		.len = len,
		.write = write,
		.read_at = vg->judge->now(vg),
	};

	vg->judge->access(vg, &access);
}

static bool read_entry(void *arg, uint64_t phys, bool system, uint64_t *entry)
{
	uint64_t gpa;
	const uint64_t *p = host_pointer(arg, phys, system, sizeof(*entry), false, &gpa);

	if (!p)
		return false;
	if (system)
		judge_untranslated(arg, phys, gpa, sizeof(*entry), false);
	*entry = __atomic_load_n(p, __ATOMIC_ACQUIRE);
	return true;
}

/* Translate through the page tables and keep the result in the TLB. */
static enum vg_walk_status fill(struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid, uint64_t va,
				struct vg_tlb_entry *entry)
{
	struct vg_translation t;
	enum vg_walk_status status;
	uint64_t read_at = vg->judge->now(vg);
	uint64_t mask;

	status = vg->chip->mmu.walk(vg, hub, vmid, va, read_entry, vg, &t);
	if (status != VG_WALK_OK) {
		vg_trace(vg, "walk-failed hub=%s vmid=%u va=0x%llx level=%u entry=0x%llx",
			 vg_hub_name(hub), vmid, (unsigned long long)va, t.level,
			 (unsigned long long)t.entry);
		return status;
	}
	mask = (1ull << t.shift) - 1;
	*entry = (struct vg_tlb_entry){
		.block = va >> t.shift,
		.phys = t.phys - (va & mask),
		.read_at = read_at,
		.shift = t.shift,
		.vmid = vmid,
		.access = t.access,
		.system = t.system,
		.prt = t.prt,
	};
	if (vg_tlb_insert(vg->tlb[hub], entry))
		vg_stop(vg, "no memory for the TLB");
	return VG_WALK_OK;
}

void vg_tlb_invalidate(struct vgpu *vg, enum vg_hub_id hub, uint32_t vmids, const char *why)
{
	size_t dropped = vg_tlb_drop(vg->tlb[hub], vmids);

	vg_trace(vg, "tlb-flush hub=%s vmids=0x%04x dropped=%zu why=%s", vg_hub_name(hub), vmids,
		 dropped, why);
}

struct target {
	uint64_t phys;
	uint64_t len;	  /* number of contiguous bytes from phys on */
	uint64_t read_at; /* struct vg_judged_access explains it */
	bool system;
	bool nothing; /* PRT, default page, injected bus error: reads give 0, writes are lost */
};

/* Does a packet of a user execute now?  A packet of the kernel may access a user's VMID as well. */
static bool executes_for_user(const struct vgpu *vg)
{
	return vg->sched.executing && vg_queue_vmid(vg->sched.executing);
}

/*
 * A page fault does not halt a kernel queue that works for a user's VMID.  The comment of
 * vg_mem_read() in mem.h says why.
 */
static bool survives_faults(const struct vg_port *port, unsigned int vmid)
{
	return vmid && port->kernel;
}

/*
 * Does this access of a user's packet go to the default page?  A queue's fetch of a packet or read
 * of a write pointer does not, so it still halts the queue: no source says how an engine would go
 * on with zeros in place of a packet or of a write pointer.
 */
static bool is_redirected(struct vgpu *vg, const struct vg_port *port, unsigned int vmid,
			  enum vg_access missing, enum vg_walk_status why)
{
	return vg->config.default_page && vmid && !port->kernel && executes_for_user(vg) &&
	       vg->chip->mmu.default_page(vg, port->hub, vmid, missing, why);
}

/*
 * Report a page fault.  Returns -EFAULT, or 0 if the access goes on without memory.  A packet that
 * goes on may fault at many pages, or read the same missing page again and again.  Report only the
 * first fault of such a packet, because a queue that halts would report no other one.
 */
static int page_fault(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		      enum vg_access missing, enum vg_walk_status why, struct target *out)
{
	bool redirected = is_redirected(vg, port, vmid, missing, why);

	if (!redirected || !vg->sched.executing->faulted)
		vg->chip->mmu.fault(vg, port, vmid, va, missing, why);
	if (redirected)
		vg->sched.executing->faulted = true;
	else if (!survives_faults(port, vmid))
		return -EFAULT;
	*out = (struct target){
		.len = VG_PAGE_SIZE - va % VG_PAGE_SIZE,
		.nothing = true,
	};
	return 0;
}

/*
 * The report of a GPU page fault names one access.  For an atomic operation that is the read,
 * which comes first, unless only the permission to write is missing.
 */
static enum vg_access first_missing(unsigned int access, unsigned int granted)
{
	return access & ~granted & VG_READ ? VG_READ : VG_WRITE;
}

/* @access has the enum vg_access bits that the access needs. */
static int translate(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		     unsigned int access, struct target *out)
{
	const struct vg_mmu_ops *mmu = &vg->chip->mmu;
	const struct vg_tlb_entry *hit;
	struct vg_tlb_entry filled;
	enum vg_walk_status status = VG_WALK_OK;
	uint64_t mask;

	va &= (1ull << mmu->va_bits) - 1;
	if (vmid == 0 && mmu->direct(vg, port->hub, va, &out->phys)) {
		out->len = VG_VRAM_SIZE - out->phys;
		out->system = false;
		out->nothing = false;
		return 0;
	}
	hit = vg_tlb_find(vg->tlb[port->hub], vmid, va);
	if (!hit) {
		status = fill(vg, port->hub, vmid, va, &filled);
		hit = &filled;
	}
	if (status != VG_WALK_OK || access & ~hit->access)
		return page_fault(vg, port, vmid, va,
				  first_missing(access, status == VG_WALK_OK ? hit->access : 0),
				  status, out);
	mask = (1ull << hit->shift) - 1;
	out->phys = hit->phys + (va & mask);
	out->len = mask + 1 - (va & mask);
	out->read_at = hit->read_at;
	out->system = hit->system;
	out->nothing = hit->prt;
	return 0;
}

struct place {
	void *ptr;   /* the host's pointer; NULL: there is no page (struct target.nothing) */
	bool device; /* only in a write: not at @ptr, but at the bus address @addr of a device */
	uint64_t addr;
};

/*
 * Find the place of the part of [va, va + *len) that lies in one block, and cut *len to that part.
 * One call is one access: an injected fault strikes all of it, and the judge sees it once.
 */
static int access_block(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
			unsigned int access, size_t *len, struct place *at)
{
	struct target t;
	uint64_t gpa;

	if (vgpu_stopped(vg) || translate(vg, port, vmid, va, access, &t))
		return -EFAULT;
	if (*len > t.len)
		*len = t.len;
	/*
	 * End at the page, because the host maps guest RAM in pieces, and a large block may span
	 * several.
	 */
	if (t.system && *len > VG_PAGE_SIZE - t.phys % VG_PAGE_SIZE)
		*len = VG_PAGE_SIZE - t.phys % VG_PAGE_SIZE;
	if (t.system && vmid && executes_for_user(vg) && vg_inject(vg, VG_INJECT_BUS_ERROR))
		t.nothing = true;
	*at = (struct place){ .addr = t.phys };
	if (t.nothing)
		return 0;
	at->ptr = host_pointer(vg, t.phys, t.system, *len, access & VG_WRITE, &gpa);
	if (at->ptr && t.system)
		vg->judge->access(vg, &(struct vg_judged_access){
					      .vmid = vmid,
					      .va = va,
					      .addr = t.phys,
					      .gpa = gpa,
					      .len = *len,
					      .write = access & VG_WRITE,
					      .read_at = t.read_at,
				      });
	at->device = !at->ptr && t.system && access == VG_WRITE && vg->ops->bus_write &&
		     vg->ops->may_be_device(vg->host, t.phys);
	if (at->ptr || at->device)
		return 0;
	vg_stop(vg, "vmid %u va 0x%llx translates to %s address 0x%llx, where there is no memory",
		vmid, (unsigned long long)va, t.system ? "bus" : "VRAM",
		(unsigned long long)t.phys);
	return -EFAULT;
}

/*
 * copy_in() reads memory that the guest's CPUs may write at the same time, and copy_out()
 * writes memory that they may read.  Both copy an aligned dword or qword by one access, so
 * that neither side ever sees half of a fence or of a ring pointer.
 */
static void copy_in(void *dst, const void *src, size_t len)
{
	uint64_t v64;
	uint32_t v32;

	if (len == sizeof(v64) && (uintptr_t)src % sizeof(v64) == 0) {
		v64 = __atomic_load_n((const uint64_t *)src, __ATOMIC_ACQUIRE);
		memcpy(dst, &v64, sizeof(v64));
	} else if (len == sizeof(v32) && (uintptr_t)src % sizeof(v32) == 0) {
		v32 = __atomic_load_n((const uint32_t *)src, __ATOMIC_ACQUIRE);
		memcpy(dst, &v32, sizeof(v32));
	} else {
		memcpy(dst, src, len);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	}
}

static void copy_out(void *dst, const void *src, size_t len)
{
	uint64_t v64;
	uint32_t v32;

	if (len == sizeof(v64) && (uintptr_t)dst % sizeof(v64) == 0) {
		memcpy(&v64, src, sizeof(v64));
		__atomic_store_n((uint64_t *)dst, v64, __ATOMIC_RELEASE);
	} else if (len == sizeof(v32) && (uintptr_t)dst % sizeof(v32) == 0) {
		memcpy(&v32, src, sizeof(v32));
		__atomic_store_n((uint32_t *)dst, v32, __ATOMIC_RELEASE);
	} else {
		__atomic_thread_fence(__ATOMIC_RELEASE);
		memcpy(dst, src, len);
	}
}

/*
 * Write to another device.  The engines wait until the device has the data, because the next packet
 * may report to the CPU that the write is done.
 */
static void write_device(struct vgpu *vg, uint64_t addr, const void *buf, size_t len)
{
	vg_trace(vg, "bus-write addr=0x%llx bytes=%zu", (unsigned long long)addr, len);
	vg->bus_writes++;
	vg->ops->bus_write(vg->host, addr, buf, len);
}

void vgpu_bus_written(struct vgpu *vg, int error)
{
	if (error)
		vg_stop(vg, "a write to another device failed: %s", strerror(-error));
	vg->bus_writes--;
	vg_sched_wake(vg);
}

int vg_mem_read(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		void *buf, size_t len)
{
	while (len) {
		size_t chunk = len;
		struct place at;

		if (access_block(vg, port, vmid, va, VG_READ, &chunk, &at))
			return -EFAULT;
		if (at.ptr)
			copy_in(buf, at.ptr, chunk);
		else
			memset(buf, 0, chunk);
		buf = (uint8_t *)buf + chunk;
		va += chunk;
		len -= chunk;
	}
	return 0;
}

int vg_mem_write(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		 const void *buf, size_t len)
{
	while (len) {
		size_t chunk = len;
		struct place at;

		if (access_block(vg, port, vmid, va, VG_WRITE, &chunk, &at))
			return -EFAULT;
		if (at.device)
			write_device(vg, at.addr, buf, chunk);
		else if (at.ptr)
			copy_out(at.ptr, buf, chunk);
		buf = (const uint8_t *)buf + chunk;
		va += chunk;
		len -= chunk;
	}
	return 0;
}

static uint64_t update64(uint64_t *p, uint64_t (*update)(uint64_t old, const void *arg),
			 const void *arg)
{
	uint64_t old = __atomic_load_n(p, __ATOMIC_ACQUIRE);

	while (!__atomic_compare_exchange_n(p, &old, update(old, arg), false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE))
		;
	return old;
}

static uint32_t update32(uint32_t *p, uint64_t (*update)(uint64_t old, const void *arg),
			 const void *arg)
{
	uint32_t old = __atomic_load_n(p, __ATOMIC_ACQUIRE);

	while (!__atomic_compare_exchange_n(p, &old, (uint32_t)update(old, arg), false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	return old;
}

int vg_mem_atomic(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		  unsigned int size, uint64_t (*update)(uint64_t old, const void *arg),
		  const void *arg, uint64_t *old)
{
	size_t len = size;
	uint64_t before = 0;
	struct place at;

	if ((size != 4 && size != 8) || va % size) {
		vg_stop(vg, "atomic of %u bytes at 0x%llx", size, (unsigned long long)va);
		return -EFAULT;
	}
	/* An atomic operation reads and writes, so it needs both permissions. */
	if (access_block(vg, port, vmid, va, VG_READ | VG_WRITE, &len, &at))
		return -EFAULT;
	if (at.ptr)
		before = size == 8 ? update64(at.ptr, update, arg) : update32(at.ptr, update, arg);
	if (old)
		*old = before;
	return 0;
}

int vg_bus_write(struct vgpu *vg, uint64_t addr, const void *buf, size_t len)
{
	uint64_t gpa;
	void *p = vg->ops->dma(vg->host, addr, len, true, &gpa);

	if (!p) {
		vg_stop(vg, "bus write to 0x%llx, where there is no memory",
			(unsigned long long)addr);
		return -EFAULT;
	}
	judge_untranslated(vg, addr, gpa, len, true);
	copy_out(p, buf, len);
	return 0;
}
