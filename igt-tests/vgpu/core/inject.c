/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/bits.h"
#include "core/gpu.h"

enum { ALWAYS = 100, MAX_AMOUNT = 1 << 30 };

static const struct inject_info {
	const char *name, *what;
	const char *amount; /* KEY that sets vg_injection.amount; NULL: the fault has no amount */
	struct vg_injection defaults;
} table[VG_NUM_INJECTIONS] = {
	[VG_INJECT_SLOW_PREEMPT] = { "slow-preempt",
				     "a user queue runs on for so many steps when asked to stop",
				     "steps",
				     { .amount = 20000, .count = UINT64_MAX } },
	[VG_INJECT_FAIL_PREEMPT] = { "fail-preempt",
				     "a user queue never stops when asked to, only by a reset",
				     NULL,
				     { .count = UINT64_MAX } },
	[VG_INJECT_STALE_MQD] = { "stale-mqd",
				  "a compute queue's state is not saved when it stops",
				  NULL,
				  { .count = UINT64_MAX } },
	[VG_INJECT_LATE_TLB_ACK] = { "late-tlb-ack",
				     "a TLB flush takes so many steps longer, old translations in use",
				     "steps",
				     { .amount = 2000, .count = UINT64_MAX } },
	[VG_INJECT_NO_TLB_FLUSH] = { "no-tlb-flush",
				     "TLB flushes of the users' VMIDs are acknowledged and not done",
				     NULL,
				     { .count = UINT64_MAX } },
	[VG_INJECT_NO_XCC_FLUSH] = { "no-xcc-flush",
				     "the same for the GFX hub of one XCC, all other flushes are done",
				     "xcc",
				     { .amount = 1, .count = UINT64_MAX } },
	[VG_INJECT_FAULT_STORM] = { "fault-storm",
				    "a GPU page fault is reported so many times more",
				    "times",
				    { .amount = 1000, .count = UINT64_MAX } },
	[VG_INJECT_LOST_INTERRUPT] = { "lost-interrupt",
				       "an interrupt vector is written, but the MSI does not arrive",
				       NULL,
				       { .count = UINT64_MAX } },
	[VG_INJECT_LOST_DOORBELL] = { "lost-doorbell",
				      "a doorbell write of a queue does not arrive",
				      NULL,
				      { .count = UINT64_MAX } },
	[VG_INJECT_BUS_ERROR] = { "bus-error",
				  "a user's packet reads zeros from system memory, its write is lost",
				  NULL,
				  { .count = 1 } },
	[VG_INJECT_LATE_UNMAP] = { "late-unmap",
				   "an IOMMU unmaps memory so many steps later than the guest asks",
				   "steps",
				   { .amount = 1000, .count = UINT64_MAX } },
	/* These need --hdp-fifo, because otherwise HDP has nothing to flush. */
	[VG_INJECT_NO_HDP_HOST] = { "no-hdp-host",
				    "the CPU's write to the HDP flush register flushes nothing",
				    NULL,
				    { .count = UINT64_MAX } },
	[VG_INJECT_NO_HDP_RING] = { "no-hdp-ring",
				    "an HDP flush by the driver's packets is done, and flushes nothing",
				    NULL,
				    { .count = UINT64_MAX } },
	[VG_INJECT_NO_HDP_SDMA] = { "no-hdp-sdma",
				    "the HDP flush packet of a user's SDMA queue flushes nothing",
				    NULL,
				    { .count = UINT64_MAX } },
	[VG_INJECT_NO_HDP_ACQUIRE] = { "no-hdp-acquire",
				       "an acquire fence of an AQL packet does not flush HDP",
				       NULL,
				       { .count = UINT64_MAX } },
	[VG_INJECT_NO_HDP_READ] = { "no-hdp-read",
				    "a read of VRAM by the CPU does not flush HDP",
				    NULL,
				    { .count = UINT64_MAX } },
};

const char *vgpu_inject_name(size_t i, const char **what)
{
	if (i >= VG_COUNT(table))
		return NULL;
	*what = table[i].what;
	return table[i].name;
}

/*
 * Parse "KEY=NUMBER" at @text.  Returns the text behind it, or NULL if the key is not @key or
 * the number is bad.
 */
static const char *parse_number(const char *text, const char *key, uint64_t max, uint64_t *value)
{
	size_t n = strlen(key);
	char *end;

	if (strncmp(text, key, n) || text[n] != '=' || text[n + 1] < '0' || text[n + 1] > '9')
		return NULL;
	errno = 0;
	*value = strtoull(text + n + 1, &end, 0);
	if (errno || *value > max || (*end && *end != ','))
		return NULL;
	return *end ? end + 1 : end;
}

static int parse_arguments(const char *text, const struct inject_info *info,
			   struct vg_injection *in)
{
	while (*text) {
		const char *next = NULL;

		if (info->amount)
			next = parse_number(text, info->amount, MAX_AMOUNT, &in->amount);
		if (!next)
			next = parse_number(text, "after", UINT64_MAX, &in->after);
		if (!next)
			next = parse_number(text, "count", UINT64_MAX, &in->count);
		if (!next)
			next = parse_number(text, "chance", ALWAYS, &in->chance);
		if (!next)
			next = parse_number(text, "mark", UINT32_MAX, &in->mark);
		if (!next)
			return -EINVAL;
		text = next;
	}
	return 0;
}

int vgpu_inject(struct vgpu *vg, const char *text)
{
	size_t n = strcspn(text, ":");

	for (size_t i = 0; i < VG_COUNT(table); i++) {
		struct vg_injection in = table[i].defaults;

		if (strlen(table[i].name) != n || strncmp(table[i].name, text, n))
			continue;
		in.chance = ALWAYS;
		if (text[n] && parse_arguments(text + n + 1, &table[i], &in))
			return -EINVAL;
		in.armed = true;
		vg->injection[i] = in;
		return 0;
	}
	return -ENOENT;
}

bool vg_inject(struct vgpu *vg, enum vg_inject_id id)
{
	struct vg_injection *in = &vg->injection[id];

	if (!in->armed || (in->mark && in->mark != vg->mark))
		return false;
	if (in->seen++ < in->after || in->struck >= in->count)
		return false;
	/*
	 * A fault that always strikes needs no random number.  Drawing one would change
	 * all later decisions of the schedule.
	 */
	if (in->chance < ALWAYS && vg_random(vg, ALWAYS - 1) >= in->chance)
		return false;
	in->struck++;
	vg_trace(vg, "inject fault=%s strike=%llu", table[id].name, (unsigned long long)in->struck);
	return true;
}

unsigned int vg_inject_amount(struct vgpu *vg, enum vg_inject_id id)
{
	return vg_inject(vg, id) ? vg->injection[id].amount : 0;
}
