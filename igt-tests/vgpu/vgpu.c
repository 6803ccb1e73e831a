/* SPDX-License-Identifier: MIT */
/* Puts a GPU together: the core, a chip and the page oracle. */
#include <errno.h>
#include <stdlib.h>

#include "core/bus.h"
#include "gfx9/gfx9.h"
#include "oracle/oracle.h"

/* The only chip so far.  A second one needs an option that chooses between them. */
static const struct vg_chip *const the_chip = &vg_gfx942;

size_t vgpu_image(const struct vg_config *config, size_t i, const char **name, uint8_t *buf)
{
	if (i >= the_chip->num_images)
		return 0;
	*name = the_chip->images[i].name;
	return the_chip->images[i].make(config, buf);
}

static int set_up(struct vgpu *vg)
{
	if (vg->config.xccs > VG_MAX_XCCS)
		return -EINVAL;
	vg->num_hubs = 1 + vg_num_xccs(vg);
	for (enum vg_hub_id hub = 0; hub < vg->num_hubs; hub++) {
		vg->tlb[hub] = vg_tlb_new();
		if (!vg->tlb[hub])
			return -ENOMEM;
	}
	vg_sched_init(vg);
	if (vg_oracle_init(vg) || vg->chip->init(vg))
		return -ENOMEM;
	for (size_t i = 0; i < vg->chip->num_blocks; i++)
		vg_bus_add(vg, vg->chip->blocks[i]);
	vg_bus_add(vg, &vg_oracle_block);
	for (unsigned int xcc = 1; xcc < vg_num_xccs(vg); xcc++)
		if (vg_bus_add_instance(vg, xcc, xcc * vg->chip->xcc_distance))
			return -ENOMEM;
	return 0;
}

struct vgpu *vgpu_new(const struct vg_config *config, const struct vg_host_ops *ops, void *host)
{
	struct vgpu *vg = calloc(1, sizeof(*vg));

	if (!vg)
		return NULL;
	vg->config = *config;
	vg->ops = ops;
	vg->host = host;
	vg->chip = the_chip;
	if (set_up(vg)) {
		vgpu_free(vg);
		return NULL;
	}
	vgpu_reset(vg);
	return vg;
}

void vgpu_free(struct vgpu *vg)
{
	if (!vg)
		return;
	if (vg->chip_state)
		vg->chip->free(vg);
	for (enum vg_hub_id hub = 0; hub < VG_MAX_HUBS; hub++)
		vg_tlb_free(vg->tlb[hub]);
	vg_bus_free(vg);
	vg_oracle_free(vg);
	free(vg);
}

void vgpu_reset(struct vgpu *vg)
{
	if (vgpu_stopped(vg))
		return;
	vg_trace(vg, "reset");
	vg_bus_reset(vg);
	for (size_t i = 0; i < vg->num_blocks; i++)
		if (vg->block[i]->reset)
			vg->block[i]->reset(vg);
	vg_sched_reset(vg);
}
