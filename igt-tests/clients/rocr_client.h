/* SPDX-License-Identifier: MIT */
/* The parts of rocr_client, a program that uses ROCr and the library. */
#ifndef ROCR_CLIENT_H
#define ROCR_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>

#include <amdgpu_userptr.h>

#include "lib/amdgpu/amd_stamp.h"

/* If @result, a hsa_status_t or a -errno, is not 0, print it with @what and end the program. */
void check(int result, const char *what);

/* ------------------------------------------------------------------------------------------- */
/* ROCr: rocr_client_hsa.c								       */

struct rocr {
	hsa_agent_t cpu, gpu;
	hsa_amd_memory_pool_t host_pool, vram_pool;
	amdgpu_device_handle device; /* ROCr's own handle */
	uint32_t gpu_id;	     /* KFD's name of the GPU */
};

enum direction { TO_VRAM, TO_HOST, NUM_DIRECTIONS };

/* hsa_init(); -ENODEV when ROCr has no GPU. */
int rocr_open(struct rocr *rocr);
/* Another file of the GPU's render node, with a GPU address space of its own. */
int rocr_open_render_node(const struct rocr *rocr);
void rocr_close(struct rocr *rocr);
/* Memory of ROCr that no MMU notifier can invalidate. */
void *rocr_alloc(const struct rocr *rocr, hsa_amd_memory_pool_t pool, size_t size);
hsa_signal_t rocr_signal(void);
/* Copy by SDMA; subtracts 1 from @done at the end. */
void rocr_copy_async(const struct rocr *rocr, enum direction direction, void *dst, const void *src,
		     size_t size, hsa_signal_t done);
/* Wait until @signal is 0. */
void rocr_wait(hsa_signal_t signal);
void rocr_copy(const struct rocr *rocr, enum direction direction, void *dst, const void *src,
	       size_t size);

/* ------------------------------------------------------------------------------------------- */
/* Scattered pages and their changes: rocr_client_pages.c				       */

struct page {
	char *addr;
	struct amd_stamp stamp;
	unsigned int oldest; /* the finished generation when the copy began */
};

struct pages {
	unsigned int count;
	size_t page_size;
	struct page *page;
	char *arena;
	uint64_t rng;
	pid_t child; /* of the last fork, or 0 */
	int gate;    /* end of a pipe; the child waits until it is closed */
};

enum change { CHANGE_FORK, CHANGE_DROP, CHANGE_MIGRATE, CHANGE_RECLAIM, NUM_CHANGES };
extern const char *const change_names[NUM_CHANGES];

void pages_create(struct pages *pages, unsigned int count);
void pages_destroy(struct pages *pages);
/*
 * Change some pages. With @rewrite the CPU also stores new contents in pages that a fork or a drop
 * changes; without it the GPU stores in the pages at the same time.
 */
void pages_change(struct pages *pages, enum change change, bool rewrite);
/* Let the child of a fork end; it fails when its pages have changed since the fork. */
void pages_end_change(struct pages *pages);
/* A copy begins now: remember which contents the pages have, because older ones are wrong. */
void pages_open_window(struct pages *pages);
/*
 * @copy has all pages one after the other. Returns how many of its bytes differ from each content
 * that the page has had since pages_open_window(). If @copy is NULL, check the pages themselves.
 */
uint64_t pages_check(const struct pages *pages, const char *copy);

#endif
