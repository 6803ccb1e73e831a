/* SPDX-License-Identifier: MIT */
/*
 * The register bus.  Every register is in the table of the block that owns it.
 * An access to any other address stops the model, because a guess ("reads as
 * 0") would hide a bug of the driver.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bus.h"

static void add_register(struct vgpu *vg, const struct vg_block *block, const struct vg_reg *reg)
{
	for (uint32_t i = 0; i < reg->count; i++) {
		uint32_t addr = reg->first + i;

		if (addr >= VG_MMIO_DWORDS) {
			vg_stop(vg, "%s: %s lies outside the register BAR", block->name, reg->name);
			return;
		}
		if (vg->reg_at[addr]) {
			vg_stop(vg, "%s: %s+%u and %s share address 0x%x", block->name, reg->name,
				i, vg->reg_at[addr]->name, addr);
			return;
		}
		vg->reg_at[addr] = reg;
	}
}

void vg_bus_add(struct vgpu *vg, const struct vg_block *block)
{
	if (vg->num_blocks == VG_MAX_BLOCKS) {
		vg_stop(vg, "%s: more than %d blocks", block->name, VG_MAX_BLOCKS);
		return;
	}
	vg->block[vg->num_blocks++] = block;
	for (size_t r = 0; r < block->num_regs; r++)
		add_register(vg, block, &block->regs[r]);
}

int vg_bus_add_instance(struct vgpu *vg, unsigned int instance, uint32_t distance)
{
	struct vg_reg *copy;
	size_t count = 0;

	for (size_t b = 0; b < vg->num_blocks; b++)
		count += vg->block[b]->repeated ? vg->block[b]->num_regs : 0;
	copy = calloc(count, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	vg->instance_regs[instance] = copy;
	for (size_t b = 0; b < vg->num_blocks; b++) {
		if (!vg->block[b]->repeated)
			continue;
		for (size_t r = 0; r < vg->block[b]->num_regs; r++, copy++) {
			*copy = vg->block[b]->regs[r];
			copy->first += distance;
			copy->instance = instance;
			add_register(vg, vg->block[b], copy);
		}
	}
	return 0;
}

void vg_bus_free(struct vgpu *vg)
{
	for (unsigned int i = 0; i < VG_MAX_XCCS; i++)
		free(vg->instance_regs[i]);
}

void vg_bus_reset(struct vgpu *vg)
{
	for (uint32_t addr = 0; addr < VG_MMIO_DWORDS; addr++)
		vg->regs[addr] = vg->reg_at[addr] ? vg->reg_at[addr]->reset : 0;
}

void vg_reg_ignore_write(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
}

uint32_t vg_reg_read(struct vgpu *vg, uint32_t addr)
{
	const struct vg_reg *reg = addr < VG_MMIO_DWORDS ? vg->reg_at[addr] : NULL;

	if (!reg) {
		vg_stop(vg, "read of unknown register 0x%x", addr);
		return ~0u;
	}
	return reg->read ? reg->read(vg, reg, addr - reg->first) : vg->regs[addr];
}

void vg_reg_write(struct vgpu *vg, uint32_t addr, uint32_t value)
{
	const struct vg_reg *reg = addr < VG_MMIO_DWORDS ? vg->reg_at[addr] : NULL;

	if (!reg) {
		vg_stop(vg, "write of 0x%08x to unknown register 0x%x", value, addr);
		return;
	}
	if (reg->write)
		reg->write(vg, reg, addr - reg->first, value);
	else
		vg->regs[addr] = value;
}

uint32_t vgpu_mmio_read(struct vgpu *vg, uint32_t offset)
{
	if (vgpu_stopped(vg))
		return ~0u;
	vg->time++;
	return vg_reg_read(vg, offset / 4);
}

static void trace_write(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	if (reg->instance)
		vg_trace(vg, "write reg=%s+%u value=0x%08x instance=%u", reg->name, index, value,
			 reg->instance);
	else
		vg_trace(vg, "write reg=%s+%u value=0x%08x", reg->name, index, value);
}

void vgpu_mmio_write(struct vgpu *vg, uint32_t offset, uint32_t value)
{
	uint32_t addr = offset / 4;

	if (vgpu_stopped(vg))
		return;
	vg->time++;
	vg_sched_wake(vg);
	if (addr < VG_MMIO_DWORDS && vg->reg_at[addr])
		trace_write(vg, vg->reg_at[addr], addr - vg->reg_at[addr]->first, value);
	vg_reg_write(vg, addr, value);
}

void vgpu_doorbell_write(struct vgpu *vg, uint32_t offset, uint64_t value, unsigned int size)
{
	if (vgpu_stopped(vg))
		return;
	vg->time++;
	vg_sched_wake(vg);
	vg_doorbell(vg, offset, value, size);
}
