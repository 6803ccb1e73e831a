// SPDX-License-Identifier: MIT
/*
 * Allocates the user memory whose ranges the columns map, and reads from /proc/meminfo how much
 * memory the kernel has in use.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "amd_userptr_bench.h"

#define HUGE_PAGE    ((size_t)2 << 20)
#define SHUFFLE_SEED 1
/*
 * The length of the file of BENCH_REPEATED.  An arena of this kind takes only so much memory,
 * whatever its size, because the file is mapped again and again.
 */
#define REPEATED     ((size_t)2 << 20)

static bool is_contiguous(const struct bench_memory *memory)
{
	return memory->kind == BENCH_CONTIGUOUS || memory->kind == BENCH_HUGE;
}

static void shuffle(struct amd_userptr_range *ranges, unsigned int count)
{
	srandom(SHUFFLE_SEED);
	for (unsigned int i = count - 1; i > 0; i--) {
		unsigned int other = random() % (i + 1);
		struct amd_userptr_range range = ranges[i];

		ranges[i] = ranges[other];
		ranges[other] = range;
	}
}

static bool is_file(const struct bench_memory *memory)
{
	return memory->kind == BENCH_MEMFD || memory->kind == BENCH_REPEATED;
}

/* Align memory of every kind to a huge page, so that all kinds have the same layout. */
static int map_arena(struct bench_memory *memory)
{
	const uint64_t addr = amd_kfd_va_reserve(memory->arena_size, HUGE_PAGE);
	const int flags = MAP_FIXED | MAP_NORESERVE |
			  (is_file(memory) ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS);
	size_t piece = memory->kind == BENCH_REPEATED ? REPEATED : memory->arena_size;

	if (!addr)
		return -ENOMEM;
	memory->arena = (char *)(uintptr_t)addr;
	if (is_file(memory)) {
		memory->memfd = memfd_create("amd_userptr_bench", MFD_CLOEXEC);
		if (memory->memfd < 0 || ftruncate(memory->memfd, piece))
			return -errno;
	}
	for (size_t at = 0; at < memory->arena_size; at += piece) {
		if (memory->arena_size - at < piece)
			piece = memory->arena_size - at;
		if (mmap(memory->arena + at, piece, PROT_READ | PROT_WRITE, flags, memory->memfd,
			 0) == MAP_FAILED)
			return -errno;
	}
	if (madvise(memory->arena, memory->arena_size,
		    memory->kind == BENCH_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		return -errno;
	return 0;
}

/* No measurement replaces ranges of BENCH_REPEATED, so this kind has no spare ranges. */
static unsigned int all_ranges(const struct bench_memory *memory)
{
	return memory->count + (memory->kind == BENCH_REPEATED ? 0 : BENCH_SPARES);
}

/*
 * Let the kernel allocate all pages, in address order.  bench_memory_create() shuffles the ranges
 * of BENCH_SHUFFLED after that, so two ranges that follow one another in the array are physical
 * neighbours by chance only.
 */
static void touch(const struct bench_memory *memory)
{
	const size_t page = getpagesize();

	for (unsigned int i = 0; i < all_ranges(memory); i++) {
		volatile char *addr = (char *)(uintptr_t)memory->ranges[i].addr;

		for (size_t at = 0; at < memory->size; at += page)
			addr[at] = 1;
	}
}

/*
 * Do the same as touch() by one system call per range, because BENCH_REPEATED may have a million
 * pages.
 */
static int populate(const struct bench_memory *memory)
{
	for (unsigned int i = 0; i < memory->count; i++) {
		if (madvise((void *)(uintptr_t)memory->ranges[i].addr, memory->size,
			    MADV_POPULATE_WRITE))
			return -errno;
	}
	return 0;
}

int bench_memory_create(struct bench_memory *memory, enum bench_kind kind, unsigned int count,
			size_t size)
{
	size_t stride;
	int ret;

	*memory = (struct bench_memory){
		.kind = kind,
		.count = count,
		.size = size,
		.memfd = -1,
	};
	stride = is_contiguous(memory) ? size : 2 * size;
	memory->arena_size = all_ranges(memory) * stride;
	memory->ranges = calloc(all_ranges(memory), sizeof(*memory->ranges));
	ret = memory->ranges ? map_arena(memory) : -ENOMEM;
	for (unsigned int i = 0; !ret && i < all_ranges(memory); i++)
		memory->ranges[i] = (struct amd_userptr_range){
			.addr = (uintptr_t)memory->arena + i * stride,
			.size = size,
		};
	if (!ret && kind == BENCH_REPEATED)
		ret = populate(memory);
	else if (!ret)
		touch(memory);
	if (ret)
		bench_memory_destroy(memory);
	else if (kind == BENCH_SHUFFLED)
		shuffle(memory->ranges, count);
	return ret;
}

void bench_memory_destroy(struct bench_memory *memory)
{
	if (memory->arena)
		munmap(memory->arena, memory->arena_size);
	if (memory->memfd >= 0)
		close(memory->memfd);
	free(memory->ranges);
	memset(memory, 0, sizeof(*memory));
}

const char *const bench_meminfo_names[BENCH_NUM_MEMINFO] = {
	[BENCH_MEM_AVAILABLE] = "MemAvailable",
	[BENCH_SLAB] = "Slab",
	[BENCH_PERCPU] = "Percpu",
	[BENCH_VMALLOC] = "VmallocUsed",
	[BENCH_PAGE_TABLES] = "PageTables",
};

void bench_meminfo_read(uint64_t bytes[BENCH_NUM_MEMINFO])
{
	FILE *file = fopen("/proc/meminfo", "r");
	char name[64];
	uint64_t kib;

	memset(bytes, 0, BENCH_NUM_MEMINFO * sizeof(bytes[0]));
	if (!file)
		return;
	while (fscanf(file, "%63[^:]: %" SCNu64 "%*[^\n]\n", name, &kib) == 2) {
		for (int i = 0; i < BENCH_NUM_MEMINFO; i++) {
			if (!strcmp(name, bench_meminfo_names[i]))
				bytes[i] = kib << 10;
		}
	}
	fclose(file);
}
