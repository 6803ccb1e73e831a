/* SPDX-License-Identifier: MIT */
/*
 * A GPU with a seed, a KIQ and a user queue, for tests of the schedule and of injected
 * faults.
 */
#ifndef TEST_ENGINE_H
#define TEST_ENGINE_H

#include "core/sched.h"
#include "gfx9/regs_gc.h"
#include "tests/build.h"
#include "tests/mqd.h"

enum {
	ENGINE_VMID = 8,
	ENGINE_PASID = 0x8008,
	ENGINE_DOORBELL = 0x1000,
	ENGINE_PAGES = 16,
	ENGINE_DATA = 0x400000, /* offset in RAM of the pages that the user's packets access */
	ENGINE_OTHER = ENGINE_DATA + ENGINE_PAGES * VG_PAGE_SIZE,
	ENGINE_STEPS = 100000,
	/* enum hqd_dequeue_request_type, amdgpu_amdkfd_gfx_v9.c:43 */
	DEQUEUE_RESET = 2,
	DEQUEUE_SAVE = 3,
};

#define ENGINE_RING_VA 0x100000000ull
#define ENGINE_DATA_VA 0x200000000ull
#define ENGINE_FENCE   (FAKE_GART_BASE + 0x300000)

struct engine {
	struct fake_host *f;
	struct fake_queue kiq;
	struct user_queue u;
};

static inline void engine_init(struct engine *e, uint64_t seed, unsigned int preempt_steps,
			       unsigned int flush_steps)
{
	e->f = fake_new();
	e->f->vg->config.seed = seed;
	e->f->vg->config.preempt_steps = preempt_steps;
	e->f->vg->config.flush_steps = flush_steps;
	vg_sched_init(e->f->vg);
	fake_kiq(e->f, &e->kiq);
	fake_enable_vmid(e->f, ENGINE_VMID);
	vg_vmid_set_pasid(e->f->vg, ENGINE_VMID, ENGINE_PASID);
	user_map(e->f, ENGINE_VMID, ENGINE_DATA_VA, ENGINE_DATA, ENGINE_PAGES);
	user_queue_init(e->f, &e->u, 0, ENGINE_VMID, ENGINE_RING_VA, ENGINE_DOORBELL);
	e->u.ring.queue = 2;
	fake_queue_activate(e->f, &e->u.ring);
}

static inline volatile uint32_t *engine_data(const struct engine *e)
{
	return (volatile uint32_t *)(e->f->ram + ENGINE_DATA);
}

static inline volatile uint32_t *engine_other(const struct engine *e)
{
	return (volatile uint32_t *)(e->f->ram + ENGINE_OTHER);
}

static inline uint64_t engine_fence(const struct engine *e)
{
	return *(volatile uint64_t *)fake_gart(e->f, ENGINE_FENCE);
}

/* Submit @n packets to the user queue, which write 1, 2, ... @n to the first dword of its data. */
static inline void engine_count(struct engine *e, unsigned int n)
{
	for (unsigned int i = 1; i <= n; i++)
		build_write32(&e->u.ring, ENGINE_DATA_VA, i);
	user_queue_kick(e->f, &e->u);
}

/*
 * Change the PTE of the user's first page of data, without a flush, so the TLB may still have the
 * old page.
 */
static inline void engine_move_page(struct engine *e)
{
	user_map(e->f, ENGINE_VMID, ENGINE_DATA_VA, ENGINE_OTHER, 1);
}

static inline uint32_t engine_ack(struct engine *e)
{
	return vgpu_mmio_read(e->f->vg, 4 * vg_gfxhub_regs.eng_ack);
}

static inline bool engine_is_active(struct engine *e)
{
	return fake_queue_active(e->f, &e->u.ring);
}

#endif
