/* SPDX-License-Identifier: MIT */
/* Executes arbitrary dwords as SDMA packets, in the driver's queue or in a user's. */
#include "core/sched.h"
#include "fuzz/fuzz.h"
#include "tests/fake_sdma.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fake_host *f = fake_sdma_host();
	struct fuzz_unit unit;
	struct fake_sdma s;
	bool kernel;

	fuzz_read(&unit, bytes, size);
	kernel = VG_GET(FUZZ_KERNEL, unit.options);
	f->vg->config.seed = VG_GET(FUZZ_SEED, unit.options);
	f->vg->config.preempt_steps = f->vg->config.flush_steps = FUZZ_SLOW;
	vg_sched_init(f->vg);
	fake_sdma_init(&s, f, kernel ? VG_SDMA_GFX : VG_SDMA_RLC0, kernel ? 0 : SDMA_VMID);
	fake_sdma_enable(&s);
	memcpy(fake_data(f, SDMA_DATA), unit.dword, sizeof(unit.dword));
	fake_sdma_emit(&s, unit.dword, unit.count);
	fake_sdma_ring(&s);
	if (fuzz_preempt_after(&unit)) {
		fuzz_step(f, fuzz_preempt_after(&unit));
		fake_sdma_disable(&s);
	}
	fuzz_step(f, FUZZ_MAX_STEPS);
	fake_discard(f);
	return 0;
}
