// SPDX-License-Identifier: MIT
/* Options of a test program, its fixtures and subtests, and the exit code. */
#include <fnmatch.h>
#include <sys/utsname.h>

#include "standin.h"

/*
 * IGT never prints this version, so a reader of a result sees that the program ran with the
 * stand-in.
 */
#define VERSION "0.0-standin"

enum { OPT_LIST = 1000, OPT_RUN, OPT_DYNAMIC, OPT_DESCRIBE, OPT_DEBUG, OPT_HELP };
enum { MAX_OPTIONS = 64 };

jmp_buf igt_subtest_jmpbuf, igt_dynamic_jmpbuf;
/* A program need not have a description. */
#pragma weak __igt_test_description

static const char *wanted, *wanted_dynamic; /* patterns of names; NULL: all */
static bool listing, describing;
static const char *described; /* pattern of the subtests to describe; NULL: all */
static char description[512];
static int num_descriptions;

/* Do the next subtests run, skip or fail? A group of subtests restores the value at its end. */
enum { RUN, SKIP_ALL, FAIL_ALL };
static int henceforth;

static bool in_fixture, in_container, found_any, failed_any, passed_any;
static const char *subtest, *dynamic; /* names of the running subtest and dynamic part, or NULL */
static int parts_run, parts_failed;   /* of the running subtest with dynamic parts */
static struct timespec subtest_begin, dynamic_begin;
static int exit_code;

/* ---- options ---- */

static IGTC_NORETURN void print_help(const char *program, const char *more)
{
	printf("Usage: %s [OPTIONS]\n"
	       "  --list-subtests\n  --run-subtest <pattern>\n  --dynamic-subtest <pattern>\n"
	       "  --describe[=pattern]\n  --debug\n  --help\n%s",
	       program, more ? more : "");
	exit(0);
}

static void take_option(int opt, const char *program, const char *help)
{
	switch (opt) {
	case OPT_LIST:
		listing = true;
		break;
	case OPT_RUN:
		wanted = optarg;
		break;
	case OPT_DYNAMIC:
		wanted_dynamic = optarg;
		break;
	case OPT_DESCRIBE:
		describing = true;
		described = optarg;
		break;
	case OPT_DEBUG:
		setenv("IGT_LOG_LEVEL", "debug", 1);
		break;
	case OPT_HELP:
		print_help(program, help);
	default: /* getopt_long() has printed which option is unknown */
		exit(EXIT_INVALID);
	}
}

static void print_head(void)
{
	struct utsname system;

	uname(&system);
	printf("IGT-Version: " VERSION " (%s) (%s: %s)\n", system.machine, system.sysname,
	       system.release);
}

int igt_subtest_init_parse_opts(int *argc, char **argv, const char *shortopts,
				const struct option *longopts, const char *help,
				int (*handler)(int opt, int index, void *data), void *data)
{
	struct option all[MAX_OPTIONS] = {
		{ "list-subtests", no_argument, NULL, OPT_LIST },
		{ "run-subtest", required_argument, NULL, OPT_RUN },
		{ "dynamic-subtest", required_argument, NULL, OPT_DYNAMIC },
		{ "describe", optional_argument, NULL, OPT_DESCRIBE },
		{ "debug", optional_argument, NULL, OPT_DEBUG },
		{ "help", no_argument, NULL, OPT_HELP },
	};
	int num_own = 0, used = 0, opt, index = 0;

	while (all[num_own].name)
		num_own++;
	for (used = num_own; longopts && longopts->name && used < MAX_OPTIONS - 1; longopts++)
		all[used++] = *longopts;
	while ((opt = getopt_long(*argc, argv, shortopts ? shortopts : "", all, &index)) != -1) {
		if (opt >= OPT_LIST || opt == '?' || !handler)
			take_option(opt, argv[0], help);
		else if (handler(opt, index, data))
			exit(EXIT_INVALID);
	}
	standin_log_init(argv[0]);
	if (describing && &__igt_test_description)
		printf("%s\n\n", __igt_test_description);
	if (!listing && !describing)
		print_head();
	return *argc;
}

/*
 * Does @name match @patterns?  The patterns are separated by commas, and the last one that matches
 * decides.  A pattern that begins with ! or ^ excludes names.
 */
static bool is_match(const char *name, const char *patterns)
{
	char *copy, *save = NULL;
	bool match = false;

	if (!patterns)
		return true;
	copy = strdup(patterns);
	igt_assert(copy);
	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		bool exclude = *p == '!' || *p == '^';

		if (!fnmatch(p + exclude, name, 0))
			match = !exclude;
	}
	free(copy);
	return match;
}

/* ---- fixtures and groups ---- */

bool __igt_fixture(void)
{
	if (listing || describing || henceforth != RUN)
		return false;
	in_fixture = true;
	return true;
}

void __igt_fixture_complete(void)
{
	in_fixture = false;
}

void __igt_subtest_group_save(int *skip, int *number)
{
	*skip = henceforth;
	*number = num_descriptions;
	description[0] = 0;
}

void __igt_subtest_group_restore(int skip, int number)
{
	henceforth = skip;
	num_descriptions = number;
}

/* ---- subtests ---- */

void igt_describe_f(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(description, sizeof(description), format, args);
	va_end(args);
	num_descriptions++;
}

const char *igt_subtest_name(void)
{
	return subtest;
}

static double seconds_since(struct timespec *begin)
{
	return igt_nsec_elapsed(begin) / 1e9;
}

static void describe(const char *name, const char *file, int line)
{
	printf("SUB %s %s:%d:\n  %s\n\n", name, file, line,
	       description[0] ? description : "NO DOCUMENTATION!");
}

bool __igt_run_subtest(const char *name, const char *file, int line)
{
	bool run = false;

	if (listing) {
		puts(name);
	} else if (describing) {
		if (is_match(name, described))
			describe(name, file, line);
	} else if (is_match(name, wanted)) {
		found_any = true;
		run = henceforth == RUN;
		if (!run)
			printf("Subtest %s: %s (0.000s)\n", name,
			       henceforth == SKIP_ALL ? "SKIP" : "FAIL");
	}
	description[0] = 0;
	if (!run)
		return false;
	standin_kmsg("starting subtest %s", name);
	printf("Starting subtest: %s\n", name);
	standin_log_begin();
	memset(&subtest_begin, 0, sizeof(subtest_begin));
	igt_nsec_elapsed(&subtest_begin);
	subtest = name;
	in_container = false;
	return true;
}

bool __igt_enter_dynamic_container(void)
{
	in_container = true;
	parts_run = parts_failed = 0;
	return true;
}

bool __igt_run_dynamic_subtest(const char *name)
{
	igt_assert(in_container && !dynamic);
	if (!is_match(name, wanted_dynamic))
		return false;
	printf("Starting dynamic subtest: %s\n", name);
	memset(&dynamic_begin, 0, sizeof(dynamic_begin));
	igt_nsec_elapsed(&dynamic_begin);
	dynamic = name;
	parts_run++;
	return true;
}

/* Print how the subtest or its dynamic part ends, clean up after it, and leave its block. */
static IGTC_NORETURN void leave(const char *result)
{
	const bool was_dynamic = dynamic;

	standin_stop_processes();
	if (was_dynamic) {
		printf("Dynamic subtest %s: %s (%.3fs)\n", dynamic, result,
		       seconds_since(&dynamic_begin));
		dynamic = NULL;
	} else {
		printf("Subtest %s: %s (%.3fs)\n", subtest, result, seconds_since(&subtest_begin));
		standin_kmsg("finished subtest %s, %s", subtest, result);
		subtest = NULL;
	}
	fflush(stdout);
	siglongjmp(was_dynamic ? igt_dynamic_jmpbuf : igt_subtest_jmpbuf, 1);
}

static void note_failure(int code)
{
	if (!failed_any)
		exit_code = code;
	failed_any = true;
}

void igt_success(void)
{
	if (in_container && !dynamic && parts_failed) {
		note_failure(IGT_EXIT_FAILURE);
		leave("FAIL");
	}
	if (in_container && !dynamic && !parts_run)
		leave("SKIP");
	if (!dynamic)
		passed_any = true;
	leave("SUCCESS");
}

void standin_fail(int code)
{
	if (standin_is_child())
		exit(code);
	note_failure(code);
	if (subtest)
		standin_log_dump(dynamic ? dynamic : subtest);
	if (dynamic)
		parts_failed++;
	if (subtest)
		leave("FAIL");
	standin_stop_processes();
	if (!in_fixture)
		exit(code);
	in_fixture = false;
	henceforth = FAIL_ALL;
	siglongjmp(igt_subtest_jmpbuf, 1);
}

void standin_skip(void)
{
	if (standin_is_child()) /* as in IGT, a child cannot skip the subtest */
		exit(IGT_EXIT_SKIP);
	if (subtest)
		leave("SKIP");
	standin_stop_processes();
	if (!in_fixture)
		exit(IGT_EXIT_SKIP);
	in_fixture = false;
	henceforth = SKIP_ALL;
	siglongjmp(igt_subtest_jmpbuf, 1);
}

void igt_exit(void)
{
	if (listing || describing)
		exit(IGT_EXIT_SUCCESS);
	standin_stop_processes();
	if (wanted && !found_any) {
		fprintf(stderr, "Unknown subtest: %s\n", wanted);
		exit(EXIT_INVALID);
	}
	if (!failed_any)
		exit_code = passed_any ? IGT_EXIT_SUCCESS : IGT_EXIT_SKIP;
	standin_kmsg("exiting, ret=%d", exit_code);
	exit(exit_code);
}
