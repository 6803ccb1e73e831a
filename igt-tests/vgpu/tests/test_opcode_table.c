/* SPDX-License-Identifier: MIT */
/* Tests that the packet tables have each opcode once, and that each entry is complete. */
#include "core/chip.h"
#include "engine/pkt_pm4.h"
#include "engine/pkt_sdma.h"
#include "engine/pm4.h"
#include "engine/sdma.h"
#include "gfx9/gfx9.h"
#include "tests/check.h"

static unsigned int entries(const struct vg_pm4_table *table, uint8_t opcode)
{
	unsigned int n = 0;

	for (size_t i = 0; i < table->num; i++)
		n += table->op[i].opcode == opcode;
	return n;
}

static void pm4(const struct vg_pm4_table *table, const struct vg_pm4_table *other)
{
	CHECK(table->num > 0);
	for (size_t i = 0; i < table->num; i++) {
		const struct vg_pm4_op *op = &table->op[i];

		CHECK(op->name && op->execute && op->min_body > 0);
		CHECK(op->opcode <= VG_GET(PM4_OPCODE, ~0u));
		CHECK(entries(table, op->opcode) == 1);
		CHECK(entries(other, op->opcode) == 0);
	}
}

static void sdma(const struct vg_sdma_table *table)
{
	const uint32_t selects = VG_SDMA_HEADER_OP | VG_SDMA_HEADER_SUB_OP;

	CHECK(table->num > 0);
	for (size_t i = 0; i < table->num; i++) {
		const struct vg_sdma_packet *op = &table->packet[i];

		CHECK(op->name && op->execute && op->dwords > 0);
		/* The mask of parameters must not contain bits of the opcode. */
		CHECK(!(op->fields & selects));
		for (size_t j = i + 1; j < table->num; j++)
			CHECK(table->packet[j].op != op->op ||
			      table->packet[j].sub_op != op->sub_op);
	}
}

int main(void)
{
	pm4(&vg_pm4_packets, vg_gfx942.pm4->scheduler);
	pm4(vg_gfx942.pm4->scheduler, &vg_pm4_packets);
	sdma(vg_gfx942.sdma->packets);
	return 0;
}
