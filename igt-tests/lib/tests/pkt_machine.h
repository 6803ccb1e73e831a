/* SPDX-License-Identifier: MIT */
/*
 * Executes the packets of a queue, with a cache in front of memory.  The cache keeps all bytes that
 * packets have read or stored, until a packet invalidates the bytes or writes them back.  So a test
 * fails if such a packet is missing.  GPU addresses are addresses of this process.
 */
#ifndef PKT_MACHINE_H
#define PKT_MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/amdgpu/amd_kfd.h"
#include "pkt_decode.h"

/* The memory that the packets may access. */
#define MACHINE_BYTES (4u << 20)

struct machine {
	enum pkt_format format;
	unsigned int xccs; /* number of XCCs that execute an AQL queue */
	struct amd_kfd_queue *queue;
	uint8_t *memory, *cache; /* MACHINE_BYTES each */
	uint8_t *state;		 /* state of each byte of the cache */
	uint64_t low, high;	 /* bytes outside of this range are not in the cache */
	uint64_t get;		 /* dwords of the ring, or AQL packets, that are done */
	unsigned int executed;	 /* number of packets that execute() has got */
	pthread_t thread;
	volatile bool waiting; /* a packet waits for memory */
	volatile bool stop;
};

/* Make a queue of @type whose packets the machine executes in a thread. */
void machine_start(struct machine *m, enum pkt_format format, enum amd_kfd_queue_type type,
		   const struct amd_pkt *pkt, unsigned int xccs, struct amd_kfd_queue *queue);
void machine_stop(struct machine *m);

#endif
