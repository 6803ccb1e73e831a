// SPDX-License-Identifier: MIT
/* Messages of the tests: to standard output, to standard error, and to the kernel's log. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "standin.h"

/* The debug messages of the running subtest.  Messages that do not fit any more are dropped. */
static char kept[64 << 10];
static size_t kept_length;
static const char *program = "";
static bool show_debug;

static const char *const level_names[] = { "DEBUG", "INFO", "WARNING", "CRITICAL" };
enum { CRITICAL = 3 };

void standin_log_init(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *level = getenv("IGT_LOG_LEVEL");

	program = slash ? slash + 1 : path;
	show_debug = level && !strcmp(level, "debug");
	/* A line has to be in the output before the process dies or forks. */
	setvbuf(stdout, NULL, _IOLBF, 0);
}

void standin_log_begin(void)
{
	kept_length = 0;
}

static void keep(const char *text)
{
	size_t length = strlen(text);

	if (length >= sizeof(kept) - kept_length)
		return;
	memcpy(kept + kept_length, text, length + 1);
	kept_length += length;
}

/* Put the time, the program and the level before a message, as IGT does. */
static void print_stamped(FILE *file, int level, const char *text)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	fprintf(file, "[%lld.%06ld] (%s:%d) %s: %s", (long long)now.tv_sec, now.tv_nsec / 1000,
		program, getpid(), level_names[level], text);
}

static void message(int level, const char *format, va_list args)
{
	char text[4096];

	vsnprintf(text, sizeof(text), format, args);
	if (level == IGT_LOG_DEBUG)
		keep(text);
	if (level == IGT_LOG_INFO)
		fputs(text, stdout);
	else if (level > IGT_LOG_INFO || show_debug)
		print_stamped(stderr, level, text);
}

void igt_log(const char *domain, enum igt_log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(level, format, args);
	va_end(args);
}

static void critical(const char *format, ...) IGTC_PRINTF(1, 2);
static void critical(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(CRITICAL, format, args);
	va_end(args);
}

void standin_log_dump(const char *name)
{
	fprintf(stderr, "Subtest %s failed.\n", name);
	if (kept_length)
		fprintf(stderr, "**** DEBUG ****\n%s****  END  ****\n", kept);
}

void __igt_fail_assert(const char *domain, const char *file, int line, const char *func,
		       const char *what, const char *format, ...)
{
	int err = errno;
	va_list args;

	critical("Test assertion failure function %s, file %s:%d:\n", func, file, line);
	critical("Failed assertion: %s\n", what);
	if (err)
		critical("Last errno: %d, %s\n", err, strerror(err));
	if (format) {
		va_start(args, format);
		message(CRITICAL, format, args);
		va_end(args);
	}
	standin_fail(IGT_EXIT_FAILURE);
}

void __igt_skip_check(const char *file, int line, const char *func, const char *what,
		      const char *format, ...)
{
	int err = errno;
	va_list args;

	printf("Test requirement not met in function %s, file %s:%d:\nTest requirement: %s\n", func,
	       file, line, what);
	if (format) {
		va_start(args, format);
		vprintf(format, args);
		va_end(args);
	} else if (err) {
		printf("Last errno: %d, %s\n", err, strerror(err));
	}
	standin_skip();
}

void standin_kmsg(const char *format, ...)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char text[1024]; /* the kernel's log has no longer lines (kernel/printk/internal.h) */
	va_list args;
	int length;

	if (fd < 0)
		return;
	/*
	 * 6 is the level info.  The kernel makes a record of each write, so write the whole line at
	 * once.
	 */
	length = snprintf(text, sizeof(text), "<6>[IGT] %s: ", program);
	va_start(args, format);
	length += vsnprintf(text + length, sizeof(text) - length, format, args);
	va_end(args);
	igt_assert_lt(length, (int)sizeof(text));
	if (write(fd, text, length) < 0)
		errno = 0; /* the log is for people, so a test can go on without it */
	close(fd);
}

void igt_emit_ignore_dmesg_regex(const char *regex)
{
	standin_kmsg("add ignored dmesg regex: %s", regex);
}
