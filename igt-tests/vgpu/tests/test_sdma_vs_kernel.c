// SPDX-License-Identifier: MIT
/*
 * Tests that the layouts in engine/pkt_sdma.h are those of
 * drivers/gpu/drm/amd/amdgpu/vega10_sdma_pkt_open.h.  The other tests use these
 * layouts to make packets, so they would not notice a mistake in them.
 */
#include <stddef.h>
#include <stdio.h>

#include "engine/pkt_sdma.h"
#include "vega10_sdma_pkt_open.h"

struct field {
	const char *name;
	size_t offset; /* in bytes, in the model's structure */
	uint32_t mask;
	unsigned int kernel_offset; /* in dwords */
	uint64_t kernel_mask;	    /* shifted to the field's place in the dword */
	/*
	 * 1: the model's field may be wider than the kernel's, because SDMA 4.4 has widened it, or
	 * because the model takes the whole dword as one field.
	 */
	int wider;
};

/* In these macros @kernel is the name of the packet and field in the kernel's header. */
#define KERNEL(kernel) \
	SDMA_PKT_##kernel##_offset, (uint64_t)(SDMA_PKT_##kernel##_mask) \
					    << SDMA_PKT_##kernel##_shift
#define WHOLE(type, member, kernel) \
	{ #type "." #member, offsetof(struct vg_sdma_##type, member), ~0u, KERNEL(kernel), 0 }
#define PART(type, member, bits, kernel, wider_) \
	{ #type "." #bits, offsetof(struct vg_sdma_##type, member), bits, KERNEL(kernel), wider_ }

static const struct field fields[] = {
	PART(copy_linear, header, VG_SDMA_HEADER_OP, COPY_LINEAR_HEADER_op, 0),
	PART(copy_linear, header, VG_SDMA_HEADER_SUB_OP, COPY_LINEAR_HEADER_sub_op, 0),
	PART(copy_linear, count, VG_SDMA_COPY_COUNT, COPY_LINEAR_COUNT_count, 1),
	{ "copy_linear.parameter", offsetof(struct vg_sdma_copy_linear, parameter), ~0u,
	  SDMA_PKT_COPY_LINEAR_PARAMETER_dst_sw_offset, 0, 1 },
	WHOLE(copy_linear, src_lo, COPY_LINEAR_SRC_ADDR_LO_src_addr_31_0),
	WHOLE(copy_linear, src_hi, COPY_LINEAR_SRC_ADDR_HI_src_addr_63_32),
	WHOLE(copy_linear, dst_lo, COPY_LINEAR_DST_ADDR_LO_dst_addr_31_0),
	WHOLE(copy_linear, dst_hi, COPY_LINEAR_DST_ADDR_HI_dst_addr_63_32),

	WHOLE(write, dst_lo, WRITE_UNTILED_DST_ADDR_LO_dst_addr_31_0),
	WHOLE(write, dst_hi, WRITE_UNTILED_DST_ADDR_HI_dst_addr_63_32),
	PART(write, count, VG_SDMA_WRITE_COUNT, WRITE_UNTILED_DW_3_count, 0),
	WHOLE(write, data, WRITE_UNTILED_DATA0_data0),

	PART(indirect, header, VG_SDMA_INDIRECT_VMID, INDIRECT_HEADER_vmid, 0),
	WHOLE(indirect, base_lo, INDIRECT_BASE_LO_ib_base_31_0),
	WHOLE(indirect, base_hi, INDIRECT_BASE_HI_ib_base_63_32),
	PART(indirect, size, VG_SDMA_INDIRECT_SIZE, INDIRECT_IB_SIZE_ib_size, 0),
	WHOLE(indirect, csa_lo, INDIRECT_CSA_ADDR_LO_csa_addr_31_0),
	WHOLE(indirect, csa_hi, INDIRECT_CSA_ADDR_HI_csa_addr_63_32),

	WHOLE(fence, addr_lo, FENCE_ADDR_LO_addr_31_0),
	WHOLE(fence, addr_hi, FENCE_ADDR_HI_addr_63_32),
	WHOLE(fence, data, FENCE_DATA_data),

	PART(trap, int_context, VG_SDMA_TRAP_INT_CONTEXT, TRAP_INT_CONTEXT_int_context, 0),

	PART(poll_regmem, header, VG_SDMA_POLL_HDP_FLUSH, POLL_REGMEM_HEADER_hdp_flush, 0),
	PART(poll_regmem, header, VG_SDMA_POLL_FUNC, POLL_REGMEM_HEADER_func, 0),
	PART(poll_regmem, header, VG_SDMA_POLL_MEM, POLL_REGMEM_HEADER_mem_poll, 0),
	WHOLE(poll_regmem, addr_lo, POLL_REGMEM_ADDR_LO_addr_31_0),
	WHOLE(poll_regmem, addr_hi, POLL_REGMEM_ADDR_HI_addr_63_32),
	WHOLE(poll_regmem, value, POLL_REGMEM_VALUE_value),
	WHOLE(poll_regmem, mask, POLL_REGMEM_MASK_mask),
	PART(poll_regmem, dw5, VG_SDMA_POLL_INTERVAL, POLL_REGMEM_DW5_interval, 0),
	PART(poll_regmem, dw5, VG_SDMA_POLL_RETRY_COUNT, POLL_REGMEM_DW5_retry_count, 0),

	WHOLE(cond_exe, addr_lo, COND_EXE_ADDR_LO_addr_31_0),
	WHOLE(cond_exe, addr_hi, COND_EXE_ADDR_HI_addr_63_32),
	WHOLE(cond_exe, reference, COND_EXE_REFERENCE_reference),
	PART(cond_exe, exec_count, VG_SDMA_COND_EXE_COUNT, COND_EXE_EXEC_COUNT_exec_count, 0),

	PART(atomic, header, VG_SDMA_ATOMIC_LOOP, ATOMIC_HEADER_loop, 0),
	PART(atomic, header, VG_SDMA_ATOMIC_OP, ATOMIC_HEADER_atomic_op, 0),
	WHOLE(atomic, addr_lo, ATOMIC_ADDR_LO_addr_31_0),
	WHOLE(atomic, addr_hi, ATOMIC_ADDR_HI_addr_63_32),
	WHOLE(atomic, src_lo, ATOMIC_SRC_DATA_LO_src_data_31_0),
	WHOLE(atomic, src_hi, ATOMIC_SRC_DATA_HI_src_data_63_32),
	WHOLE(atomic, cmp_lo, ATOMIC_CMP_DATA_LO_cmp_data_31_0),
	WHOLE(atomic, cmp_hi, ATOMIC_CMP_DATA_HI_cmp_data_63_32),
	{ "atomic.loop_interval", offsetof(struct vg_sdma_atomic, loop_interval), ~0u,
	  KERNEL(ATOMIC_LOOP_INTERVAL_loop_interval), 1 },

	PART(const_fill, header, VG_SDMA_FILL_SIZE, CONSTANT_FILL_HEADER_fillsize, 0),
	WHOLE(const_fill, dst_lo, CONSTANT_FILL_DST_ADDR_LO_dst_addr_31_0),
	WHOLE(const_fill, dst_hi, CONSTANT_FILL_DST_ADDR_HI_dst_addr_63_32),
	WHOLE(const_fill, data, CONSTANT_FILL_DATA_src_data_31_0),
	PART(const_fill, count, VG_SDMA_FILL_COUNT, CONSTANT_FILL_COUNT_count, 1),

	WHOLE(ptepde, dst_lo, WRITE_INCR_DST_ADDR_LO_dst_addr_31_0),
	WHOLE(ptepde, dst_hi, WRITE_INCR_DST_ADDR_HI_dst_addr_63_32),
	WHOLE(ptepde, mask_lo, WRITE_INCR_MASK_DW0_mask_dw0),
	WHOLE(ptepde, mask_hi, WRITE_INCR_MASK_DW1_mask_dw1),
	WHOLE(ptepde, value_lo, WRITE_INCR_INIT_DW0_init_dw0),
	WHOLE(ptepde, value_hi, WRITE_INCR_INIT_DW1_init_dw1),
	WHOLE(ptepde, increment_lo, WRITE_INCR_INCR_DW0_incr_dw0),
	WHOLE(ptepde, increment_hi, WRITE_INCR_INCR_DW1_incr_dw1),
	PART(ptepde, count, VG_SDMA_PTEPDE_COUNT, WRITE_INCR_COUNT_count, 0),

	/* The kernel's field begins at bit 3; the model takes the whole dword. */
	{ "timestamp_get.addr_lo", offsetof(struct vg_sdma_timestamp_get, addr_lo), ~0u,
	  KERNEL(TIMESTAMP_GET_GLOBAL_WRITE_ADDR_LO_write_addr_31_3), 1 },
	WHOLE(timestamp_get, addr_hi, TIMESTAMP_GET_GLOBAL_WRITE_ADDR_HI_write_addr_63_32),

	PART(srbm_write, header, VG_SDMA_SRBM_BYTE_ENABLE, SRBM_WRITE_HEADER_byte_en, 0),
	PART(srbm_write, addr, VG_SDMA_SRBM_ADDR, SRBM_WRITE_ADDR_addr, 0),
	WHOLE(srbm_write, data, SRBM_WRITE_DATA_data),
};

static const struct {
	const char *name;
	unsigned int ours, kernels;
} numbers[] = {
	{ "NOP", VG_SDMA_NOP, SDMA_OP_NOP },
	{ "COPY", VG_SDMA_COPY, SDMA_OP_COPY },
	{ "WRITE", VG_SDMA_WRITE, SDMA_OP_WRITE },
	{ "INDIRECT", VG_SDMA_INDIRECT, SDMA_OP_INDIRECT },
	{ "FENCE", VG_SDMA_FENCE, SDMA_OP_FENCE },
	{ "TRAP", VG_SDMA_TRAP, SDMA_OP_TRAP },
	{ "POLL_REGMEM", VG_SDMA_POLL_REGMEM, SDMA_OP_POLL_REGMEM },
	{ "COND_EXE", VG_SDMA_COND_EXE, SDMA_OP_COND_EXE },
	{ "ATOMIC", VG_SDMA_ATOMIC, SDMA_OP_ATOMIC },
	{ "CONST_FILL", VG_SDMA_CONST_FILL, SDMA_OP_CONST_FILL },
	{ "PTEPDE", VG_SDMA_PTEPDE, SDMA_OP_PTEPDE },
	{ "TIMESTAMP", VG_SDMA_TIMESTAMP, SDMA_OP_TIMESTAMP },
	{ "SRBM_WRITE", VG_SDMA_SRBM_WRITE, SDMA_OP_SRBM_WRITE },
	{ "COPY_LINEAR", VG_SDMA_COPY_LINEAR, SDMA_SUBOP_COPY_LINEAR },
	{ "WRITE_LINEAR", VG_SDMA_WRITE_LINEAR, SDMA_SUBOP_WRITE_LINEAR },
	{ "PTEPDE_GEN", VG_SDMA_PTEPDE_GEN, SDMA_SUBOP_PTEPDE_GEN },
	{ "TIMESTAMP_GET", VG_SDMA_TIMESTAMP_GET, SDMA_SUBOP_TIMESTAMP_GET },
	{ "TIMESTAMP_GET_GLOBAL", VG_SDMA_TIMESTAMP_GET_GLOBAL, SDMA_SUBOP_TIMESTAMP_GET_GLOBAL },
	{ "NOP_COUNT", VG_SDMA_NOP_COUNT,
	  SDMA_PKT_NOP_HEADER_count_mask << SDMA_PKT_NOP_HEADER_count_shift },
};

int main(void)
{
	int bad = 0;

	for (size_t i = 0; i < VG_COUNT(fields); i++) {
		const struct field *f = &fields[i];
		uint32_t extra = f->mask & ~(uint32_t)f->kernel_mask;

		if (f->offset == 4 * f->kernel_offset && !(f->kernel_mask & ~(uint64_t)f->mask) &&
		    (!extra || f->wider))
			continue;
		fprintf(stderr, "%s: byte %zu mask 0x%x, in the kernel dword %u mask 0x%llx\n",
			f->name, f->offset, f->mask, f->kernel_offset,
			(unsigned long long)f->kernel_mask);
		bad++;
	}
	for (size_t i = 0; i < VG_COUNT(numbers); i++) {
		if (numbers[i].ours == numbers[i].kernels)
			continue;
		fprintf(stderr, "%s: 0x%x, in the kernel 0x%x\n", numbers[i].name, numbers[i].ours,
			numbers[i].kernels);
		bad++;
	}
	return bad != 0;
}
