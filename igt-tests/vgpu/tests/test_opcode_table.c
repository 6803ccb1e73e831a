/* SPDX-License-Identifier: MIT */
/* Invariants of the PM4 table: each opcode once, each entry complete. */
#include "hw/cp.h"
#include "pkt/pm4.h"
#include "tests/check.h"

int main(void)
{
	CHECK(vg_pm4_table_size > 0);
	for (size_t i = 0; i < vg_pm4_table_size; i++) {
		const struct vg_pm4_op *op = &vg_pm4_table[i];

		CHECK(op->name && op->execute && op->min_body > 0);
		for (size_t j = i + 1; j < vg_pm4_table_size; j++)
			CHECK(vg_pm4_table[j].opcode != op->opcode);
	}
	return 0;
}
