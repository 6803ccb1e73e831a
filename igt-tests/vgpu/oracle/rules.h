/* SPDX-License-Identifier: MIT */
/*
 * The rules, as X(id, name, sentence), with the most serious first.  An access that breaks
 * several rules counts under the first of them.  Rule R5 is not about an access: it is
 * broken when the guest could not report an event, or when the model cannot reach the ring.
 */
#ifndef VG_ORACLE_RULES_H
#define VG_ORACLE_RULES_H

#define VG_ORACLE_RULES(X) \
	X(1, UNMAPPED, "access to a system page that is not mapped for DMA") \
	X(2, LOST, "access to a page that the kernel has taken back") \
	X(3, STALE, \
	  "access through a translation read before the page was " \
	  "taken back or unmapped") \
	X(4, READONLY, "write to a page that is held or mapped for reading only") \
	X(5, MISSED, "the guest could not report all events")

enum vg_rule {
#define VG_RULE(id, name, sentence) VG_RULE_##name = (id),
	VG_ORACLE_RULES(VG_RULE)
#undef VG_RULE
		VG_NUM_RULES
};

#endif
