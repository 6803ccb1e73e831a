/* SPDX-License-Identifier: MIT */
/*
 * Registers.  Each IP block has a table of its registers; core/bus.c finds the
 * entry of an address.  An address that is in no table stops the model.
 */
#ifndef VG_REG_H
#define VG_REG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vgpu.h"

enum { VG_MMIO_DWORDS = VG_MMIO_SIZE / 4 };

struct vg_reg;
typedef uint32_t (*vg_reg_read_fn)(struct vgpu *vg, const struct vg_reg *reg, uint32_t index);
typedef void (*vg_reg_write_fn)(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
				uint32_t value);

/*
 * One register, or @count consecutive ones.  A register without handlers only
 * stores: it reads as the value that was written last.  A handler gets the offset
 * from @first in @index and may use vg->regs[reg->first + index] as its storage,
 * which holds @reset at the start.
 */
struct vg_reg {
	uint32_t first; /* dword address in the register BAR */
	uint32_t count;
	const char *name;
	vg_reg_read_fn read;
	vg_reg_write_fn write;
	uint32_t reset;
	unsigned int instance; /* number of the instance of the block, see vg_block.repeated */
};

/* One IP block: its registers, and the function (or NULL) that resets its other state. */
struct vg_block {
	const char *name;
	const struct vg_reg *regs;
	size_t num_regs;
	void (*reset)(struct vgpu *vg);
	/*
	 * The GPU may have several instances of the block.  The table has the addresses of the
	 * first one.  @reset resets all of them.
	 */
	bool repeated;
};

/*
 * Entries of the tables, for example VG_REG(GRBM_STATUS, read, NULL).  A "plain" register has no
 * handlers.  VG_ADDR() gives the address of a name; a file gets this macro from the
 * gfx9/regs_<ip>.h of its block.
 */
#define VG_REGS(n, name_, read_, write_) \
	{ .first = VG_ADDR(name_), \
	  .count = (n), \
	  .name = #name_, \
	  .read = (read_), \
	  .write = (write_) }
#define VG_REG(name_, read_, write_) VG_REGS(1, name_, read_, write_)
#define VG_REG_PLAIN(name_)	     VG_REGS(1, name_, NULL, NULL)
/* All registers from the address of the first name to the address of the last one. */
#define VG_RANGE(first_, last_, read_, write_) \
	VG_REGS(VG_ADDR(last_) - VG_ADDR(first_) + 1, first_, read_, write_)
#define VG_RANGE_PLAIN(first_, last_) VG_RANGE(first_, last_, NULL, NULL)
#define VG_REG_RESET(name_, reset_) \
	{ .first = VG_ADDR(name_), .count = 1, .name = #name_, .reset = (reset_) }

/* A write handler for registers that a write does not change. */
void vg_reg_ignore_write(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value);

/* Access a register from a block or a packet; @addr is a dword address. */
uint32_t vg_reg_read(struct vgpu *vg, uint32_t addr);
void vg_reg_write(struct vgpu *vg, uint32_t addr, uint32_t value);

#endif
