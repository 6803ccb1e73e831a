/* SPDX-License-Identifier: MIT */
/* Putting the blocks together. */
#include <stdlib.h>

#include "core/bus.h"
#include "gfx9/blocks.h"
#include "gfx9/cp.h"
#include "gfx9/gmc.h"
#include "core/sched.h"
#include "oracle/oracle.h"
#include "core/bits.h"
#include "core/tlb.h"

const struct vg_block *const vg_blocks[] = {
	&vg_nbio_block, &vg_smuio_block, &vg_mp_block, &vg_hdp_block,
	&vg_athub_block, &vg_gmc_block, &vg_gfxhub_block, &vg_mmhub_block,
	&vg_ih_block, &vg_grbm_block, &vg_rlc_block, &vg_cp_block,
	&vg_sdma_block, &vg_oracle_block,
};
const size_t vg_num_blocks = VG_COUNT(vg_blocks);

struct vgpu *vgpu_new(const struct vg_config *config,
		      const struct vg_host_ops *ops, void *host)
{
	struct vgpu *vg = calloc(1, sizeof(*vg));

	if (!vg)
		return NULL;
	vg->config = *config;
	vg->ops = ops;
	vg->host = host;
	if (vg_oracle_init(vg)) {
		free(vg);
		return NULL;
	}
	for (enum vg_hub_id hub = 0; hub < VG_NUM_HUBS; hub++) {
		vg->hub[hub].tlb = vg_tlb_new();
		if (!vg->hub[hub].tlb) {
			vgpu_free(vg);
			return NULL;
		}
	}
	vg_sched_init(vg);
	vg_bus_init(vg);
	vg_cp_init(vg);
	vg_sdma_init(vg);
	vgpu_reset(vg);
	return vg;
}

void vgpu_free(struct vgpu *vg)
{
	if (!vg)
		return;
	for (size_t i = 0; i < vg_num_blocks; i++)
		if (vg_blocks[i]->free)
			vg_blocks[i]->free(vg);
	for (enum vg_hub_id hub = 0; hub < VG_NUM_HUBS; hub++)
		vg_tlb_free(vg->hub[hub].tlb);
	vg_oracle_free(vg);
	free(vg);
}

void vgpu_reset(struct vgpu *vg)
{
	if (vgpu_stopped(vg))
		return;
	vg_trace(vg, "reset");
	vg_bus_reset(vg);
	for (size_t i = 0; i < vg_num_blocks; i++)
		if (vg_blocks[i]->reset)
			vg_blocks[i]->reset(vg);
	vg_sched_reset(vg);
}
