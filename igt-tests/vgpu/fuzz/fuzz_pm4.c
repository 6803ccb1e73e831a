/* SPDX-License-Identifier: MIT */
/* Executes arbitrary dwords as PM4 packets, in the KIQ or in a user's queue. */
#include "fuzz/fuzz.h"
#include "tests/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_unit unit;
	struct fake_queue *q;
	struct engine e;

	fuzz_read(&unit, bytes, size);
	engine_init(&e, VG_GET(FUZZ_SEED, unit.options), FUZZ_SLOW, FUZZ_SLOW);
	q = VG_GET(FUZZ_KERNEL, unit.options) ? &e.kiq : &e.u.ring;
	memcpy(e.f->ram + ENGINE_DATA, unit.dword, sizeof(unit.dword));
	fake_emit(q, unit.dword, unit.count);
	if (q == &e.kiq)
		fake_ring_doorbell(e.f, q);
	else
		user_queue_kick(e.f, &e.u);
	if (fuzz_preempt_after(&unit)) {
		fuzz_step(e.f, fuzz_preempt_after(&unit));
		fake_queue_dequeue(e.f, q, DEQUEUE_SAVE);
	}
	fuzz_step(e.f, FUZZ_MAX_STEPS);
	fake_discard(e.f);
	return 0;
}
