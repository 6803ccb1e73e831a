/* SPDX-License-Identifier: MIT */
/*
 * The parts of amd_userptr_bench, which measures the ways to give a KFD queue one contiguous range
 * of GPU addresses for many ranges of user memory.
 *
 * amd_userptr_bench.c		the program: options, the grid of cells, one cell
 * amd_userptr_bench_columns.c	the ways (columns): map, unmap, replace one range
 * amd_userptr_bench_memory.c	the user memory; the kernel's memory
 * amd_userptr_bench_overhead.c	cost of the library, and of the notifiers for the CPU side
 */
#ifndef AMD_USERPTR_BENCH_H
#define AMD_USERPTR_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_scatter_uapi.h"

/* The limit of every wait: a page table update of 100,000 ranges takes long on an emulated CPU. */
#define BENCH_WAIT_MS 120000

/* Steps of a map or an unmap in a column that uses GEM ioctls. */
enum bench_step {
	BENCH_USERPTR, /* GEM_USERPTR */
	BENCH_VA,      /* GEM_VA */
	BENCH_WAIT,    /* the wait for the page tables */
	BENCH_CLOSE,   /* GEM_CLOSE */
	BENCH_NUM_STEPS
};

struct bench {
	int fd; /* render node */
	struct amd_kfd kfd;
	struct amd_kfd_queue queue; /* the queue that is evicted and restored */
	struct amd_kfd_smi smi;
	uint32_t syncobj; /* timeline of page table updates */
	uint64_t point;
	bool has_flag, has_scatter;

	unsigned int repetitions;	   /* most repetitions of one operation */
	uint64_t step_ns[BENCH_NUM_STEPS]; /* sums; the caller zeroes them */
	uint64_t budget_ns;		   /* time for the repetitions of map and unmap in a cell */
	bool quick;
	bool wrong_data; /* a cell found wrong data, so the run fails */
};

enum bench_kind {
	BENCH_ANON,	  /* every second piece of private anonymous memory */
	BENCH_SHUFFLED,	  /* as BENCH_ANON, in random order */
	BENCH_MEMFD,	  /* every second piece of a shared memfd */
	BENCH_CONTIGUOUS, /* private anonymous, one piece */
	BENCH_HUGE,	  /* as BENCH_CONTIGUOUS, in huge pages */
	BENCH_NUM_KINDS
};

/* The number of spare ranges, which the operation "replace" puts in place of others. */
#define BENCH_SPARES 2

struct bench_memory {
	enum bench_kind kind;
	unsigned int count;
	size_t size; /* size of a range */
	char *arena;
	size_t arena_size;
	int memfd;
	struct amd_userptr_range *ranges; /* @count, then the spares */
};

/* Map and touch all memory; 0 or -errno. */
int bench_memory_create(struct bench_memory *memory, enum bench_kind kind, unsigned int count,
			size_t size);
void bench_memory_destroy(struct bench_memory *memory);
static inline size_t bench_memory_bytes(const struct bench_memory *memory)
{
	return memory->count * memory->size;
}

/* Lines of /proc/meminfo whose values are measured, in bytes. */
enum bench_meminfo {
	BENCH_MEM_AVAILABLE,
	BENCH_SLAB, /* also large allocations of kmalloc() */
	BENCH_PERCPU,
	BENCH_VMALLOC,
	BENCH_PAGE_TABLES,
	BENCH_NUM_MEMINFO
};
extern const char *const bench_meminfo_names[BENCH_NUM_MEMINFO];
void bench_meminfo_read(uint64_t bytes[BENCH_NUM_MEMINFO]);

/* A mapping on the GPU. */
struct bench_map {
	const struct bench_memory *memory;
	uint64_t va, size;
	uint32_t *handles; /* GEM handles of the map and of replaced ranges */
	unsigned int num_handles;
	uint32_t replacement;
	struct amd_kfd_mem *mems; /* KFD */
	unsigned int num_mems;
};

struct bench_column {
	const char *name;
	const char *title;
	enum bench_kind kind;
	bool slow;   /* needs ioctls for each range, so it does not run with very many ranges */
	bool beside; /* does not run in a quick run with very many ranges */
	bool alias;  /* maps the memory a second time on the CPU, at the GPU addresses of the map */
	/* The reason why the column cannot run on this kernel, or NULL. */
	const char *(*missing)(const struct bench *bench);
	/* Give the ranges GPU addresses that a queue can use, and take them back. */
	int (*map)(struct bench *bench, struct bench_map *map);
	int (*unmap)(struct bench *bench, struct bench_map *map);
	int (*replace)(struct bench *bench, struct bench_map *map, unsigned int index,
		       const struct amd_userptr_range *range);
};

extern const struct bench_column bench_columns[];
extern const unsigned int bench_num_columns;
const struct bench_column *bench_column_find(const char *name);

/* Fill in has_flag and has_scatter. */
int bench_probe(struct bench *bench);
/* Allocate handles for a map of all of @memory. */
int bench_map_init(struct bench_map *map, const struct bench_memory *memory);
void bench_map_fini(struct bench_map *map);

uint64_t bench_now_ns(void);
/*
 * Wait until the queues run again after a change of the CPU's page tables.  Call mark before the
 * change, and wait after it.
 */
int bench_restore_mark(struct bench *bench);
int bench_restore_wait(struct bench *bench);
/* The GPU stores a word in the range, and the CPU finds it there. */
int bench_check_range(struct bench *bench, const struct bench_map *map, unsigned int index,
		      const struct amd_userptr_range *range);

/* Enough samples to see a difference of one per cent in wall clock time. */
enum { BENCH_MAX_SAMPLES = 2048 };

/* Samples of one operation.  They are printed as one line of JSON. */
struct bench_samples {
	const char *column, *operation;
	unsigned int count; /* number of ranges */
	size_t size;
	uint64_t ns[BENCH_MAX_SAMPLES];
	unsigned int num;
};
void bench_add(struct bench_samples *samples, uint64_t ns);
void bench_print_samples(const struct bench_samples *samples);
void bench_print_not_run(const char *column, const char *operation, unsigned int count, size_t size,
			 const char *why);

int bench_library(struct bench *bench, unsigned int count);
int bench_cpu_side(struct bench *bench, unsigned int count);

#endif
