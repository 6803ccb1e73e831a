// SPDX-License-Identifier: MIT
/*
 * amd_userptr_bench - the cost of giving KFD queues scattered user memory
 *
 * Measures several ways to do that (columns, amd_userptr_bench_columns.c) side by side in one run.
 * A cell is one column with one number of ranges of one size.  In each cell the program measures
 * four operations: it maps the ranges at GPU addresses, unmaps them, replaces one range by other
 * memory, and drops one page (MADV_DONTNEED).  The time of the drop ends when the queues run again.
 * The process has a queue, so that the driver has something to evict and restore.  The program
 * prints the samples of an operation as a line of JSON.  For a cell that cannot run it prints the
 * reason.  The harness computes medians and draws pictures.
 *
 * Exit status: 0 measured; 1 an error, or wrong data; 77 no GPU with KFD, or no packets for this
 * GPU in the tests.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "amd_userptr_bench.h"

#define EXIT_SKIP 77

/* How many ranges bench_library() and bench_cpu_side() map. */
#define MORE_RANGES 4096
#define CHECK_WORD  0x5ca77e12u

/* ---------------------------------------------------------------------------------------------- */
/* Output											  */

uint64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

void bench_add(struct bench_samples *samples, uint64_t ns)
{
	if (samples->num < sizeof(samples->ns) / sizeof(samples->ns[0]))
		samples->ns[samples->num++] = ns;
}

static void print_columns(void)
{
	for (unsigned int i = 0; i < bench_num_columns; i++)
		printf("{\"column\": \"%s\", \"title\": \"%s\"}\n", bench_columns[i].name,
		       bench_columns[i].title);
}

void bench_print_head(const char *column, const char *operation, unsigned int count, size_t size)
{
	printf("{\"column\": \"%s\", \"operation\": \"%s\", \"ranges\": %u, \"size\": %zu, ",
	       column, operation, count, size);
}

void bench_print_samples(const struct bench_samples *samples)
{
	bench_print_head(samples->column, samples->operation, samples->count, samples->size);
	printf("\"ns\": [");
	for (unsigned int i = 0; i < samples->num; i++)
		printf("%s%llu", i ? ", " : "", (unsigned long long)samples->ns[i]);
	printf("]}\n");
	fflush(stdout);
}

void bench_print_not_run(const char *column, const char *operation, unsigned int count, size_t size,
			 const char *why)
{
	bench_print_head(column, operation, count, size);
	printf("\"not_run\": \"%s\"}\n", why);
	fflush(stdout);
}

/* ---------------------------------------------------------------------------------------------- */
/* The queue											  */

static int open_kfd(struct bench *bench)
{
	int ret = __amd_kfd_open_render_novm(&bench->kfd, NULL);

	if (ret)
		return ret;
	bench->fd = bench->kfd.drm_fd;
	return __amd_kfd_acquire_vm(&bench->kfd);
}

static int start(struct bench *bench)
{
	int ret = __amd_kfd_queue_create(&bench->kfd, AMD_KFD_QUEUE_PM4, &bench->queue);

	if (!ret)
		ret = __amd_kfd_smi_open(&bench->kfd, 0, &bench->smi);
	if (!ret && drmSyncobjCreate(bench->fd, 0, &bench->syncobj))
		ret = -errno;
	return ret || bench->kfd_only ? ret : bench_probe(bench);
}

int bench_restore_mark(struct bench *bench)
{
	return __amd_kfd_smi_mark(&bench->smi);
}

int bench_restore_wait(struct bench *bench)
{
	return __amd_kfd_smi_wait_restored(&bench->smi, 1, BENCH_WAIT_MS);
}

int bench_drop(struct bench *bench, char *page, uint64_t *ns)
{
	int ret = bench_restore_mark(bench);
	const uint64_t start = bench_now_ns();

	if (!ret && madvise(page, getpagesize(), MADV_DONTNEED))
		ret = -errno;
	if (!ret)
		ret = bench_restore_wait(bench);
	*ns = bench_now_ns() - start;
	return ret;
}

int bench_check_range(struct bench *bench, const struct bench_map *map, unsigned int index,
		      const struct amd_userptr_range *range)
{
	volatile uint32_t *word = (uint32_t *)(uintptr_t)range->addr;
	const uint32_t value = CHECK_WORD + index;
	int ret;

	*word = 0;
	amd_kfd_queue_write(&bench->queue, map->va + index * map->memory->size, &value, 1);
	ret = __amd_kfd_queue_sync(&bench->queue, BENCH_WAIT_MS);
	if (ret)
		return ret;
	return *word == value ? 0 : -EIO;
}

/* ---------------------------------------------------------------------------------------------- */
/* Options											  */

static int run_library(struct bench *bench)
{
	return bench->kfd_only ? 0 : bench_library(bench, MORE_RANGES);
}

static int run_cpu_side(struct bench *bench)
{
	return bench->kfd_only ? 0 : bench_cpu_side(bench, MORE_RANGES);
}

static const struct part {
	const char *name;
	int (*run)(struct bench *bench);
} parts[] = {
	{ "grid", bench_grid },	   { "library", run_library },	 { "cpu", run_cpu_side },
	{ "stall", bench_stalls }, { "copies", bench_copies },	 { "restore", bench_long },
	{ "clean", bench_clean },  { "profile", bench_profile },
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static int usage(void)
{
	fprintf(stderr,
		"usage: amd_userptr_bench [--quick] [--kfd] [--column NAME] [--part PART]...\n"
		"  --kfd     userptrs of KFD only, which any kernel has\n"
		"  --column  of the part grid, only the column NAME\n"
		"  --part   ");
	for (int i = 0; i < PARTS; i++)
		fprintf(stderr, " %s", parts[i].name);
	fprintf(stderr, "\n");
	return EXIT_FAILURE;
}

/* Returns the bit of the part @name, or 0. */
static unsigned int part_bit(const char *name)
{
	for (int i = 0; i < PARTS; i++) {
		if (!strcmp(parts[i].name, name))
			return 1u << i;
	}
	return 0;
}

/* Set @bench by the options.  Returns the bits of the parts to run, or 0 if an option is wrong. */
static unsigned int parse(struct bench *bench, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "kfd", no_argument, NULL, 'k' },
		{ "column", required_argument, NULL, 'c' },
		{ "part", required_argument, NULL, 'p' },
		{ 0 },
	};
	unsigned int chosen = 0;
	int opt;

	while ((opt = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (opt == 'q') {
			bench->quick = true;
			bench->repetitions = 5;
			bench->budget_ns = 1000000000;
		} else if (opt == 'k') {
			bench->kfd_only = true;
		} else if (opt == 'c' && bench_column_find(optarg)) {
			bench->column = optarg;
			chosen |= part_bit("grid");
		} else if (opt == 'p' && part_bit(optarg)) {
			chosen |= part_bit(optarg);
		} else {
			return 0;
		}
	}
	return chosen ? chosen : (1u << PARTS) - 1;
}

int main(int argc, char **argv)
{
	struct bench bench = { .repetitions = 7, .budget_ns = 4000000000 };
	const unsigned int chosen = parse(&bench, argc, argv);
	char reason[AMD_KFD_REASON];
	int ret;

	if (!chosen)
		return usage();
	print_columns();
	if (open_kfd(&bench)) {
		fprintf(stderr, "amd_userptr_bench: no GPU with KFD\n");
		return EXIT_SKIP;
	}
	if (!amd_kfd_has_packets(&bench.kfd, AMD_KFD_QUEUE_PM4, reason, sizeof(reason))) {
		fprintf(stderr, "amd_userptr_bench: %s\n", reason);
		return EXIT_SKIP;
	}
	ret = start(&bench);
	for (int i = 0; !ret && i < PARTS; i++) {
		if (chosen & 1u << i)
			ret = parts[i].run(&bench);
		if (ret)
			fprintf(stderr, "amd_userptr_bench: %s: %s\n", parts[i].name,
				strerror(-ret));
	}
	if (ret)
		fprintf(stderr, "amd_userptr_bench: %s\n", strerror(-ret));
	/* The kernel frees the rest when the process ends. */
	if (bench.queue.kfd)
		__amd_kfd_queue_destroy(&bench.queue);
	amd_kfd_close(&bench.kfd);
	return ret || bench.wrong_data ? EXIT_FAILURE : EXIT_SUCCESS;
}
