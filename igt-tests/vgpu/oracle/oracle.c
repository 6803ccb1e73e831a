// SPDX-License-Identifier: MIT
/*
 * The page oracle.  It takes events from the guest's ring, compares each access with
 * the state of its page (pages.c), and gives the verdict at the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bits.h"
#include "oracle/oracle.h"
#include "oracle/pages.h"
#include "oracle/rules.h"

enum {
	MAX_RING = 1 << 16,  /* the most events that a ring may have room for */
	KEPT_LINES = 8,	     /* the most violations that the verdict repeats */
	TRACED_LINES = 1000, /* the most violations to trace between two marks */
	LINE = 512,
};

struct vg_oracle {
	struct vg_pages *pages;
	bool enabled;	  /* the guest reports events now, in @ring */
	bool used;	  /* the guest has reported events at some time of the run */
	bool unreachable; /* a violation has told that @ring cannot be reached */
	uint64_t ring;	  /* bus address of struct vg_oracle_ring */
	uint32_t ring_size;
	uint64_t head;	  /* number of events taken from this ring */
	uint64_t earlier; /* number of events of the rings before this one */
	uint64_t accesses;
	uint64_t violations;
	uint64_t marked_at; /* value of @violations when the guest set its last mark */
	uint64_t broken[VG_NUM_RULES];
	char kept[KEPT_LINES][LINE];
	unsigned int num_kept;
};

static const char *const sentence[VG_NUM_RULES] = {
#define VG_RULE(id, name, text) [VG_RULE_##name] = (text),
	VG_ORACLE_RULES(VG_RULE)
#undef VG_RULE
};

void vg_oracle_free(struct vgpu *vg)
{
	if (!vg->oracle)
		return;
	vg_pages_free(vg->oracle->pages);
	free(vg->oracle);
	vg->oracle = NULL;
}

/* ---- violations ---- */

static void report(struct vgpu *vg, enum vg_rule rule, const char *details)
{
	struct vg_oracle *o = vg->oracle;
	char line[LINE];
	int n;

	o->violations++;
	o->broken[rule]++;
	n = snprintf(line, sizeof(line), "t=%" PRIu64 " ", vg->time);
	snprintf(line + n, sizeof(line) - n, "violation rule=R%u %s why=\"%s\"", rule, details,
		 sentence[rule]);
	/* Leave the time out of the trace, because vg_trace() adds it. */
	if (o->violations - o->marked_at <= TRACED_LINES)
		vg_trace(vg, "%s", line + n);
	if (o->num_kept < KEPT_LINES)
		memcpy(o->kept[o->num_kept++], line, sizeof(line));
}

static const char *kind_name(uint32_t kind)
{
	static const char *const name[VG_ORACLE_NUM_KINDS] = {
		[VG_ORACLE_MAP] = "map",   [VG_ORACLE_UNMAP] = "unmap", [VG_ORACLE_FREE] = "free",
		[VG_ORACLE_HOLD] = "hold", [VG_ORACLE_LOSE] = "lose",
	};

	return name[kind];
}

/* Write the last events of the page to @buf, oldest first, for example "map-rw@12,lose@15". */
static void history(const struct vg_page *page, char *buf, size_t size)
{
	uint32_t first = page->events > VG_PAGE_HISTORY ? page->events - VG_PAGE_HISTORY : 0;
	size_t n = 0;

	snprintf(buf, size, "none");
	for (uint32_t i = first; i < page->events && n < size; i++) {
		const struct vg_page_event *e = &page->history[i % VG_PAGE_HISTORY];

		n += snprintf(buf + n, size - n, "%s%s%s%s@%" PRIu64, i > first ? "," : "",
			      kind_name(e->kind), e->flags & VG_ORACLE_WRITE ? "-rw" : "",
			      e->flags & VG_ORACLE_OVERTAKEN ? "-overtaken" : "", e->time);
	}
}

static void violation(struct vgpu *vg, enum vg_rule rule, const struct vg_judged_access *a,
		      const struct vg_page *page, uint64_t number)
{
	char events[LINE / 3], details[LINE];
	const struct vg_queue *q = vg->sched.current;

	history(page, events, sizeof(events));
	snprintf(details, sizeof(details),
		 "access=%s vmid=%u va=0x%" PRIx64 " pfn=0x%" PRIx64
		 " queue=%s maps=%u holds=%u events=%s",
		 a->write ? "write" : "read", a->vmid, a->va, number, q ? q->name : "none",
		 page->maps, page->holds, events);
	report(vg, rule, details);
}

/* ---- events ---- */

static void take(struct vgpu *vg, const struct vg_oracle_event *event)
{
	struct vg_oracle *o = vg->oracle;
	int err;

	if (event->kind == VG_ORACLE_MISSED) {
		char details[LINE / 4];

		snprintf(details, sizeof(details), "missed=%llu", (unsigned long long)event->count);
		report(vg, VG_RULE_MISSED, details);
		return;
	}
	err = vg_pages_apply(o->pages, event, vg->time);
	if (err)
		vg_stop(vg, "oracle: event %u of page 0x%llx, va 0x%llx, count %llu: %s",
			event->kind, (unsigned long long)event->page, (unsigned long long)event->va,
			(unsigned long long)event->count,
			err == -ENOMEM ? "no memory" : "makes no sense");
}

static struct vg_oracle_ring *ring(struct vgpu *vg)
{
	const struct vg_oracle *o = vg->oracle;

	return vg->ops->dma(vg->host, o->ring,
			    sizeof(struct vg_oracle_ring) +
				    o->ring_size * sizeof(struct vg_oracle_event),
			    true, NULL);
}

/*
 * Take the new events.  Returns false if the ring cannot be reached, because QEMU or the guest's
 * IOMMU has unmapped its memory.
 */
static bool drain(struct vgpu *vg)
{
	struct vg_oracle *o = vg->oracle;
	struct vg_oracle_ring *r;
	uint64_t tail;

	if (!o->enabled)
		return true;
	r = ring(vg);
	if (!r)
		return false;
	tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	if (tail == o->head)
		return true;
	if (tail - o->head > o->ring_size) {
		vg_stop(vg, "oracle: ring of %u events with %llu in it", o->ring_size,
			(unsigned long long)(tail - o->head));
		return true;
	}
	while (o->head != tail) {
		/* Take a copy, because the guest could change the event after the check. */
		struct vg_oracle_event event = r->event[o->head % o->ring_size];

		take(vg, &event);
		o->head++;
	}
	__atomic_store_n(&r->head, o->head, __ATOMIC_RELEASE);
	return true;
}

/* ---- judging ---- */

static uint64_t oracle_now(struct vgpu *vg)
{
	const struct vg_oracle *o = vg->oracle;

	drain(vg);
	return o->earlier + (o->enabled ? vg_pages_now(o->pages) : 0);
}

/*
 * Did the GPU read its translation before the kernel last took the page from it?  Behind an IOMMU
 * the GPU's translation names a bus address.  HMM keeps the bus address when it replaces the page,
 * so the translation stays right.  The translation becomes stale only when HMM gives the bus
 * address back, or when the DMA API maps something there again, perhaps for another owner.
 */
static bool is_stale(const struct vg_oracle *o, const struct vg_judged_access *a,
		     const struct vg_page *page, uint64_t iova)
{
	uint64_t since = page->lost_at;

	if (vg_pages_translated(o->pages))
		since = vg_pages_owner_since(o->pages, iova);
	return since && a->read_at < o->earlier + since;
}

/* Judge the access to the page @number, which is at the bus address @iova (in pages). */
static void judge_page(struct vgpu *vg, const struct vg_judged_access *a, uint64_t number,
		       uint64_t iova)
{
	const struct vg_page *page = vg_pages_get(vg->oracle->pages, number);

	if (!page->maps)
		violation(vg, VG_RULE_UNMAPPED, a, page, number);
	else if (vg_page_lost(page))
		violation(vg, VG_RULE_LOST, a, page, number);
	else if (is_stale(vg->oracle, a, page, iova))
		violation(vg, VG_RULE_STALE, a, page, number);
	else if (a->write && vg_page_readonly(page))
		violation(vg, VG_RULE_READONLY, a, page, number);
}

static void judge_access(struct vgpu *vg, const struct vg_judged_access *access)
{
	struct vg_oracle *o = vg->oracle;
	uint64_t first = access->gpa >> VG_PAGE_SHIFT, iova = access->addr >> VG_PAGE_SHIFT;
	uint64_t last = access->gpa + access->len - 1;

	if (!o->enabled || !access->len)
		return;
	if (!drain(vg) && !o->unreachable) {
		o->unreachable = true;
		report(vg, VG_RULE_MISSED, "ring=unreachable");
	}
	if (access->gpa == VG_DMA_UNKNOWN) {
		vg_stop(vg, "oracle: access to bus address 0x%llx, whose page is unknown",
			(unsigned long long)access->addr);
		return;
	}
	o->accesses++;
	for (uint64_t page = first; page <= last >> VG_PAGE_SHIFT; page++)
		judge_page(vg, access, page, iova + page - first);
}

/* ---- registers ---- */

static void disable(struct vgpu *vg)
{
	struct vg_oracle *o = vg->oracle;

	if (o->enabled)
		o->earlier += vg_pages_now(o->pages);
	o->enabled = false;
	vg_pages_free(o->pages);
	o->pages = NULL;
}

static void write_enable(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	struct vg_oracle *o = vg->oracle;

	drain(vg);
	disable(vg);
	if (!value)
		return;
	o->ring = (uint64_t)vg->regs[VG_ORACLE_RING_HI] << 32 | vg->regs[VG_ORACLE_RING_LO];
	o->ring_size = vg->regs[VG_ORACLE_RING_SIZE];
	o->head = 0;
	o->unreachable = false;
	o->pages = vg_pages_new();
	if (!o->pages || !o->ring_size || o->ring_size > MAX_RING || o->ring % sizeof(uint64_t) ||
	    !ring(vg)) {
		vg_stop(vg, "oracle: no ring of %u events at 0x%llx", o->ring_size,
			(unsigned long long)o->ring);
		return;
	}
	o->enabled = o->used = true;
}

static void write_drain(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	drain(vg);
}

static uint32_t read_violations(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	drain(vg);
	return vg->oracle->violations;
}

static uint32_t read_events(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	return oracle_now(vg);
}

static uint32_t read_accesses(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	return vg->oracle->accesses;
}

/* The guest sets a mark.  It divides the violations before it from those after it. */
static void write_mark(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	drain(vg);
	vg->mark = value;
	vg->oracle->marked_at = vg->oracle->violations;
	vg_trace(vg, "mark value=%u", value);
}

#define ORACLE_REG(name_, read_, write_) \
	{ .first = VG_##name_, .count = 1, .name = #name_, .read = (read_), .write = (write_) }

static const struct vg_reg regs[] = {
	{ .first = VG_ORACLE_ID,
	  .count = 1,
	  .name = "ORACLE_ID",
	  .write = vg_reg_ignore_write,
	  .reset = VG_ORACLE_ID_VALUE },
	ORACLE_REG(ORACLE_RING_LO, NULL, NULL),
	ORACLE_REG(ORACLE_RING_HI, NULL, NULL),
	ORACLE_REG(ORACLE_RING_SIZE, NULL, NULL),
	ORACLE_REG(ORACLE_ENABLE, NULL, write_enable),
	ORACLE_REG(ORACLE_DRAIN, NULL, write_drain),
	ORACLE_REG(ORACLE_VIOLATIONS, read_violations, vg_reg_ignore_write),
	ORACLE_REG(ORACLE_EVENTS, read_events, vg_reg_ignore_write),
	ORACLE_REG(ORACLE_ACCESSES, read_accesses, vg_reg_ignore_write),
	ORACLE_REG(ORACLE_MARK, NULL, write_mark),
};

/*
 * The block has no reset function: a guest that resets the GPU goes on to report its pages in
 * the same ring.
 */
const struct vg_block vg_oracle_block = {
	.name = "oracle",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
};

static const struct vg_judge oracle_judge = {
	.now = oracle_now,
	.access = judge_access,
};

int vg_oracle_init(struct vgpu *vg)
{
	vg->oracle = calloc(1, sizeof(*vg->oracle));
	if (!vg->oracle)
		return -ENOMEM;
	vg->judge = &oracle_judge;
	return 0;
}

/* ---- verdict ---- */

uint64_t vgpu_violations(const struct vgpu *vg)
{
	return vg->oracle->violations;
}

void vgpu_verdict(const struct vgpu *vg, void (*line)(void *arg, const char *text), void *arg)
{
	const struct vg_oracle *o = vg->oracle;
	char text[LINE];
	int n;

	for (unsigned int i = 0; i < o->num_kept; i++)
		line(arg, o->kept[i]);
	if (!o->used) {
		line(arg, "oracle: silent, the guest reported no pages");
		return;
	}
	n = snprintf(text, sizeof(text),
		     "oracle: %" PRIu64 " violations in %" PRIu64 " accesses to guest memory",
		     o->violations, o->accesses);
	for (enum vg_rule r = 0; r < VG_NUM_RULES; r++)
		if (o->broken[r])
			n += snprintf(text + n, sizeof(text) - n, "; R%u %" PRIu64, r,
				      o->broken[r]);
	line(arg, text);
}
