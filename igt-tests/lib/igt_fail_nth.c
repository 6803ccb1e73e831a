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
#include "lib/igt_undo.h"

#define DEBUGFS "/sys/kernel/debug/"

/* The name that the journal (igt_undo.h) has for the files fail-nth of all kworkers. */
#define KWORKERS "fail-nth of kworkers"

/*
 * The number of stack frames in which the kernel looks for a function of the driver: the most that
 * the kernel allows (lib/fault-inject.c:MAX_STACK_TRACE_DEPTH).
 */
#define STACK_DEPTH "32"

static const char *const kinds[] = { "failslab", "fail_page_alloc" };

/*
 * Files of fault injection in debugfs, and the values with which every kind of allocation can fail
 * and the kernel logs no stack trace of a failure. Only fail_page_alloc has the files with
 * @pages_only.
 */
static const struct {
	const char *file, *during;
	bool pages_only;
} attributes[] = {
	{ "verbose", "0", false },
	{ "times", "-1", false }, /* no limit to the number of failures */
	{ "ignore-gfp-wait", "N", false },
	{ "ignore-gfp-highmem", "N", true },
	{ "min-order", "0", true },
};

static const char *const filters[] = { "stacktrace-depth", "require-start", "require-end" };

/* Make the path of a file of fault injection in debugfs. */
static void name_file(char path[IGT_UNDO_TEXT], const char *kind, const char *file)
{
	strcpy(path, DEBUGFS);
	strcat(path, kind);
	strcat(path, "/");
	strcat(path, file);
}

static int set(const char *kind, const char *file, const char *text)
{
	char path[IGT_UNDO_TEXT];

	name_file(path, kind, file);
	return igt_undo_set(path, text) ? 0 : -EIO;
}

static void put_back(const char *kind, const char *file)
{
	char path[IGT_UNDO_TEXT];

	name_file(path, kind, file);
	igt_undo_now(path);
}

static int set_attributes(void)
{
	for (unsigned int kind = 0; kind < 2; kind++) {
		for (unsigned int i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
			int ret;

			if (attributes[i].pages_only && kind == 0)
				continue;
			ret = set(kinds[kind], attributes[i].file, attributes[i].during);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/* Give all files in debugfs the values that they had before init. */
static void put_all_back(void)
{
	for (unsigned int kind = 0; kind < 2; kind++) {
		put_back(kinds[kind], "probability");
		for (unsigned int i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
			put_back(kinds[kind], filters[i]);
		for (unsigned int i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
			put_back(kinds[kind], attributes[i].file);
	}
}

/* Let only allocations fail that have a function in [start, end) on their stack. */
static int set_callers(unsigned long start, unsigned long end, const char *depth)
{
	char text[2][32];

	snprintf(text[0], sizeof(text[0]), "%#lx", start);
	snprintf(text[1], sizeof(text[1]), "%#lx", end);
	for (unsigned int kind = 0; kind < 2; kind++) {
		if (set(kinds[kind], filters[0], depth) || set(kinds[kind], filters[1], text[0]) ||
		    set(kinds[kind], filters[2], text[1]))
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
static bool is_usual_kworker(const char *pid)
{
	unsigned int pool, id;
	char path[64], name[32] = "", next;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	(void)!read(fd, name, sizeof(name) - 1);
	close(fd);
	return (sscanf(name, "kworker/%u:%u%c", &pool, &id, &next) == 3 ||
		sscanf(name, "kworker/u%u:%u%c", &pool, &id, &next) == 3) &&
	       (next == '\n' || next == '-' || next == '+');
}

/*
 * Call @look with an open descriptor of fail-nth of each kworker.  Read the directory by the system
 * call, because opendir() allocates memory, and this also runs in the handler of a signal.
 */
static void for_each_kworker(void (*look)(struct igt_fail_nth *inject, int fd),
			     struct igt_fail_nth *inject)
{
	const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct dirent64) char buffer[4096];
	ssize_t len;

	while (proc >= 0 && (len = syscall(SYS_getdents64, proc, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < len;) {
			const struct dirent64 *entry = (const void *)(buffer + at);
			char path[64];
			int fd;

			at += entry->d_reclen;
			if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
			    !is_usual_kworker(entry->d_name))
				continue;
			snprintf(path, sizeof(path), "/proc/%.16s/fail-nth", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd >= 0)
				look(inject, fd);
		}
	}
	if (proc >= 0)
		close(proc);
}

static void close_kworkers(struct igt_fail_nth *inject)
{
	while (inject->num_kworkers)
		close(inject->kworkers[--inject->num_kworkers]);
}

static void keep_kworker(struct igt_fail_nth *inject, int fd)
{
	igt_assert(inject->num_kworkers < IGT_FAIL_NTH_MAX_KWORKERS);
	inject->kworkers[inject->num_kworkers++] = fd;
}

/* Open the file fail-nth of each kworker. Kworkers come and go, so look for them each time. */
static void find_kworkers(struct igt_fail_nth *inject)
{
	close_kworkers(inject);
	for_each_kworker(keep_kworker, inject);
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

static void clear_kworker(struct igt_fail_nth *inject, int fd)
{
	(void)!pwrite(fd, "0", 1, 0);
	close(fd);
}

/*
 * The journal (igt_undo.h) calls this when igt_fail_nth_fini() or igt_fail_nth_reset() asks for it.
 * The journal also calls this if the test ends without them, for example because it was killed, so
 * no kworker stays armed.
 */
static bool clear_kworkers(const char *what, const char *value)
{
	for_each_kworker(clear_kworker, NULL);
	return true;
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
	/* A test that failed may have left a number in fail-nth of this thread or of a kworker. */
	igt_assert(put_number(inject->self, 0));
	igt_fail_nth_arm_kworkers(inject, 0);
	if (set_attributes())
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
		int ret = set(kinds[kind], "probability", on ? "100" : "0");

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

void igt_fail_nth_reset(void)
{
	char path[64];
	int fd;

	set_probability(false);
	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) /* else the kernel has no fault injection */
		clear_kworker(NULL, fd);
	igt_undo_now(KWORKERS);
	put_all_back();
}

void igt_fail_nth_fini(struct igt_fail_nth *inject)
{
	bool ran;

	if (!inject->on)
		return;
	set_probability(false);
	igt_fail_nth_disarm_kworkers(inject, &ran);
	igt_undo_now(KWORKERS);
	put_all_back();
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
	/*
	 * Read the counter before anything else, because each allocation of a later system call
	 * lowers it.
	 */
	const unsigned int left = get_number(inject->self);

	igt_assert(put_number(inject->self, 0));
	return left == 0;
}

void igt_fail_nth_arm_kworkers(struct igt_fail_nth *inject, unsigned int n)
{
	inject->n = n;
	/*
	 * The journal undoes the last change first.  So it disarms the kworkers before it removes
	 * the filter by stack, without which any of their allocations could fail.
	 */
	if (n)
		igt_undo_later(clear_kworkers, KWORKERS, NULL);
	find_kworkers(inject);
	/*
	 * A kworker may have ended since find_kworkers().  It runs no work item any more, so ignore
	 * it.
	 */
	for (unsigned int i = 0; i < inject->num_kworkers; i++)
		put_number(inject->kworkers[i], n);
	/*
	 * This process may be a child whose program has been killed meanwhile.  So the guard may
	 * have disarmed the kworkers before the loop above armed them.  With a new entry the guard
	 * disarms them again.
	 */
	if (n)
		igt_undo_later(clear_kworkers, KWORKERS, NULL);
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
		 * work item of the driver since the test armed it.
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
