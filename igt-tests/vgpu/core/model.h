/* SPDX-License-Identifier: MIT */
/*
 * The state of the simulated GPU and what its blocks offer each other.
 *
 * Rules that hold everywhere below:
 *  - all state hangs off struct vgpu; file-scope data is const;
 *  - memory is touched only through vg_mem_*(), registers of another block only
 *    through vg_reg_read()/vg_reg_write() or a function declared here;
 *  - what a GPU would not survive, or what is not modelled, is vg_stop(), never
 *    a guess.
 */
#ifndef VG_MODEL_H
#define VG_MODEL_H

#include "core/inject.h"
#include "core/judge.h"
#include "vgpu.h"

enum {
	VG_NUM_VMIDS = 16,
	VG_PAGE_SHIFT = 12,
	VG_PAGE_SIZE = 1 << VG_PAGE_SHIFT,
	VG_MMIO_DWORDS = VG_MMIO_SIZE / 4,
	VG_NUM_SMN_REGS = 7,	/* behind PCIE_INDEX2/DATA2, gfx9/nbio.c */
	VG_NUM_INVALIDATE_ENGINES = 18,
};

/* ---- registers -------------------------------------------------------- */

struct vg_reg;
typedef uint32_t (*vg_reg_read_fn)(struct vgpu *vg, const struct vg_reg *reg,
				   uint32_t index);
typedef void (*vg_reg_write_fn)(struct vgpu *vg, const struct vg_reg *reg,
				uint32_t index, uint32_t value);

/*
 * One register, or @count consecutive ones; a NULL handler means plain storage.
 * The handlers get the offset from @first in @index and may use
 * vg->regs[reg->first + index], which holds @reset at start, as their storage.
 */
struct vg_reg {
	uint32_t first;		/* dword address in the register BAR */
	uint32_t count;
	const char *name;
	vg_reg_read_fn read;
	vg_reg_write_fn write;
	uint32_t reset;
};

/* One IP block: its registers and what it does at reset. */
struct vg_block {
	const char *name;
	const struct vg_reg *regs;
	size_t num_regs;
	void (*reset)(struct vgpu *vg);
	void (*free)(struct vgpu *vg);
};

/* For tables: VG_REG_PLAIN(CP_SD_CNTL), VG_REG(GRBM_STATUS, read, NULL) ...
 * VG_ADDR() comes from gfx9/regs_<ip>.h, which each table's file includes. */
#define VG_REGS(n, name_, read_, write_) \
	{ .first = VG_ADDR(name_), .count = (n), .name = #name_, \
	  .read = (read_), .write = (write_) }
#define VG_REG(name_, read_, write_) VG_REGS(1, name_, read_, write_)
#define VG_REG_PLAIN(name_) VG_REGS(1, name_, NULL, NULL)
/* From the first name to the second, both included. */
#define VG_RANGE(first_, last_, read_, write_) \
	VG_REGS(VG_ADDR(last_) - VG_ADDR(first_) + 1, first_, read_, write_)
#define VG_RANGE_PLAIN(first_, last_) VG_RANGE(first_, last_, NULL, NULL)
#define VG_REG_RESET(name_, reset_) \
	{ .first = VG_ADDR(name_), .count = 1, .name = #name_, \
	  .reset = (reset_) }

/* Handlers for tables: reads as reset value and ignores writes; cannot be written. */
void vg_reg_ignore_write(struct vgpu *vg, const struct vg_reg *reg,
			 uint32_t index, uint32_t value);

/* Access by a block or a packet, dword address; an unknown register stops. */
uint32_t vg_reg_read(struct vgpu *vg, uint32_t reg);
void vg_reg_write(struct vgpu *vg, uint32_t reg, uint32_t value);
/* Name for messages, never NULL. */
const char *vg_reg_name(struct vgpu *vg, uint32_t reg);

/* ---- stopping and tracing --------------------------------------------- */

void vg_stop(struct vgpu *vg, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* One event; only formatted when somebody listens.  "<event> key=value ..." */
#define vg_trace(vg, ...) \
	do { \
		if ((vg)->ops->trace) \
			vgpu_trace(vg, __VA_ARGS__); \
	} while (0)

/* ---- memory ----------------------------------------------------------- */

enum vg_hub_id { VG_GFXHUB, VG_MMHUB, VG_NUM_HUBS };
enum vg_access { VG_READ = 1, VG_WRITE = 2, VG_EXECUTE = 4 };

/* Who accesses memory: through which hub, and as what in a fault report. */
struct vg_port {
	enum vg_hub_id hub;
	unsigned int cid;	/* VM_L2_PROTECTION_FAULT_STATUS.CID */
};

/*
 * Access [va, va + len) of @vmid through TLB, page tables and permission
 * checks; ranges may cross pages.  0, or -EFAULT: then the fault has been
 * reported as the hardware does (VMID 1..15), or the model has stopped
 * (VMID 0), and the queue that asked must not go on.  The bytes before the
 * faulting page have been transferred.
 *
 * A packet that a kernel queue executes for a user's VMID survives its faults:
 * after the report it reads zeros, and writes nothing, as from the hardware's
 * default page.  Otherwise one user's bad address would hang every user's ring.
 *
 * An aligned 4 or 8 byte access is one atomic access as seen from the CPUs,
 * reads acquire and writes release.
 */
int vg_mem_read(struct vgpu *vg, const struct vg_port *port, unsigned int vmid,
		uint64_t va, void *buf, size_t len);
int vg_mem_write(struct vgpu *vg, const struct vg_port *port, unsigned int vmid,
		 uint64_t va, const void *buf, size_t len);
/* Read-modify-write of an aligned 4 or 8 byte value, atomic towards the CPUs;
 * @update computes the new value.  The old value goes to @old if not NULL. */
int vg_mem_atomic(struct vgpu *vg, const struct vg_port *port,
		  unsigned int vmid, uint64_t va, unsigned int size,
		  uint64_t (*update)(uint64_t old, const void *arg),
		  const void *arg, uint64_t *old);

static inline int vg_mem_read32(struct vgpu *vg, const struct vg_port *port,
				unsigned int vmid, uint64_t va, uint32_t *value)
{
	return vg_mem_read(vg, port, vmid, va, value, sizeof(*value));
}

static inline int vg_mem_read64(struct vgpu *vg, const struct vg_port *port,
				unsigned int vmid, uint64_t va, uint64_t *value)
{
	return vg_mem_read(vg, port, vmid, va, value, sizeof(*value));
}

static inline int vg_mem_write32(struct vgpu *vg, const struct vg_port *port,
				 unsigned int vmid, uint64_t va, uint32_t value)
{
	return vg_mem_write(vg, port, vmid, va, &value, sizeof(value));
}

static inline int vg_mem_write64(struct vgpu *vg, const struct vg_port *port,
				 unsigned int vmid, uint64_t va, uint64_t value)
{
	return vg_mem_write(vg, port, vmid, va, &value, sizeof(value));
}

/* Bus address (guest physical), for the few units that do not translate. */
int vg_bus_write(struct vgpu *vg, uint64_t gpa, const void *buf, size_t len);

struct vg_tlb;
/* Drop what @hub has cached for the VMIDs in @vmids; @why goes to the trace. */
void vg_tlb_invalidate(struct vgpu *vg, enum vg_hub_id hub, uint32_t vmids,
		       const char *why);
/* The same in one or both hubs, for the VMIDs the ATC maps to @pasid. */
void vg_tlb_invalidate_pasid(struct vgpu *vg, unsigned int pasid, bool all_hubs,
			     const char *why);

/* What an invalidate engine has been asked for and has not acknowledged. */
struct vg_flush {
	uint32_t vmids;		/* 0: nothing */
	unsigned int steps;	/* left */
};

struct vg_hub {
	struct vg_tlb *tlb;
	struct vg_flush flush[VG_NUM_INVALIDATE_ENGINES];
	bool fault_latched;	/* STATUS and ADDR hold a fault not yet cleared */
};

/* How many steps the flush now asked for takes; until then nothing is dropped. */
unsigned int vg_gmc_flush_steps(struct vgpu *vg);
/* A step of the flushes under way. */
void vg_gmc_step(struct vgpu *vg);

/* Root of @vmid's page table in both hubs, as the scheduler firmware sets it. */
void vg_vmid_set_root(struct vgpu *vg, unsigned int vmid, uint64_t root);
uint64_t vg_vmid_root(const struct vgpu *vg, unsigned int vmid);
void vg_vmid_set_pasid(struct vgpu *vg, unsigned int vmid, unsigned int pasid);
/* PASID the ATC maps @vmid to, or -1. */
int vg_vmid_pasid(struct vgpu *vg, unsigned int vmid);

/* ---- interrupts ------------------------------------------------------- */

/* One interrupt vector; fields of amdgpu_ih_decode_iv_helper(). */
struct vg_iv {
	uint8_t client, source, ring;
	uint8_t vmid;
	uint8_t node;
	bool mmhub;		/* vmid is one of the MMHUB's */
	uint32_t data[4];
};

enum { VG_NODE_AID0 = 0, VG_NODE_XCC0 = 1 };

void vg_ih_raise(struct vgpu *vg, const struct vg_iv *iv);
/* IH doorbell: the driver's new read pointer. */
void vg_ih_set_rptr(struct vgpu *vg, uint32_t rptr);

struct vg_ih {
	uint32_t wptr;		/* bytes */
	bool overflow;		/* until the driver clears it */
	uint64_t dropped;
};

/* ---- queues and engines ----------------------------------------------- */

enum vg_result {
	VG_DONE,		/* packet complete */
	VG_MORE,		/* a slice done, call again with the same packet */
	VG_WAIT,		/* no progress possible now, look again later */
	VG_FAULT,		/* vg_mem_*() failed: the queue halts */
};

struct vg_queue;

struct vg_engine_ops {
	/*
	 * Length in dwords of the packet that begins with the @n dwords at
	 * @packet, as far as these tell: when the answer is above @n, so many
	 * are fetched and the question is asked again.  0 after vg_stop().
	 */
	unsigned int (*length)(struct vgpu *vg, struct vg_queue *q,
			       const uint32_t *packet, unsigned int n);
	enum vg_result (*execute)(struct vgpu *vg, struct vg_queue *q,
				  const uint32_t *packet, unsigned int n);
	/* q->rptr has moved: publish it in register and memory; 0 or -EFAULT. */
	int (*rptr_moved)(struct vgpu *vg, struct vg_queue *q);
	/* May a preemption complete here, NULL for always: can the place be saved? */
	bool (*may_leave)(const struct vgpu *vg, const struct vg_queue *q);
	/* A requested preemption is complete: save state, drop ACTIVE. */
	void (*preempted)(struct vgpu *vg, struct vg_queue *q);
	/* May the engine run at all now (not halted by its control register)? */
	bool (*enabled)(const struct vgpu *vg, const struct vg_queue *q);
};

enum { VG_IB_DEPTH = 4 };

struct vg_ib {
	uint64_t va;
	uint32_t size, pos;	/* dwords */
	unsigned int vmid;
};

/*
 * A ring buffer that an engine works on.  Positions count dwords since the
 * queue was mapped; the place in the ring is position % ring_size.
 */
struct vg_queue {
	const struct vg_engine_ops *ops;
	struct vg_port port;
	char name[16];
	unsigned int index;	/* of the owner's own array */
	struct vg_queue *next;	/* in vg->sched.queues, all queues there are */

	bool active;		/* mapped: may fetch */
	bool halted;		/* after a fault, until it is unmapped */
	bool waiting;		/* the last step made no progress */
	bool preempting;	/* ops->preempted() is due */
	bool stuck;		/* and will never come */
	unsigned int preempt_steps; /* to go until then */
	uint64_t looked_at;	/* sched.epoch when it was last seen waiting */

	unsigned int vmid;
	uint64_t ring;		/* address in @vmid */
	uint32_t ring_size;	/* dwords, a power of two */
	uint64_t rptr, wptr;

	struct vg_ib ib[VG_IB_DEPTH];
	unsigned int ib_depth;
	struct vg_ib next_ib;	/* to enter when the packet is complete */
	bool entering, chaining;

	uint32_t *packet;	/* fetched and not yet complete */
	unsigned int packet_len, packet_cap;
	uint64_t progress;	/* inside that packet, for its handler */
};

/* Register @q (ops, port and name set) with the scheduler, once, at vgpu_new(). */
void vg_queue_init(struct vgpu *vg, struct vg_queue *q);
void vg_queue_free(struct vg_queue *q);
/* Start over from @rptr (dwords); ring, ring_size and vmid are set by the caller. */
void vg_queue_start(struct vgpu *vg, struct vg_queue *q, uint64_t rptr,
		    uint64_t wptr);
/* Stop at once, without ops->preempted(). */
void vg_queue_kill(struct vgpu *vg, struct vg_queue *q);
/*
 * Ask @q to stop; a later step completes it and calls ops->preempted().  Until
 * then the queue goes on fetching and executing, for as many steps as the seed
 * says.  A packet under way is finished first, a waiting or halted one is given
 * up and starts anew when the queue is mapped again.
 */
void vg_queue_preempt(struct vgpu *vg, struct vg_queue *q);
/* A doorbell or a register has moved the write pointer. */
void vg_queue_set_wptr(struct vgpu *vg, struct vg_queue *q, uint64_t wptr);
/* VMID the current packet came from and whose addresses it uses. */
unsigned int vg_queue_vmid(const struct vg_queue *q);
/* From a packet handler: continue with the IB; @chain replaces the current one.
 * Returns VG_DONE, or stops when the stack is full. */
enum vg_result vg_queue_enter_ib(struct vgpu *vg, struct vg_queue *q,
				 unsigned int vmid, uint64_t va, uint32_t dwords,
				 bool chain);
bool vg_queue_has_work(const struct vg_queue *q);

struct vg_sched {
	struct vg_queue *queues; /* in order of registration */
	struct vg_queue *last;	/* that did a step */
	struct vg_queue *current; /* whose step this is, else NULL */
	struct vg_queue *executing; /* inside ops->execute(), else NULL */
	unsigned int turn;	/* steps it may still do before the others */
	unsigned int flushes;	/* under way, of both hubs */
	uint64_t epoch;		/* counts what queues may have waited for */
	uint64_t random;	/* state of the generator, from the seed */
};

/* ---- command processor ------------------------------------------------ */

enum {
	VG_NUM_MES = 2,		/* ME1 and ME2, the two MECs */
	VG_NUM_PIPES = 4,
	VG_NUM_HQDS_PER_PIPE = 8,
	VG_NUM_HQDS = VG_NUM_MES * VG_NUM_PIPES * VG_NUM_HQDS_PER_PIPE,
	VG_HQD_REGS = 59,	/* CP_MQD_BASE_ADDR .. CP_HQD_AQL_DISPATCH_ID_HI */
};

struct vg_hqd {
	struct vg_queue q;
	unsigned int me, pipe, queue;	/* me counts from 1 */
	uint32_t regs[VG_HQD_REGS];
	bool dynamic;		/* mapped by the HWS in a slot of its choice */
	bool is_static;		/* of these, left alone by UNMAP_NON_STATIC */
};

/* What the HWS knows of the process whose queues it is mapping. */
struct vg_hws {
	uint32_t vmid_mask;	/* SET_RESOURCES */
	uint64_t queue_mask;
	uint32_t vmids_used;	/* by the run list in force */
	unsigned int vmid;	/* of the last MAP_PROCESS */
};

struct vg_cp {
	struct vg_hqd hqd[VG_NUM_HQDS];
	struct vg_hws hws;
};

/* Doorbell BAR write, byte offset: to IH, CP or SDMA. */
void vg_doorbell(struct vgpu *vg, uint32_t offset, uint64_t value,
		 unsigned int size);
/* @offset is the doorbell dword index. True when a queue took it. */
bool vg_cp_doorbell(struct vgpu *vg, uint32_t offset, uint64_t value,
		    unsigned int size);

/* ---- SDMA (gfx9/sdma.c) ------------------------------------------------- */

enum {
	VG_SDMA_GFX, VG_SDMA_PAGE, VG_SDMA_RLC0,
	VG_NUM_SDMA_QUEUES = 10,
};

struct vg_sdma_queue {
	struct vg_queue q;
	uint64_t mqd;		/* address (VMID 0) when mapped by the HWS */
	bool dynamic;
};

struct vg_sdma {
	struct vg_sdma_queue queue[VG_NUM_SDMA_QUEUES];
};

extern const struct vg_block vg_sdma_block;
void vg_sdma_init(struct vgpu *vg);	/* at vgpu_new(): vg_queue_init() for each */
bool vg_sdma_doorbell(struct vgpu *vg, uint32_t offset, uint64_t value,
		      unsigned int size);
/*
 * HWS: map the user queue whose MQD (struct v9_sdma_mqd, VMID 0) is at @mqd to
 * a free RLC queue of engine 0; unmap those that match; is any still mapped?
 */
void vg_sdma_map(struct vgpu *vg, unsigned int vmid, uint32_t doorbell,
		 uint64_t mqd, uint64_t wptr_addr);
struct vg_unmap {		/* which queues an UNMAP_QUEUES means */
	enum { VG_UNMAP_DOORBELL, VG_UNMAP_PASID, VG_UNMAP_ALL,
	       VG_UNMAP_NON_STATIC } sel;
	uint32_t doorbell[4];	/* dword indices */
	unsigned int num_doorbells;
	unsigned int pasid;
};
/* Request preemption of all that match and are mapped; returns how many are
 * still not stopped, so call again until 0. */
unsigned int vg_sdma_unmap(struct vgpu *vg, const struct vg_unmap *which);

/* ---- everything ------------------------------------------------------- */

struct vgpu {
	struct vg_config config;
	const struct vg_host_ops *ops;
	void *host;
	uint64_t time;		/* virtual: one tick per step or host access */

	char stop[256];		/* reason, empty while running */

	uint32_t regs[VG_MMIO_DWORDS];
	const struct vg_reg *reg_at[VG_MMIO_DWORDS];
	uint32_t smn[VG_NUM_SMN_REGS];

	struct vg_hub hub[VG_NUM_HUBS];
	struct vg_ih ih;
	struct vg_cp cp;
	struct vg_sdma sdma;
	struct vg_sched sched;
	const struct vg_judge *judge;
	struct vg_oracle *oracle;
	uint32_t mark;		/* the part of the run that the guest has begun, or 0 */
	struct vg_fault fault[VG_NUM_FAULTS];
};

/* Every block, in order of reset. */
extern const struct vg_block *const vg_blocks[];
extern const size_t vg_num_blocks;

#endif
