/* SPDX-License-Identifier: MIT */
/*
 * Executes arbitrary slots of a user's HSA queue.  The signals and IBs that they point to are
 * arbitrary, too.
 */
#include "core/sched.h"
#include "fuzz/fuzz.h"
#include "tests/fake_aql.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_unit unit;
	struct aql a;

	fuzz_read(&unit, bytes, size);
	aql_ready(&a);
	a.f->vg->config.seed = VG_GET(FUZZ_SEED, unit.options);
	a.f->vg->config.preempt_steps = FUZZ_SLOW;
	vg_sched_init(a.f->vg);
	memcpy(aql_data(&a), unit.dword, sizeof(unit.dword));
	memcpy(a.f->ram + AQL_IB, unit.dword, sizeof(unit.dword));
	/* A queue has whole slots only, so the missing dwords of the last slot are 0. */
	for (unsigned int at = 0; at < unit.count && at + AQL_DWORDS <= FUZZ_MAX_DWORDS;
	     at += AQL_DWORDS)
		aql_put(&a, &unit.dword[at]);
	aql_ring(&a, a.put - 1);
	if (fuzz_preempt_after(&unit)) {
		fuzz_step(a.f, fuzz_preempt_after(&unit));
		fake_queue_dequeue(a.f, &a.u.ring, AQL_SAVE_WAVES);
	}
	fuzz_step(a.f, FUZZ_MAX_STEPS);
	fake_discard(a.f);
	return 0;
}
