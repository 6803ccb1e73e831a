// SPDX-License-Identifier: MIT
/*
 * Measures cells: each way to map (column) with each number and size of ranges.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "amd_userptr_bench.h"

#define KIB		    ((size_t)1 << 10)
/* The ranges of a cell may take this share of the free memory; the kernel needs the rest. */
#define MEMORY_SHARE(bytes) ((bytes) / 4 * 3)
/*
 * Print the kernel's own memory in cells of at least this many ranges.  With fewer ranges, other
 * changes of the kernel's memory hide the difference.
 */
#define MEMORY_FROM	    1024
/*
 * A column that calls ioctls for each range has no cells with more ranges than this, because such
 * cells take tens of seconds.
 */
#define SLOW_MAX	    16384
#define SLOW_MAX_QUICK	    4096

static const unsigned int counts[] = { 1, 16, 256, 1024, 4096, 16384, 65536, 100000 };
/*
 * The sizes of a range: a page, 16 pages (64 KiB with pages of 4 KiB), and a huge page of the GPU.
 */
enum { NUM_SIZES = 3 };
/* The numbers of ranges that a quick run measures, one row for each size. */
static const unsigned int quick_counts[NUM_SIZES][4] = { { 1, 256, 4096, 100000 },
							 { 256 },
							 { 16 } };
/* The numbers of ranges in a run with KFD's userptrs only, and the repetitions of each cell. */
static const unsigned int kfd_counts[] = { 1, 256 };
enum { KFD_REPETITIONS = 30 };

static void print_memory(const struct bench_column *column, const struct bench_memory *memory,
			 const uint64_t before[], const uint64_t after[])
{
	bench_print_head(column->name, "memory", memory->count, memory->size);
	printf("\"bytes\": {");
	for (int i = 0; i < BENCH_NUM_MEMINFO; i++)
		printf("%s\"%s\": %lld", i ? ", " : "", bench_meminfo_names[i],
		       (long long)(after[i] - before[i]));
	printf("}}\n");
}

struct cell {
	const struct bench_column *column;
	struct bench_memory memory;
	struct bench_map map;
	const char *failed; /* the operation that runs now: if the cell fails, this one failed */
	uint64_t map_ns;    /* duration of the last map that was measured */
};

static struct bench_samples samples_of(const struct cell *cell, const char *operation)
{
	return (struct bench_samples){
		.column = cell->column->name,
		.operation = operation,
		.count = cell->memory.count,
		.size = cell->memory.size,
	};
}

/* Check that the GPU reaches the first, the middle and the last range, outside of measured time. */
static int check_map(struct bench *bench, const struct cell *cell)
{
	const unsigned int indices[] = { 0, cell->memory.count / 2, cell->memory.count - 1 };
	int ret = 0;

	for (int i = 0; !ret && i < 3; i++)
		ret = bench_check_range(bench, &cell->map, indices[i],
					&cell->memory.ranges[indices[i]]);
	return ret;
}

/* How long each step of map and unmap takes; only columns that use GEM ioctls measure steps. */
struct steps {
	struct bench_samples map[BENCH_NUM_STEPS], unmap[BENCH_NUM_STEPS];
};

static void init_steps(const struct cell *cell, struct steps *steps)
{
	static const char *const names[2][BENCH_NUM_STEPS] = {
		{ "map: userptr", "map: va", "map: wait", "map: close" },
		{ "unmap: userptr", "unmap: va", "unmap: wait", "unmap: close" },
	};

	for (int i = 0; i < BENCH_NUM_STEPS; i++) {
		steps->map[i] = samples_of(cell, names[0][i]);
		steps->unmap[i] = samples_of(cell, names[1][i]);
	}
}

static void add_steps(struct bench *bench, struct bench_samples samples[BENCH_NUM_STEPS])
{
	for (int i = 0; i < BENCH_NUM_STEPS; i++) {
		if (bench->step_ns[i])
			bench_add(&samples[i], bench->step_ns[i]);
		bench->step_ns[i] = 0;
	}
}

static void print_steps(const struct steps *steps)
{
	for (int i = 0; i < BENCH_NUM_STEPS; i++) {
		if (steps->map[i].num)
			bench_print_samples(&steps->map[i]);
		if (steps->unmap[i].num)
			bench_print_samples(&steps->unmap[i]);
	}
}

/*
 * The first round warms up page tables and caches, so its times do not count, except if the map
 * took more than half of the time that the cell has for all rounds, because then hardly any other
 * round fits into the rest.
 */
static int measure_map(struct bench *bench, struct cell *cell)
{
	struct bench_samples map = samples_of(cell, "map"), unmap = samples_of(cell, "unmap");
	const uint64_t begin = bench_now_ns();
	struct steps steps;
	int ret = 0;

	init_steps(cell, &steps);
	for (unsigned int round = 0; !ret && round <= bench->repetitions; round++) {
		struct steps discard = { 0 };
		uint64_t start = bench_now_ns(), mapped, end;
		bool valid;

		if (map.num && start - begin > bench->budget_ns)
			break;
		cell->failed = "map";
		memset(bench->step_ns, 0, sizeof(bench->step_ns));
		ret = cell->column->map(bench, &cell->map);
		mapped = bench_now_ns();
		valid = round || mapped - start > bench->budget_ns / 2;
		add_steps(bench, valid ? steps.map : discard.map);
		if (!ret && !round)
			ret = check_map(bench, cell);
		cell->failed = "unmap";
		end = bench_now_ns();
		if (ret) {
			cell->failed = "map";
			cell->column->unmap(bench, &cell->map);
			break;
		}
		ret = cell->column->unmap(bench, &cell->map);
		if (valid) {
			bench_add(&map, mapped - start);
			cell->map_ns = mapped - start;
			bench_add(&unmap, bench_now_ns() - end);
		}
		add_steps(bench, valid ? steps.unmap : discard.unmap);
	}
	if (ret)
		return ret;
	bench_print_samples(&map);
	bench_print_samples(&unmap);
	if (cell->memory.count >= MEMORY_FROM)
		print_steps(&steps);
	return 0;
}

/* Measure from the drop of a page in the middle until the queues run again, with a new page. */
static int measure_restore(struct bench *bench, struct cell *cell)
{
	struct bench_samples samples = samples_of(cell, "restore");
	const unsigned int index = cell->memory.count / 2;
	const struct amd_userptr_range *range = &cell->memory.ranges[index];
	char *page = (char *)(uintptr_t)(cell->column->alias
						 ? cell->map.va + index * cell->memory.size
						 : range->addr);
	int ret = 0;

	cell->failed = "restore";
	for (unsigned int round = 0; !ret && round <= bench->repetitions; round++) {
		uint64_t ns;

		/*
		 * Touch the page, because the drop of a page that is not there would change
		 * nothing.
		 */
		*(volatile char *)page = 1;
		ret = bench_drop(bench, page, &ns);
		if (!ret && round)
			bench_add(&samples, ns);
	}
	if (!ret)
		ret = bench_check_range(bench, &cell->map, index, range);
	if (!ret)
		bench_print_samples(&samples);
	return ret;
}

static int measure_replace(struct bench *bench, struct cell *cell)
{
	struct bench_samples samples = samples_of(cell, "replace");
	const struct amd_userptr_range *spares = &cell->memory.ranges[cell->memory.count];
	const unsigned int index = cell->memory.count / 2;
	int ret = 0;

	cell->failed = "replace";
	for (unsigned int round = 0; !ret && round <= bench->repetitions; round++) {
		const struct amd_userptr_range *spare = &spares[round % BENCH_SPARES];
		uint64_t start;

		ret = bench_restore_mark(bench);
		start = bench_now_ns();
		if (!ret)
			ret = cell->column->replace(bench, &cell->map, index, spare);
		/*
		 * A column with an alias changes CPU page tables, which evicts the queues, so wait
		 * for the restore.
		 */
		if (!ret && cell->column->alias)
			ret = bench_restore_wait(bench);
		if (!ret && round)
			bench_add(&samples, bench_now_ns() - start);
		if (!ret && !round)
			ret = bench_check_range(bench, &cell->map, index, spare);
	}
	if (!ret)
		bench_print_samples(&samples);
	return ret;
}

static int measure_mapped(struct bench *bench, struct cell *cell)
{
	uint64_t before[BENCH_NUM_MEMINFO], after[BENCH_NUM_MEMINFO];
	int ret, err;

	bench_meminfo_read(before);
	cell->failed = "map";
	ret = cell->column->map(bench, &cell->map);
	bench_meminfo_read(after);
	if (!ret && cell->memory.count >= MEMORY_FROM)
		print_memory(cell->column, &cell->memory, before, after);
	if (!ret)
		ret = measure_restore(bench, cell);
	if (!ret)
		ret = measure_replace(bench, cell);
	err = cell->column->unmap(bench, &cell->map);
	return ret ? ret : err;
}

/* Print that a quick run skips the operations that would need another map, which takes long. */
static void skip_mapped(const struct cell *cell)
{
	static const char *const operations[] = { "restore", "replace" };

	for (unsigned int i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		bench_print_not_run(cell->column->name, operations[i], cell->memory.count,
				    cell->memory.size, "a map takes too long for a quick run");
}

static unsigned int max_mappings(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	unsigned int max = UINT_MAX;

	if (!file)
		return max;
	if (fscanf(file, "%u", &max) != 1)
		max = UINT_MAX;
	fclose(file);
	return max;
}

static const char *why_not(const struct bench *bench, const struct bench_column *column,
			   unsigned int count, size_t size, char *text, size_t len)
{
	const unsigned int slow_max = bench->quick ? SLOW_MAX_QUICK : SLOW_MAX;
	const uint64_t need = (uint64_t)(count + BENCH_SPARES) * size;
	uint64_t meminfo[BENCH_NUM_MEMINFO];

	if (column->missing && column->missing(bench))
		return column->missing(bench);
	if (column->alias && count > max_mappings()) {
		snprintf(text, len, "a mapping per range: not with more than vm.max_map_count %u",
			 max_mappings());
		return text;
	}
	if (column->slow && count > slow_max) {
		snprintf(text, len, "ioctls per range: not with more than %u", slow_max);
		return text;
	}
	bench_meminfo_read(meminfo);
	if (need > MEMORY_SHARE(meminfo[BENCH_MEM_AVAILABLE])) {
		snprintf(text, len, "needs %llu MiB, %llu MiB are free",
			 (unsigned long long)need >> 20,
			 (unsigned long long)meminfo[BENCH_MEM_AVAILABLE] >> 20);
		return text;
	}
	return NULL;
}

/*
 * Measure one cell.  When the kernel returns an error, the error is the result of the cell.  After
 * wrong data (-EIO) the program goes on with the next cell, but fails at its end.  When the GPU
 * does not answer (-ETIME), the queue is lost, so the run ends.
 */
static int run_cell(struct bench *bench, const struct bench_column *column, unsigned int count,
		    size_t size)
{
	struct cell cell = { .column = column };
	char text[128];
	const char *why = why_not(bench, column, count, size, text, sizeof(text));
	int ret;

	if (why) {
		bench_print_not_run(column->name, "map", count, size, why);
		return 0;
	}
	ret = bench_memory_create(&cell.memory, column->kind, count, size);
	if (ret)
		return ret;
	ret = bench_map_init(&cell.map, &cell.memory);
	if (!ret)
		ret = measure_map(bench, &cell);
	if (!ret && bench->quick && cell.map_ns > bench->budget_ns)
		skip_mapped(&cell);
	else if (!ret)
		ret = measure_mapped(bench, &cell);
	bench_map_fini(&cell.map);
	bench_memory_destroy(&cell.memory);
	if (!ret)
		return 0;
	snprintf(text, sizeof(text), "%s failed: %s", cell.failed,
		 ret == -EIO ? "the GPU does not reach the memory" : strerror(-ret));
	bench_print_not_run(column->name, cell.failed, count, size, text);
	fprintf(stderr, "amd_userptr_bench: %s, %u ranges of %zu: %s\n", column->name, count, size,
		text);
	if (ret == -EIO)
		bench->wrong_data = true;
	return ret == -ETIME ? ret : 0;
}

static bool in_quick_run(const struct bench_column *column, unsigned int s, unsigned int count)
{
	for (unsigned int i = 0; i < sizeof(quick_counts[0]) / sizeof(quick_counts[0][0]); i++) {
		if (quick_counts[s][i] == count)
			return !column->beside || count <= SLOW_MAX_QUICK;
	}
	return false;
}

static int run_grid(struct bench *bench)
{
	const size_t page = getpagesize(), sizes[NUM_SIZES] = { page, 16 * page, 2048 * KIB };

	for (unsigned int s = 0; s < NUM_SIZES; s++) {
		for (unsigned int n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
			for (unsigned int c = 0; c < bench_num_columns; c++) {
				const struct bench_column *column = &bench_columns[c];
				int ret = 0;

				if (bench->quick && !in_quick_run(column, s, counts[n]))
					continue;
				if (!bench->column || !strcmp(bench->column, column->name))
					ret = run_cell(bench, column, counts[n], sizes[s]);
				if (ret)
					return ret;
			}
		}
	}
	return 0;
}

/*
 * Measure few cells, but each of them often, because such runs compare two kernels, which may
 * differ by only a few per cent.
 */
static int run_kfd_grid(struct bench *bench)
{
	const unsigned int repetitions = bench->repetitions;
	const uint64_t budget_ns = bench->budget_ns;
	int ret = 0;

	bench->repetitions = KFD_REPETITIONS;
	bench->budget_ns = UINT64_MAX;
	for (unsigned int i = 0; !ret && i < sizeof(kfd_counts) / sizeof(kfd_counts[0]); i++)
		ret = run_cell(bench, bench_column_find("kfd"), kfd_counts[i], getpagesize());
	bench->repetitions = repetitions;
	bench->budget_ns = budget_ns;
	return ret;
}

int bench_grid(struct bench *bench)
{
	return bench->kfd_only ? run_kfd_grid(bench) : run_grid(bench);
}
