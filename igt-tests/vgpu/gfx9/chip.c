/* SPDX-License-Identifier: MIT */
/* gfx942: the struct vg_chip that names the chip's blocks and functions. */
#include <errno.h>
#include <stdlib.h>

#include "core/bits.h"
#include "engine/pm4.h"
#include "engine/sdma.h"
#include "gfx9/bases.h"
#include "gfx9/gfx9.h"
#include "gfx9/images.h"
#include "gfx9/pte.h"

/* The registers of an XCC, by the lower 16 bits of their addresses: gfx_v9_4_3.c:58-61 */
enum {
	XCC_RANGE_0 = 0x2000,
	XCC_RANGE_0_END = 0x3400,
	XCC_RANGE_1 = 0xA000,
	XCC_RANGE_1_END = 0x10000,
};

/* The driver assumes this rate: soc15_get_xclk(), drivers/gpu/drm/amd/amdgpu/soc15.c:346 */
enum { REFERENCE_CLOCK_MHZ = 100 };

static int gfx9_init(struct vgpu *vg)
{
	vg->chip_state = calloc(1, sizeof(struct vg_gfx9));
	if (!vg->chip_state)
		return -ENOMEM;
	vg_cp_init(vg);
	vg_sdma_init(vg);
	return vg_hdp_init(vg);
}

static void gfx9_free(struct vgpu *vg)
{
	vg_cp_free(vg);
	vg_sdma_free(vg);
	vg_hdp_free(vg);
	free(vg->chip_state);
	vg->chip_state = NULL;
}

static void step_flushes(struct vgpu *vg)
{
	vg_gmc_step(vg);
	vg_nbio_step(vg);
}

static bool queue_doorbell(struct vgpu *vg, uint32_t index, uint64_t value, unsigned int size)
{
	return vg_cp_doorbell(vg, index, value, size) || vg_sdma_doorbell(vg, index, value, size);
}

/*
 * The address of a register in a packet.  The driver cuts register numbers in its packets to 16
 * bits when the result looks like a register of an XCC (gfx_v9_4_3.c:360-372).  Such a number means
 * the register of the XCC that executes the packet.  The driver also cuts the numbers of the
 * registers of the MMHUB's invalidate engines, which are at 0x1xxxx, so add the missing bit to
 * these.  No GC register has such a number.
 */
static uint32_t reg_address(const struct vg_queue *q, uint32_t reg)
{
	enum { CUT = 1 << 16 };
	uint32_t first = vg_mmhub_regs.eng_req;
	uint32_t end = vg_mmhub_regs.eng_ack + VG_NUM_INVALIDATE_ENGINES;

	if (reg + CUT >= first && reg + CUT < end)
		return reg + CUT;
	if ((reg >= XCC_RANGE_0 && reg < XCC_RANGE_0_END) ||
	    (reg >= XCC_RANGE_1 && reg < XCC_RANGE_1_END))
		return reg + vg_queue_xcc(q) * VG_XCC_DISTANCE;
	return reg;
}

static const struct vg_pm4_chip pm4 = {
	.scheduler = &vg_hws_packets,
	.reg_address = reg_address,
	.rptr_report = vg_hqd_rptr_report,
	.system_acquire = vg_hdp_acquire,
	.end_of_pipe = vg_hqd_end_of_pipe,
	.xcc_number = vg_hqd_xcc_number,
	.aql_may_begin = vg_hqd_aql_may_begin,
	.aql_part = vg_hqd_aql_part,
};

static const struct vg_sdma_chip sdma = {
	.packets = &vg_sdma_v4_packets,
	.flush_hdp = vg_hdp_packet,
	.trap = vg_sdma_trap,
};

static const struct vg_image images[] = {
	{ "ip_discovery.bin", vg_image_discovery },
	{ "gc_9_4_3_mec.bin", vg_image_mec },
	{ "gc_9_4_3_rlc.bin", vg_image_rlc },
	{ "sdma_4_4_2.bin", vg_image_sdma },
};

static const struct vg_block *const blocks[] = {
	&vg_nbio_block, &vg_smuio_block,  &vg_mp_block,	   &vg_hdp_block, &vg_athub_block,
	&vg_gmc_block,	&vg_gfxhub_block, &vg_mmhub_block, &vg_ih_block,  &vg_grbm_block,
	&vg_rlc_block,	&vg_cp_block,	  &vg_sdma_block,
};

const struct vg_chip vg_gfx942 = {
	.name = "gfx942",
	.blocks = blocks,
	.num_blocks = VG_COUNT(blocks),
	.xcc_distance = VG_XCC_DISTANCE,
	.init = gfx9_init,
	.free = gfx9_free,
	.mmu = {
		.va_bits = VG_VA_BITS,
		.direct = vg_gmc_fb_offset,
		.walk = vg_gmc_walk,
		.fault = vg_gmc_fault,
		.default_page = vg_gmc_default_page,
	},
	.step_flushes = step_flushes,
	.vram_read = vg_hdp_read,
	.vram_write = vg_hdp_write,
	.interrupt_doorbell = vg_ih_doorbell,
	.queue_doorbell = queue_doorbell,
	.clock_mhz = REFERENCE_CLOCK_MHZ,
	.pm4 = &pm4,
	.sdma = &sdma,
	.images = images,
	.num_images = VG_COUNT(images),
};
