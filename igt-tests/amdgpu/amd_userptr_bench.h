/* SPDX-License-Identifier: MIT */
/*
 * The parts of amd_userptr_bench, which measures the ways to give a KFD queue one contiguous range
 * of GPU addresses for many ranges of user memory.
 *
 * amd_userptr_bench.c		reads options, prints samples
 * amd_userptr_bench_grid.c	measures each cell
 * amd_userptr_bench_columns.c	has the ways (columns) to map, unmap and replace ranges
 * amd_userptr_bench_memory.c	allocates the ranges; reads how much memory the kernel has in use
 * amd_userptr_bench_overhead.c	measures the time that the library adds to its ioctls, and the
 *				time that notifiers add when the CPU changes memory
 * amd_userptr_bench_one.c	maps ranges for one measurement, and changes a page at a rate
 * amd_userptr_bench_stall.c	measures how long a queue stands still after a change of memory
 * amd_userptr_bench_copies.c	measures how much a queue copies while memory changes
 * amd_userptr_bench_long.c	measures the restore of one page of 4 GiB
 * amd_userptr_bench_clean.c	compares maps of clean and of dirty pages
 * amd_userptr_bench_profile.c	measures by kprobes how long each step of a stall takes
 */
#ifndef AMD_USERPTR_BENCH_H
#define AMD_USERPTR_BENCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_scatter_uapi.h"

/* The limit of every wait: a page table update of 100,000 ranges takes long on an emulated CPU. */
#define BENCH_WAIT_MS 120000

/* The steps of a map or an unmap, measured one by one in a column that uses GEM ioctls. */
enum bench_step {
	BENCH_USERPTR, /* GEM_USERPTR */
	BENCH_VA,      /* GEM_VA */
	BENCH_WAIT,    /* the wait until the page tables are up to date */
	BENCH_CLOSE,   /* GEM_CLOSE */
	BENCH_NUM_STEPS
};

struct bench {
	int fd; /* render node */
	struct amd_kfd kfd;
	struct amd_kfd_queue queue; /* the driver evicts and restores this queue */
	struct amd_kfd_smi smi;
	uint32_t syncobj;	    /* each page table update signals a point of this timeline */
	uint64_t point;		    /* the point of the last update */
	bool has_flag, has_scatter; /* the kernel knows AMDGPU_GEM_USERPTR_HSA, ..._SCATTER */

	unsigned int repetitions;	   /* the most samples of one operation in a cell */
	uint64_t step_ns[BENCH_NUM_STEPS]; /* the time of each step in one map or unmap */
	uint64_t budget_ns;		   /* after this time no other map of a cell begins */
	const char *column;		   /* the only column to measure; NULL: all */
	bool quick;
	bool kfd_only; /* the process has userptrs of KFD only, as on a kernel without the flags */
	bool wrong_data; /* a cell found wrong data, so the run fails */
};

enum bench_kind {
	BENCH_ANON,	  /* ranges are every second piece of private anonymous memory */
	BENCH_SHUFFLED,	  /* as BENCH_ANON, but the ranges are in random order */
	BENCH_MEMFD,	  /* ranges are every second piece of a shared memfd */
	BENCH_CONTIGUOUS, /* ranges follow one another in private anonymous memory */
	BENCH_HUGE,	  /* as BENCH_CONTIGUOUS, but huge pages are enabled */
	BENCH_REPEATED,	  /* as BENCH_MEMFD, but the file is short and mapped again and again */
	BENCH_NUM_KINDS
};

/*
 * The number of spare ranges, which the operation "replace" puts in the place of mapped ranges.
 * BENCH_REPEATED has none.
 */
#define BENCH_SPARES 2

struct bench_memory {
	enum bench_kind kind;
	unsigned int count;
	size_t size; /* size of a range */
	char *arena; /* all memory: the ranges, and for most kinds unused memory between them */
	size_t arena_size;
	int memfd;			  /* the file of BENCH_MEMFD or BENCH_REPEATED, or -1 */
	struct amd_userptr_range *ranges; /* @count ranges to map, then the spare ones */
};

/* mmap() the memory, and let the kernel allocate its pages; 0 or -errno. */
int bench_memory_create(struct bench_memory *memory, enum bench_kind kind, unsigned int count,
			size_t size);
void bench_memory_destroy(struct bench_memory *memory);
static inline size_t bench_memory_bytes(const struct bench_memory *memory)
{
	return memory->count * memory->size;
}

/* The lines of /proc/meminfo that bench_meminfo_read() reads, in bytes. */
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

/* The ranges of @memory at GPU addresses, and the BOs that a column made for that. */
struct bench_map {
	const struct bench_memory *memory;
	uint64_t va, size;
	uint32_t *handles; /* GEM handles: one of all ranges, or one of each range */
	unsigned int num_handles;
	uint32_t replacement;	  /* with one BO of all ranges: the BO that replaces one range */
	struct amd_kfd_mem *mems; /* userptrs of KFD, in the columns that use KFD's ioctls */
	unsigned int num_mems;
};

struct bench_column {
	const char *name;
	const char *title;
	enum bench_kind kind;
	bool slow;   /* calls ioctls for each range, so it runs with at most SLOW_MAX ranges */
	bool beside; /* in a quick run it runs with at most SLOW_MAX_QUICK ranges */
	bool alias;  /* maps the memory a second time on the CPU, at the GPU addresses of the map */
	/*
	 * Returns the reason why the column cannot run on this kernel, or NULL if it can.  A column
	 * that runs on every kernel has no such function: the pointer itself is NULL.
	 */
	const char *(*missing)(const struct bench *bench);
	/* Give the ranges GPU addresses that a queue can use, and take them back. */
	int (*map)(struct bench *bench, struct bench_map *map);
	int (*unmap)(struct bench *bench, struct bench_map *map);
	/* Put the memory of @range at the GPU address that range @index has. */
	int (*replace)(struct bench *bench, struct bench_map *map, unsigned int index,
		       const struct amd_userptr_range *range);
};

extern const struct bench_column bench_columns[];
extern const unsigned int bench_num_columns;
const struct bench_column *bench_column_find(const char *name);

/* Try the flags on the kernel, and fill in has_flag and has_scatter. */
int bench_probe(struct bench *bench);
/* Allocate handles for a map of all of @memory. */
int bench_map_init(struct bench_map *map, const struct bench_memory *memory);
void bench_map_fini(struct bench_map *map);

uint64_t bench_now_ns(void);
/*
 * Wait until the queues run again after a change of the CPU's page tables.  Call
 * bench_restore_mark() before the change, and bench_restore_wait() after it.
 */
int bench_restore_mark(struct bench *bench);
int bench_restore_wait(struct bench *bench);
/* Drop a page, and measure how long it takes until the queues run again. */
int bench_drop(struct bench *bench, char *page, uint64_t *ns);
/*
 * Let the GPU store a word at the GPU address of range @index, and look for it in the memory of
 * @range; -EIO if it is not there.
 */
int bench_check_range(struct bench *bench, const struct bench_map *map, unsigned int index,
		      const struct amd_userptr_range *range);

/* Enough samples to see a difference of one per cent in wall clock time. */
enum { BENCH_MAX_SAMPLES = 2048 };

/*
 * All samples of one operation in one cell, that is, of one column with one number of ranges of one
 * size.  bench_print_samples() prints them as one line of JSON.
 */
struct bench_samples {
	const char *column, *operation;
	unsigned int count; /* number of ranges */
	size_t size;
	uint64_t ns[BENCH_MAX_SAMPLES];
	unsigned int num;
};
void bench_add(struct bench_samples *samples, uint64_t ns);
void bench_print_samples(const struct bench_samples *samples);
/* Begin the line of JSON of a cell. */
void bench_print_head(const char *column, const char *operation, unsigned int count, size_t size);
void bench_print_not_run(const char *column, const char *operation, unsigned int count, size_t size,
			 const char *why);

/* A map that a measurement works with for a while. */
struct bench_one {
	const struct bench_column *column;
	struct bench_memory memory;
	struct bench_map map;
};
/*
 * Map @count ranges by the column @way.  After an error the caller need not undo anything, because
 * the program ends.
 */
int bench_one_map(struct bench *bench, struct bench_one *one, const char *way, enum bench_kind kind,
		  unsigned int count, size_t size);
int bench_one_unmap(struct bench *bench, struct bench_one *one);
void bench_one_print(const struct bench_one *one, struct bench_samples *samples,
		     const char *operation);
/* Returns the first page of the first range. */
char *bench_one_page(const struct bench_one *one);
/*
 * Returns whether the kernel lacks a feature that the column @way needs.  If so, prints that
 * @operation does not run.
 */
bool bench_way_missing(const struct bench *bench, const char *way, const char *operation,
		       unsigned int count, size_t size);

/* A thread that drops a page @rate times a second. */
struct bench_changer {
	pthread_t thread;
	char *page;
	unsigned int rate;
	atomic_bool stop;
	int error;			/* -errno of the drop that ended the thread early, or 0 */
	atomic_uint changes;		/* the number of drops so far */
	atomic_uint_least64_t begin_ns; /* the time at which the last drop began */
};
int bench_changer_start(struct bench_changer *changer, char *page, unsigned int rate);
/*
 * Stop the thread.  Returns 0 or the error that ended it early, because a thread that ended early
 * has made too few changes for a measurement.
 */
int bench_changer_stop(struct bench_changer *changer);

/* The parts of a run.  With bench->kfd_only each of them measures KFD's userptrs only. */
int bench_grid(struct bench *bench);
int bench_library(struct bench *bench, unsigned int count);
int bench_cpu_side(struct bench *bench, unsigned int count);
int bench_stalls(struct bench *bench);
int bench_copies(struct bench *bench);
int bench_long(struct bench *bench);
int bench_clean(struct bench *bench);
int bench_profile(struct bench *bench);

#endif
