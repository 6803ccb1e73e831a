// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "igt.h"
#include "igt_sysfs.h"

#include "lib/igt_fail_nth.h"

#define DEBUGFS "/sys/kernel/debug/"

/*
 * How far the kernel looks down the stack for the driver: lib/fault-inject.c:MAX_STACK_TRACE_DEPTH,
 * the most that it allows.
 */
#define STACK_DEPTH "32"

static const char *const kinds[] = { "failslab", "fail_page_alloc" };

/*
 * Files in debugfs. @during lets every kind of allocation fail, and keeps the kernel from logging a
 * stack trace for each; @after is the kernel's default. Slab allocations lack the files with
 * @pages_only.
 */
static const struct {
	const char *file, *during, *after;
	bool pages_only;
} attributes[] = {
	{ "verbose", "0", "2", false },
	{ "ignore-gfp-wait", "N", "Y", false },
	{ "ignore-gfp-highmem", "N", "Y", true },
	{ "min-order", "0", "1", true },
};

static int set(const char *kind, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", kind, file);
	return igt_sysfs_set(AT_FDCWD, path, text) ? 0 : -EIO;
}

static int set_attributes(bool during)
{
	for (unsigned int kind = 0; kind < 2; kind++) {
		for (unsigned int i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
			const char *text = during ? attributes[i].during : attributes[i].after;
			int ret;

			if (attributes[i].pages_only && kind == 0)
				continue;
			ret = set(kinds[kind], attributes[i].file, text);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/*
 * Let only allocations fail that have a function in [start, end) on their stack; 0 and ~0 let all
 * allocations fail.
 */
static int set_callers(unsigned long start, unsigned long end, const char *depth)
{
	char text[2][32];

	snprintf(text[0], sizeof(text[0]), "%#lx", start);
	snprintf(text[1], sizeof(text[1]), "%#lx", end);
	for (unsigned int kind = 0; kind < 2; kind++) {
		if (set(kinds[kind], "stacktrace-depth", depth) ||
		    set(kinds[kind], "require-start", text[0]) ||
		    set(kinds[kind], "require-end", text[1]))
			return -ENOENT;
	}
	return 0;
}

/*
 * Find the addresses of the first and the last function of the module @driver; false when
 * /proc/kallsyms does not show them.
 */
static bool driver_text(const char *driver, unsigned long *start, unsigned long *end)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned long address;
	char line[512], module[64], type;

	*start = ~0ul;
	*end = 0;
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx %c %*s [%63[^]]]", &address, &type, module) != 3 ||
		    strcmp(module, driver) || (type != 't' && type != 'T'))
			continue;
		*start = address < *start ? address : *start;
		*end = address > *end ? address : *end;
	}
	if (file)
		fclose(file);
	return *start < *end;
}

/*
 * Is the process a kworker that is bound to a CPU ("kworker/CPU:ID") or unbound
 * ("kworker/uPOOL:ID")?  Leave out kworkers of high priority that are bound ("kworker/CPU:IDH") and
 * rescuers ("kworker/R-NAME"), because they do not run the work items under test.
 */
static bool is_usual_kworker(int pid)
{
	unsigned int pool, id;
	char path[64], name[32], next;
	FILE *file;
	bool usual;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	usual = fgets(name, sizeof(name), file) &&
		(sscanf(name, "kworker/%u:%u%c", &pool, &id, &next) == 3 ||
		 sscanf(name, "kworker/u%u:%u%c", &pool, &id, &next) == 3) &&
		(next == '\n' || next == '-' || next == '+');
	fclose(file);
	return usual;
}

static void close_kworkers(struct igt_fail_nth *inject)
{
	while (inject->num_kworkers)
		close(inject->kworkers[--inject->num_kworkers]);
}

/* Open the file fail-nth of each kworker. Kworkers come and go, so look for them each time. */
static void find_kworkers(struct igt_fail_nth *inject)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	igt_assert(proc);
	close_kworkers(inject);
	while ((entry = readdir(proc))) {
		const int pid = atoi(entry->d_name);
		char path[64];
		int fd;

		if (!pid || !is_usual_kworker(pid))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		igt_assert(inject->num_kworkers < IGT_FAIL_NTH_MAX_KWORKERS);
		inject->kworkers[inject->num_kworkers++] = fd;
	}
	closedir(proc);
	igt_assert_lt(0, inject->num_kworkers);
}

/* Returns false if the task has ended. */
static bool put_number(int fd, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fd, text, len, 0) == len)
		return true;
	igt_assert_eq(errno, ESRCH);
	return false;
}

static unsigned int get_number(int fd)
{
	char text[16] = "";

	igt_assert_lt(0, pread(fd, text, sizeof(text) - 1, 0));
	return strtoul(text, NULL, 10);
}

const char *igt_fail_nth_init(struct igt_fail_nth *inject)
{
	char path[64];

	memset(inject, 0, sizeof(*inject));
	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	inject->self = open(path, O_RDWR | O_CLOEXEC);
	if (inject->self < 0)
		return "the kernel has no fault injection (fail-nth)";
	inject->on = true;
	/* A test that failed may have left an n in this thread or in a kworker, so clear them. */
	igt_assert(put_number(inject->self, 0));
	igt_fail_nth_arm_kworkers(inject, 0);
	if (set_attributes(true))
		return "no debugfs files of failslab and fail_page_alloc";
	return NULL;
}

const char *igt_fail_nth_init_kworkers(struct igt_fail_nth *inject, const char *driver)
{
	const char *reason = igt_fail_nth_init(inject);
	unsigned long start, end;

	if (reason)
		return reason;
	if (!driver_text(driver, &start, &end))
		return "/proc/kallsyms does not say where the driver is";
	if (set_callers(start, end + 1, STACK_DEPTH))
		return "the kernel's fault injection has no filter by stack";
	return NULL;
}

static int set_probability(bool on)
{
	for (unsigned int kind = 0; kind < 2; kind++) {
		int ret = set(kinds[kind], "times", on ? "-1" : "1");

		if (!ret)
			ret = set(kinds[kind], "probability", on ? "100" : "0");
		if (ret)
			return ret;
	}
	return 0;
}

void igt_fail_nth_all(struct igt_fail_nth *inject, bool on)
{
	igt_assert(inject->on);
	igt_assert_eq(set_probability(on), 0);
}

static void clear_number(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* the task has ended, or the kernel has no fault injection */
	(void)!pwrite(fd, "0", 1, 0);
	close(fd);
}

void igt_fail_nth_reset(void)
{
	struct dirent *entry;
	char path[64];
	DIR *proc;

	set_probability(false);
	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	clear_number(path);
	proc = opendir("/proc");
	while (proc && (entry = readdir(proc))) {
		const int pid = atoi(entry->d_name);

		if (!pid || !is_usual_kworker(pid))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
		clear_number(path);
	}
	if (proc)
		closedir(proc);
	set_callers(0, ~0ul, "0");
	set_attributes(false);
}

void igt_fail_nth_fini(struct igt_fail_nth *inject)
{
	bool ran;

	if (!inject->on)
		return;
	set_probability(false);
	igt_fail_nth_disarm_kworkers(inject, &ran);
	set_callers(0, ~0ul, "0");
	set_attributes(false);
	close(inject->self);
	inject->on = false;
}

void igt_fail_nth_arm(struct igt_fail_nth *inject, unsigned int n)
{
	inject->n = n;
	igt_assert(put_number(inject->self, n));
}

bool igt_fail_nth_disarm(struct igt_fail_nth *inject)
{
	/* Read the counter first, because it goes down with every allocation. */
	const unsigned int left = get_number(inject->self);

	igt_assert(put_number(inject->self, 0));
	return left == 0;
}

void igt_fail_nth_arm_kworkers(struct igt_fail_nth *inject, unsigned int n)
{
	inject->n = n;
	find_kworkers(inject);
	/* A kworker that has ended since find_kworkers() runs no work item any more. */
	for (unsigned int i = 0; i < inject->num_kworkers; i++)
		put_number(inject->kworkers[i], n);
}

unsigned int igt_fail_nth_disarm_kworkers(struct igt_fail_nth *inject, bool *ran)
{
	unsigned int failed = 0;

	*ran = false;
	for (unsigned int i = 0; i < inject->num_kworkers; i++) {
		char text[16] = "";
		unsigned int left;

		/*
		 * A kworker ends only after minutes without work, so one that has gone has run no
		 * work item of the driver.
		 */
		if (pread(inject->kworkers[i], text, sizeof(text) - 1, 0) <= 0)
			continue;
		left = strtoul(text, NULL, 10);
		failed += left == 0;
		*ran |= left < inject->n;
		(void)!pwrite(inject->kworkers[i], "0", 1, 0);
	}
	close_kworkers(inject);
	return failed;
}
