/* SPDX-License-Identifier: MIT */
#include "engine/atomic.h"
#include "vega10_enum.h"

/*
 * The codes form four groups, each with the operations in the same order.  One
 * bit of a code says that the operation is 64 bits wide, another one that it does
 * not return the old value.  The model ignores the second bit, because the packets
 * have no address to which an old value could go.
 */
enum {
	WIDE = TC_OP_ATOMIC_ADD_RTN_64 - TC_OP_ATOMIC_ADD_RTN_32,
	NO_RETURN = TC_OP_ATOMIC_ADD_32 - TC_OP_ATOMIC_ADD_RTN_32,
};

bool vg_atomic_decode(struct vg_atomic *a, unsigned int code)
{
	a->op = code & ~(WIDE | NO_RETURN);
	a->wide = code & WIDE;
	return a->op == TC_OP_ATOMIC_SWAP_RTN_32 || a->op == TC_OP_ATOMIC_CMPSWAP_RTN_32 ||
	       (a->op >= TC_OP_ATOMIC_ADD_RTN_32 && a->op <= TC_OP_ATOMIC_DEC_RTN_32);
}

static int64_t extend(const struct vg_atomic *a, uint64_t v)
{
	return a->wide ? (int64_t)v : (int32_t)v;
}

uint64_t vg_atomic_apply(uint64_t old, const void *arg)
{
	const struct vg_atomic *a = arg;

	switch (a->op) {
	case TC_OP_ATOMIC_SWAP_RTN_32:
		return a->src;
	case TC_OP_ATOMIC_CMPSWAP_RTN_32:
		return old == a->cmp ? a->src : old;
	case TC_OP_ATOMIC_ADD_RTN_32:
		return old + a->src;
	case TC_OP_ATOMIC_SUB_RTN_32:
		return old - a->src;
	case TC_OP_ATOMIC_SMIN_RTN_32:
		return extend(a, old) < extend(a, a->src) ? old : a->src;
	case TC_OP_ATOMIC_UMIN_RTN_32:
		return old < a->src ? old : a->src;
	case TC_OP_ATOMIC_SMAX_RTN_32:
		return extend(a, old) > extend(a, a->src) ? old : a->src;
	case TC_OP_ATOMIC_UMAX_RTN_32:
		return old > a->src ? old : a->src;
	case TC_OP_ATOMIC_AND_RTN_32:
		return old & a->src;
	case TC_OP_ATOMIC_OR_RTN_32:
		return old | a->src;
	case TC_OP_ATOMIC_XOR_RTN_32:
		return old ^ a->src;
	case TC_OP_ATOMIC_INC_RTN_32:
		return old >= a->src ? 0 : old + 1;
	case TC_OP_ATOMIC_DEC_RTN_32:
		return old == 0 || old > a->src ? a->src : old - 1;
	}
	return old;
}
