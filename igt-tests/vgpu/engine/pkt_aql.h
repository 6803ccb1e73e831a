/* SPDX-License-Identifier: MIT */
/*
 * Packets of HSA queues (AQL), among them AMD's vendor packets, and the structures
 * in memory that the packets point to.  The kernel defines none of these; the sources are
 * the HSA Platform System Architecture and ROCr's public headers.
 */
#ifndef VG_PKT_AQL_H
#define VG_PKT_AQL_H

#include <assert.h>
#include <stdint.h>

#include "core/bits.h"

enum {
	AQL_BYTES = 64,
	AQL_DWORDS = AQL_BYTES / 4,
};

/* Fields of the first dword.  Bits 15:0 are the header; only vendor packets have a format. */
#define AQL_TYPE	  VG_BITS(7, 0)
#define AQL_ACQUIRE	  VG_BITS(10, 9)  /* enum aql_scope */
#define AQL_RELEASE	  VG_BITS(12, 11) /* enum aql_scope */
#define AQL_VENDOR_FORMAT VG_BITS(23, 16)

enum aql_scope {
	AQL_SCOPE_NONE = 0,
	AQL_SCOPE_AGENT = 1,
	AQL_SCOPE_SYSTEM = 2,
};

enum aql_type {
	AQL_VENDOR = 0,
	AQL_INVALID = 1, /* the slot is empty: a producer may fill it */
	AQL_KERNEL_DISPATCH = 2,
	AQL_BARRIER_AND = 3,
	AQL_AGENT_DISPATCH = 4,
	AQL_BARRIER_OR = 5,
};

enum aql_vendor_format {
	AQL_PM4_IB = 1,
	AQL_BARRIER_VALUE = 2,
};

enum { AQL_NUM_DEPENDENCIES = 5 };

/* The packet names signals by the address of their struct aql_signal; 0: no signal. */
struct aql_barrier {
	uint32_t header;
	uint32_t reserved0;
	uint64_t dependency[AQL_NUM_DEPENDENCIES];
	uint64_t reserved1;
	uint64_t completion;
};
static_assert(sizeof(struct aql_barrier) == AQL_BYTES, "barrier packet");

enum aql_condition {
	AQL_EQUAL,
	AQL_NOT_EQUAL,
	AQL_LESS,
	AQL_GREATER_EQUAL,
};

/* Waits until (signal & mask) <condition> value is true; the comparison is signed. */
struct aql_barrier_value {
	uint32_t header;
	uint32_t reserved0;
	uint64_t signal;
	int64_t value;
	int64_t mask;
	uint32_t condition;
	uint32_t reserved1[5];
	uint64_t completion;
};
static_assert(sizeof(struct aql_barrier_value) == AQL_BYTES, "barrier value packet");

/*
 * The micro engine executes the first five dwords as one packet, then the IB, and
 * then skips the rest of the slot; @remaining is the number of dwords to skip.
 */
struct aql_pm4_ib {
	uint32_t header;
	uint32_t indirect_buffer[4]; /* a whole PM4 packet */
	uint32_t remaining;
	uint32_t reserved[8];
	uint64_t completion;
};
static_assert(sizeof(struct aql_pm4_ib) == AQL_BYTES, "PM4 packet");

enum {
	AQL_PM4_DWORDS = 5,
	AQL_PM4_REMAINING = AQL_DWORDS - AQL_PM4_DWORDS - 1,
};

/* ---- in memory ---- */

struct aql_signal {
	int64_t kind; /* below 0: the completion is a doorbell write, which is not modelled */
	int64_t value;
	uint64_t mailbox; /* the engine writes the event id here, then raises an interrupt */
	uint32_t event_id;
	uint32_t reserved0;
	uint64_t start, end; /* GPU clock when the packet started and ended */
	uint64_t queue;
	uint32_t reserved1[2];
};
static_assert(sizeof(struct aql_signal) == 64, "signal");

/* Byte offsets of the fields that the CP uses in the runtime's queue structure (amd_queue_t). */
enum aql_queue {
	AQL_QUEUE_WRITE_ID = 56,
	AQL_QUEUE_READ_ID = 128,
	AQL_QUEUE_READ_ID_OFFSET = 136, /* this field contains AQL_QUEUE_READ_ID */
	AQL_QUEUE_PROPERTIES = 180,
};
#define AQL_QUEUE_PROFILING VG_BITS(3, 3)

#endif
