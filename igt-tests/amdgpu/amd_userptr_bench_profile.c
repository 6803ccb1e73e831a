// SPDX-License-Identifier: MIT
/*
 * Measures by kprobes how long each step of the driver takes in a stall after the drop of one page.
 *
 * Most of the probed functions are in the kernel with the series and in the kernel without it.
 * Where the two differ, the program probes the functions of both.  A probe takes time itself, so
 * the stalls that this file measures are longer than those of amd_userptr_bench_stall.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "amd_userptr_bench.h"

#define TRACING	 "/sys/kernel/tracing/"
#define INSTANCE TRACING "instances/amd_bench/"

enum { STALLS = 100, STALLS_QUICK = 30 };

/*
 * The probed functions, each with the name of its step in the output.  The steps are in the order
 * in which they happen.
 */
static const struct probe {
	const char *step, *function;
} probes[] = {
	/*
	 * The notifier of KFD's userptrs calls the first function.  In the series this function
	 * calls the second one, as do the notifiers of GEM's userptrs.
	 */
	{ "notifier", "amdgpu_amdkfd_evict_userptr" },
	{ "notifier", "amdgpu_amdkfd_evict_userptr_locked" },
	{ "evict queues", "kgd2kfd_quiesce_mm" },
	{ "worker", "amdgpu_amdkfd_restore_userptr_worker" },
	{ "find pages", "amdgpu_ttm_tt_get_user_pages" },
	{ "find pages", "amdgpu_userptr_pages_find" },
	{ "validate", "ttm_bo_validate" },
	{ "page tables", "amdgpu_vm_update_range" },
	{ "page directories", "amdgpu_vm_update_pdes" },
	{ "wait for updates", "amdgpu_sync_wait" },
	{ "flush TLBs", "amdgpu_gmc_flush_gpu_tlb_pasid" },
	{ "restore queues", "kgd2kfd_resume_mm" },
};
enum { PROBES = sizeof(probes) / sizeof(probes[0]), PROBE_EVICT = 2, PROBE_WORKER = 3 };

/* The times of one probe in the measured stall, in ns since the change of memory began. */
struct hits {
	uint64_t first, end; /* begin and end of the first call */
	uint64_t begin;	     /* of the last call */
	uint64_t total;
	bool hit, open, ended;
};

struct profile {
	struct bench_samples from[PROBES], took[PROBES];
	struct bench_samples all;   /* the whole stall */
	struct bench_samples delay; /* from the end of the eviction to the worker's begin */
	bool there[PROBES];	    /* the kernel has the function */
	struct hits hits[PROBES];
};

/* ---------------------------------------------------------------------------------------------- */
/* Tracing											  */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Make the event "e@i" for the entry of the function of probe @i, and "r@i" for its return. */
static bool add_probe(unsigned int i)
{
	char text[160];

	snprintf(text, sizeof(text), "p:amd_bench/e%u %s\n", i, probes[i].function);
	if (write_file(TRACING "kprobe_events", text))
		return false;
	snprintf(text, sizeof(text), "r:amd_bench/r%u %s\n", i, probes[i].function);
	return !write_file(TRACING "kprobe_events", text);
}

static int start_tracing(struct profile *profile)
{
	int ret;

	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		return -errno;
	for (unsigned int i = 0; i < PROBES; i++)
		profile->there[i] = add_probe(i);
	ret = write_file(INSTANCE "trace_clock", "mono");
	return ret ? ret : write_file(INSTANCE "events/amd_bench/enable", "1");
}

static void stop_tracing(void)
{
	write_file(INSTANCE "events/amd_bench/enable", "0");
	rmdir(INSTANCE);
	for (unsigned int i = 0; i < PROBES; i++) {
		char text[64];

		snprintf(text, sizeof(text), "-:amd_bench/e%u\n", i);
		write_file(TRACING "kprobe_events", text);
		snprintf(text, sizeof(text), "-:amd_bench/r%u\n", i);
		write_file(TRACING "kprobe_events", text);
	}
}

static int clear_trace(void)
{
	int fd = open(INSTANCE "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Take a line of the trace: "TASK-PID [CPU] FLAGS SECONDS.MICROSECONDS: EVENT: ...". */
static void take_line(struct profile *profile, const char *line, uint64_t start)
{
	const char *event = strstr(line, ": e"), *at;
	const bool entry = event;
	uint64_t seconds, micros, ns;
	struct hits *hits;
	unsigned int i;

	if (!event)
		event = strstr(line, ": r");
	if (!event || sscanf(event + 3, "%u:", &i) != 1 || i >= PROBES)
		return;
	for (at = event; at > line && at[-1] != ' '; at--)
		;
	if (sscanf(at, "%" SCNu64 ".%6" SCNu64, &seconds, &micros) != 2)
		return;
	ns = seconds * 1000000000 + micros * 1000;
	/* The trace has whole microseconds only, so a time may seem to be before @start. */
	ns = ns > start ? ns - start : 0;
	hits = &profile->hits[i];
	if (entry) {
		if (!hits->hit)
			hits->first = ns;
		hits->begin = ns;
		hits->hit = hits->open = true;
	} else if (hits->open) {
		hits->total += ns - hits->begin;
		if (!hits->ended)
			hits->end = ns;
		hits->ended = true;
		hits->open = false;
	}
}

static int read_trace(struct profile *profile, uint64_t start)
{
	FILE *file = fopen(INSTANCE "trace", "r");
	char line[512];

	if (!file)
		return -errno;
	memset(profile->hits, 0, sizeof(profile->hits));
	while (fgets(line, sizeof(line), file)) {
		if (line[0] != '#')
			take_line(profile, line, start);
	}
	fclose(file);
	return 0;
}

/* ---------------------------------------------------------------------------------------------- */
/* Stalls											  */

static void add_hits(struct profile *profile)
{
	const struct hits *evict = &profile->hits[PROBE_EVICT];
	const struct hits *worker = &profile->hits[PROBE_WORKER];

	for (unsigned int i = 0; i < PROBES; i++) {
		const struct hits *hits = &profile->hits[i];

		if (hits->hit)
			bench_add(&profile->from[i], hits->first);
		/*
		 * If the queue runs the packet before the worker has returned, the trace may lack
		 * the end of the worker's functions.
		 */
		if (hits->hit && !hits->open)
			bench_add(&profile->took[i], hits->total);
	}
	/* A worker that began before the end of this eviction does not belong to it. */
	if (evict->ended && worker->hit && worker->first >= evict->end)
		bench_add(&profile->delay, worker->first - evict->end);
}

static int one_stall(struct bench *bench, struct bench_one *one, struct profile *profile)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	char *page = bench_one_page(one);
	const uint32_t word = 1;
	uint64_t start, end;
	int ret;

	*(volatile char *)page = 1;
	nanosleep(&pause, NULL);
	ret = bench_restore_mark(bench);
	if (!ret)
		ret = clear_trace();
	if (ret)
		return ret;
	start = bench_now_ns();
	if (madvise(page, getpagesize(), MADV_DONTNEED))
		return -errno;
	amd_kfd_queue_write(&bench->queue, one->map.va, &word, 1);
	ret = __amd_kfd_queue_sync(&bench->queue, BENCH_WAIT_MS);
	end = bench_now_ns();
	if (!ret)
		ret = bench_restore_wait(bench);
	if (!ret)
		ret = read_trace(profile, start);
	if (ret)
		return ret;
	bench_add(&profile->all, end - start);
	add_hits(profile);
	return 0;
}

/* Returns whether a probe before the probe @i has measured the same step. */
static bool measured(const struct profile *profile, unsigned int i)
{
	for (unsigned int j = 0; j < i; j++) {
		if (!strcmp(probes[j].step, probes[i].step) && profile->from[j].num)
			return true;
	}
	return false;
}

/*
 * "profile from STEP" has the times at which a step begins, "profile STEP" the times that it takes.
 */
static void print_profile(const struct bench_one *one, struct profile *profile)
{
	bench_one_print(one, &profile->all, "profile stall");
	bench_one_print(one, &profile->delay, "profile delay");
	for (unsigned int i = 0; i < PROBES; i++) {
		char operation[64];

		if (!profile->from[i].num || measured(profile, i))
			continue;
		snprintf(operation, sizeof(operation), "profile from %s", probes[i].step);
		bench_one_print(one, &profile->from[i], operation);
		snprintf(operation, sizeof(operation), "profile %s", probes[i].step);
		bench_one_print(one, &profile->took[i], operation);
	}
}

int bench_profile(struct bench *bench)
{
	const char *way = bench->kfd_only ? "kfd" : "contiguous";
	const unsigned int most = bench->quick ? STALLS_QUICK : STALLS;
	static struct profile profile;
	struct bench_one one;
	int ret;

	if (bench_way_missing(bench, way, "profile stall", 1, getpagesize()))
		return 0;
	ret = start_tracing(&profile);
	if (ret) {
		stop_tracing();
		bench_print_not_run(way, "profile stall", 1, getpagesize(), "no kprobes");
		return 0;
	}
	ret = bench_one_map(bench, &one, way, BENCH_CONTIGUOUS, 1, getpagesize());
	for (unsigned int i = 0; !ret && i < most; i++)
		ret = one_stall(bench, &one, &profile);
	stop_tracing();
	/* Without the times of the eviction and of the worker the profile says nothing. */
	if (!ret && !profile.delay.num)
		ret = -ENODATA;
	if (ret)
		return ret;
	print_profile(&one, &profile);
	return bench_one_unmap(bench, &one);
}
