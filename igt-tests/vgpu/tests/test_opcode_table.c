/* SPDX-License-Identifier: MIT */
/* Invariants of the packet tables: each opcode once, each entry complete. */
#include "gfx9/cp.h"
#include "engine/sdma.h"
#include "engine/pkt_pm4.h"
#include "engine/pkt_sdma.h"
#include "tests/check.h"

static void pm4(void)
{
	CHECK(vg_pm4_table_size > 0);
	for (size_t i = 0; i < vg_pm4_table_size; i++) {
		const struct vg_pm4_op *op = &vg_pm4_table[i];

		CHECK(op->name && op->execute && op->min_body > 0);
		CHECK(op->opcode <= VG_GET(PM4_OPCODE, ~0u));
		for (size_t j = i + 1; j < vg_pm4_table_size; j++)
			CHECK(vg_pm4_table[j].opcode != op->opcode);
	}
}

static void sdma(void)
{
	const uint32_t selects = VG_SDMA_HEADER_OP | VG_SDMA_HEADER_SUB_OP;

	CHECK(vg_sdma_table_size > 0);
	for (size_t i = 0; i < vg_sdma_table_size; i++) {
		const struct vg_sdma_packet *op = &vg_sdma_table[i];

		CHECK(op->name && op->execute && op->dwords > 0);
		/* What is a parameter must not be what the packet is found by. */
		CHECK(!(op->fields & selects));
		for (size_t j = i + 1; j < vg_sdma_table_size; j++)
			CHECK(vg_sdma_table[j].op != op->op ||
			      vg_sdma_table[j].sub_op != op->sub_op);
	}
}

int main(void)
{
	pm4();
	sdma();
	return 0;
}
