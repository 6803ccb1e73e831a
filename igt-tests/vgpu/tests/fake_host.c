/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/mman.h>

#include "tests/fake_host.h"
#include "gfx9/regs_gc.h"
#include "tests/fake_ih.h"

enum {
	MAX_LOG = 1 << 22,
	PAGE_ENTRIES = 512,
	LEVELS = 4,
	LEVEL_BITS = 9,
	TABLE_AREA = 0x00100000, /* offset in VRAM of the first page table */
	GART_TABLE = 0x00010000, /* offset in VRAM of the GART: one entry for each page of RAM */
	KIQ_RING = FAKE_GART_BASE + 0x1000,
	KIQ_MQD = FAKE_GART_BASE + 0x2000,
	KIQ_RING_DWORDS = 512,
	IH_RING = 0x00010000, /* these two are offsets in RAM */
	IH_WPTR = 0x0000f000,
};

static void *host_dma(void *host, uint64_t addr, uint64_t len, bool write, uint64_t *gpa_out)
{
	struct fake_host *f = host;
	uint64_t gpa = addr - f->iova_shift;

	if (gpa_out)
		*gpa_out = f->gpa_unknown ? VG_DMA_UNKNOWN : gpa;
	if (f->hidden && gpa >> VG_PAGE_SHIFT == f->hidden >> VG_PAGE_SHIFT)
		return NULL;
	if (gpa < FAKE_RAM_BASE || len > FAKE_RAM_SIZE || gpa - FAKE_RAM_BASE > FAKE_RAM_SIZE - len)
		return NULL;
	return f->ram + (gpa - FAKE_RAM_BASE);
}

static void host_irq(void *host)
{
	((struct fake_host *)host)->irqs++;
}

static void host_trace(void *host, const char *line)
{
	struct fake_host *f = host;
	size_t n = strlen(line);

	if (f->log_len + n + 2 > f->log_cap) {
		f->log_cap = 2 * (f->log_cap + n + 2);
		CHECK(f->log_cap < MAX_LOG);
		f->log = realloc(f->log, f->log_cap);
		CHECK(f->log);
	}
	memcpy(f->log + f->log_len, line, n);
	f->log_len += n;
	f->log[f->log_len++] = '\n';
	f->log[f->log_len] = '\0';
}

static uint64_t host_clock(void *host)
{
	return ((struct fake_host *)host)->clock_ns;
}

static const struct vg_host_ops host_ops = {
	.dma = host_dma,
	.raise_irq = host_irq,
	.trace = host_trace,
	.clock = host_clock,
};

static void *map_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

/* Set up the page tables of a VMID in all hubs, as the driver does. */
static void write_context(struct fake_host *f, unsigned int vmid, uint32_t cntl, uint64_t root,
			  uint64_t first_page, uint64_t last_page)
{
	for (enum vg_hub_id hub = 0; hub < f->vg->num_hubs; hub++) {
		const struct vg_hub_regs *r = vg_hub_regs(hub);
		const struct {
			uint32_t reg;
			uint64_t value;
		} pair[] = {
			{ r->base_lo, root },
			{ r->start_lo, first_page },
			{ r->end_lo, last_page },
		};

		for (size_t i = 0; i < VG_COUNT(pair); i++) {
			uint32_t reg = 4 * (pair[i].reg + 2 * vmid);

			vgpu_mmio_write(f->vg, reg, vg_lo(pair[i].value));
			vgpu_mmio_write(f->vg, reg + 4, vg_hi(pair[i].value));
		}
		vgpu_mmio_write(f->vg, 4 * (r->context_cntl + vmid), cntl);
	}
}

static void enable_gart(struct fake_host *f)
{
	uint64_t *pte = (uint64_t *)(f->vram + GART_TABLE);
	uint64_t pages = FAKE_RAM_SIZE >> VG_PAGE_SHIFT;
	uint64_t first = FAKE_GART_BASE >> VG_PAGE_SHIFT;

	for (uint64_t i = 0; i < pages; i++)
		pte[i] = (FAKE_RAM_BASE + (i << VG_PAGE_SHIFT)) | FAKE_RW | VG_PTE_SYSTEM;
	write_context(f, 0, VG_FIELD_PREP(VM_CONTEXT1_CNTL, ENABLE_CONTEXT, 1),
		      GART_TABLE | VG_PTE_VALID, first, first + pages - 1);
}

struct fake_host *fake_new(void)
{
	return fake_new_xccs(1);
}

struct fake_host *fake_new_xccs(unsigned int xccs)
{
	struct fake_host *f = calloc(1, sizeof(*f));
	struct vg_config config;

	CHECK(f);
	f->vram = map_memory(VG_VRAM_SIZE);
	f->ram = map_memory(FAKE_RAM_SIZE);
	f->vram_next = TABLE_AREA;
	config = (struct vg_config){ .vram = f->vram, .xccs = xccs };
	f->vg = vgpu_new(&config, &host_ops, f);
	CHECK(f->vg);
	CHECK(!vgpu_stopped(f->vg));
	enable_gart(f);
	return f;
}

void fake_hdp_fifo(struct fake_host *f, size_t bytes)
{
	f->vg->config.hdp_fifo = bytes;
	vg_hdp_free(f->vg);
	CHECK(!vg_hdp_init(f->vg));
}

void fake_discard(struct fake_host *f)
{
	vgpu_free(f->vg);
	munmap(f->vram, VG_VRAM_SIZE);
	munmap(f->ram, FAKE_RAM_SIZE);
	free(f->log);
	free(f);
}

void fake_free(struct fake_host *f)
{
	if (vgpu_stopped(f->vg))
		fprintf(stderr, "stopped: %s\n", vgpu_stopped(f->vg));
	CHECK(!vgpu_stopped(f->vg));
	fake_discard(f);
}

void fake_expect_stop(struct fake_host *f, const char *needle)
{
	const char *reason = vgpu_stopped(f->vg);

	if (!reason || !strstr(reason, needle))
		fprintf(stderr, "stopped: %s\n", reason ? reason : "no");
	CHECK(reason);
	CHECK(strstr(reason, needle));
	fake_discard(f);
}

unsigned int fake_log_count(const struct fake_host *f, const char *needle)
{
	unsigned int n = 0;

	for (const char *p = f->log; p && (p = strstr(p, needle)); p++)
		n++;
	return n;
}

bool fake_logged(const struct fake_host *f, const char *needle)
{
	return fake_log_count(f, needle) > 0;
}

void fake_log_clear(struct fake_host *f)
{
	f->log_len = 0;
	if (f->log)
		f->log[0] = '\0';
}

unsigned int fake_run(struct fake_host *f, unsigned int max)
{
	unsigned int steps = 0;

	while (vgpu_busy(f->vg) && !vgpu_waiting(f->vg)) {
		CHECK(steps < max);
		vgpu_step(f->vg);
		steps++;
	}
	return steps;
}

void *fake_gart(struct fake_host *f, uint64_t va)
{
	CHECK(va >= FAKE_GART_BASE && va - FAKE_GART_BASE < FAKE_RAM_SIZE);
	return f->ram + (va - FAKE_GART_BASE);
}

/* ---- page tables: PDB2, PDB1, PDB0, PTB ---- */

static uint64_t new_table(struct fake_host *f)
{
	uint64_t table = f->vram_next;

	f->vram_next += PAGE_ENTRIES * sizeof(uint64_t);
	CHECK(f->vram_next < VG_VRAM_SIZE);
	return table;
}

void fake_enable_vmid(struct fake_host *f, unsigned int vmid)
{
	/*
	 * Depth and block size are those of gfxhub_v1_2_xcc_setup_vmid_config(), where
	 * translate-further makes four levels.  The driver enables the interrupts in
	 * gmc_v9_0_vm_fault_interrupt_state(); the tests need only these four.
	 */
	uint32_t cntl =
		VG_FIELD_PREP(VM_CONTEXT1_CNTL, ENABLE_CONTEXT, 1) |
		VG_FIELD_PREP(VM_CONTEXT1_CNTL, PAGE_TABLE_DEPTH, LEVELS - 2) |
		VG_FIELD_PREP(VM_CONTEXT1_CNTL, PAGE_TABLE_BLOCK_SIZE, LEVEL_BITS) |
		VG_FIELD_PREP(VM_CONTEXT1_CNTL, RANGE_PROTECTION_FAULT_ENABLE_INTERRUPT, 1) |
		VG_FIELD_PREP(VM_CONTEXT1_CNTL, VALID_PROTECTION_FAULT_ENABLE_INTERRUPT, 1) |
		VG_FIELD_PREP(VM_CONTEXT1_CNTL, READ_PROTECTION_FAULT_ENABLE_INTERRUPT, 1) |
		VG_FIELD_PREP(VM_CONTEXT1_CNTL, WRITE_PROTECTION_FAULT_ENABLE_INTERRUPT, 1);

	write_context(f, vmid, cntl, new_table(f) | VG_PTE_VALID, 0,
		      (1ull << (LEVELS * LEVEL_BITS)) - 1);
}

uint64_t *fake_pte(struct fake_host *f, unsigned int vmid, uint64_t va)
{
	uint32_t lo = 4 * (vg_gfxhub_regs.base_lo + 2 * vmid);
	uint64_t entry = vg_u64(vgpu_mmio_read(f->vg, lo), vgpu_mmio_read(f->vg, lo + 4));

	for (int level = LEVELS - 1;; level--) {
		uint64_t *table = (uint64_t *)(f->vram + (entry & VG_PDE_TABLE_MASK));
		unsigned int shift = VG_PAGE_SHIFT + LEVEL_BITS * level;
		uint64_t *e = &table[va >> shift & (PAGE_ENTRIES - 1)];

		if (level == 0)
			return e;
		if (!(*e & VG_PTE_VALID)) {
			*e = new_table(f) | VG_PTE_VALID;
			if (level == 2) /* entry of PDB1: says that an entry of PDB0 covers 2 MiB */
				*e |= (uint64_t)LEVEL_BITS << VG_PDE_BFS_SHIFT;
			if (level == 1) /* entry of PDB0: it points to a PTB */
				*e |= VG_PTE_TF;
		}
		entry = *e;
	}
}

void fake_map(struct fake_host *f, unsigned int vmid, uint64_t va, uint64_t phys, uint64_t flags)
{
	*fake_pte(f, vmid, va) = phys | flags;
}

void fake_flush(struct fake_host *f, enum vg_hub_id hub, unsigned int vmid)
{
	uint32_t req = VG_FIELD_PREP(VM_INVALIDATE_ENG0_REQ, PER_VMID_INVALIDATE_REQ, 1u << vmid) |
		       VG_FIELD_PREP(VM_INVALIDATE_ENG0_REQ, INVALIDATE_L2_PTES, 1) |
		       VG_FIELD_PREP(VM_INVALIDATE_ENG0_REQ, INVALIDATE_L1_PTES, 1);

	vgpu_mmio_write(f->vg, 4 * vg_hub_regs(hub)->eng_req, req);
}

/* ---- queues ---- */

static void reg(struct fake_host *f, uint32_t addr, uint32_t value)
{
	vgpu_mmio_write(f->vg, 4 * addr, value);
}

static void reg64(struct fake_host *f, uint32_t addr, uint64_t value)
{
	reg(f, addr, vg_lo(value));
	reg(f, addr + 1, vg_hi(value));
}

void fake_queue_select(struct fake_host *f, const struct fake_queue *q)
{
	reg(f, VG_ADDR(GRBM_GFX_CNTL) + q->xcc * VG_XCC_DISTANCE,
	    VG_FIELD_PREP(GRBM_GFX_CNTL, MEID, q->me) |
		    VG_FIELD_PREP(GRBM_GFX_CNTL, PIPEID, q->pipe) |
		    VG_FIELD_PREP(GRBM_GFX_CNTL, QUEUEID, q->queue));
}

void fake_queue_activate(struct fake_host *f, const struct fake_queue *q)
{
	const uint32_t xcc = q->xcc * VG_XCC_DISTANCE;

	fake_queue_select(f, q);
	reg64(f, VG_ADDR(CP_MQD_BASE_ADDR) + xcc, q->mqd);
	reg(f, VG_ADDR(CP_HQD_VMID) + xcc, q->vmid);
	reg64(f, VG_ADDR(CP_HQD_PQ_BASE) + xcc, q->ring >> 8);
	reg64(f, VG_ADDR(CP_HQD_PQ_RPTR_REPORT_ADDR) + xcc, q->rptr_report);
	reg64(f, VG_ADDR(CP_HQD_PQ_WPTR_POLL_ADDR) + xcc, q->wptr_poll);
	reg(f, VG_ADDR(CP_HQD_PQ_DOORBELL_CONTROL) + xcc,
	    VG_FIELD_PREP(CP_HQD_PQ_DOORBELL_CONTROL, DOORBELL_OFFSET, q->doorbell) |
		    VG_FIELD_PREP(CP_HQD_PQ_DOORBELL_CONTROL, DOORBELL_EN, 1));
	reg(f, VG_ADDR(CP_HQD_PQ_CONTROL) + xcc,
	    VG_FIELD_PREP(CP_HQD_PQ_CONTROL, QUEUE_SIZE, __builtin_ctz(q->dwords) - 1));
	reg(f, VG_ADDR(CP_HQD_ACTIVE) + xcc, 1);
}

void fake_queue_dequeue(struct fake_host *f, const struct fake_queue *q, uint32_t type)
{
	fake_queue_select(f, q);
	reg(f, VG_ADDR(CP_HQD_DEQUEUE_REQUEST) + q->xcc * VG_XCC_DISTANCE, type);
}

uint32_t fake_queue_reg(struct fake_host *f, const struct fake_queue *q, uint32_t addr)
{
	fake_queue_select(f, q);
	return vgpu_mmio_read(f->vg, 4 * (addr + q->xcc * VG_XCC_DISTANCE));
}

bool fake_queue_active(struct fake_host *f, const struct fake_queue *q)
{
	return fake_queue_reg(f, q, VG_ADDR(CP_HQD_ACTIVE)) & 1;
}

void fake_kiq(struct fake_host *f, struct fake_queue *q)
{
	*q = (struct fake_queue){
		.me = 2,
		.pipe = 1,
		.ring = KIQ_RING,
		.dwords = KIQ_RING_DWORDS,
		.mqd = KIQ_MQD,
		.mem = fake_gart(f, KIQ_RING),
	};
	fake_queue_activate(f, q);
}

void fake_emit(struct fake_queue *q, const uint32_t *dw, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		q->mem[q->wptr++ % q->dwords] = dw[i];
}

void fake_ring_doorbell(struct fake_host *f, const struct fake_queue *q)
{
	vgpu_doorbell_write(f->vg, 4 * q->doorbell, q->wptr, sizeof(q->wptr));
}

/* ---- interrupts ---- */

void fake_enable_ih(struct fake_host *f, uint32_t bytes)
{
	fake_ih_program(f->vg, FAKE_RAM_BASE + IH_RING, bytes, FAKE_RAM_BASE + IH_WPTR);
}

const uint32_t *fake_iv(const struct fake_host *f, unsigned int n)
{
	return (const uint32_t *)(f->ram + IH_RING) + 8 * n;
}
