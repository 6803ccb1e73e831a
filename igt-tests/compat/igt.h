/* SPDX-License-Identifier: MIT */
/*
 * Replaces IGT's header of the same name in a build with a distribution's libigt.so.0, because
 * distributions ship the library without its headers. Tests say #include "igt.h"; the include path
 * decides between this file and IGT's own. The macros here mean the same as those of IGT 2.4 and
 * later, so the source of a test fits both headers. libigt promises no stable ABI, so meson builds
 * with this file only after probe.py has accepted the library.
 */
#ifndef IGT_COMPAT_H
#define IGT_COMPAT_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum igt_log_level {
	IGT_LOG_DEBUG = 0,
	IGT_LOG_INFO = 1,
	IGT_LOG_WARN = 2,
};

enum {
	IGT_EXIT_SUCCESS = 0,
	IGT_EXIT_SKIP = 77,
	IGT_EXIT_FAILURE = 98,
};

#define DRIVER_AMDGPU (1 << 3)

#include "igt_prototypes.h"

/* The library finds this variable by its name (weak reference), so the program has to export it. */
#define IGT_TEST_DESCRIPTION(text) \
	__attribute__((visibility("default"))) const char *__igt_test_description = text
extern const char *__igt_test_description;

#define igt_main() igt_main_args(NULL, NULL, NULL, NULL, NULL)
#define igt_main_args(shortopts, longopts, help, handler, data) \
	main(int argc, char **argv); \
	static void igtc_body(void); \
	int main(int argc, char **argv) \
	{ \
		igt_subtest_init_parse_opts(&argc, argv, shortopts, longopts, help, handler, \
					    data); \
		igtc_body(); \
		igt_exit(); \
	} \
	static void igtc_body(void)

#define IGTC_GLUE_(a, b) a##b
#define IGTC_GLUE(a, b)	 IGTC_GLUE_(a, b)
#define IGTC_VAR(stem)	 IGTC_GLUE(igtc_##stem##_, __LINE__)

/*
 * Runs the block behind it as a subtest, or as a dynamic part of one, if @enter is true. When the
 * block fails or skips, the library jumps to @landing, and the loop ends without @done. So @done
 * runs only at the normal end of the block.
 */
#define IGTC_BLOCK(enter, landing, done) for (; (enter) && sigsetjmp(landing, 1) == 0; done)

#define igt_fixture() \
	for (volatile bool IGTC_VAR(todo) = true; \
	     IGTC_VAR(todo) && __igt_fixture() && sigsetjmp(igt_subtest_jmpbuf, 1) == 0; \
	     IGTC_VAR(todo) = false, __igt_fixture_complete())

struct igtc_group {
	bool open;
	int skip, description;
};

static inline struct igtc_group igtc_group_begin(void)
{
	struct igtc_group group = { .open = true };

	__igt_subtest_group_save(&group.skip, &group.description);
	return group;
}

#define igt_subtest_group() \
	for (struct igtc_group IGTC_VAR(group) = igtc_group_begin(); IGTC_VAR(group).open; \
	     IGTC_VAR(group).open = false, \
			       __igt_subtest_group_restore(IGTC_VAR(group).skip, \
							   IGTC_VAR(group).description))

/*
 * The library keeps a pointer to the name of the running subtest and to the name of its dynamic
 * part, so each of the two names needs a static buffer.
 */
static inline IGTC_PRINTF(2, 3) const char *igtc_name(int dynamic, const char *format, ...)
{
	static char names[2][256];
	va_list args;

	va_start(args, format);
	vsnprintf(names[dynamic], sizeof(names[0]), format, args);
	va_end(args);
	return names[dynamic];
}

#define igt_subtest(name) \
	IGTC_BLOCK(__igt_run_subtest(name, __FILE__, __LINE__), igt_subtest_jmpbuf, igt_success())
#define igt_subtest_f(...) igt_subtest(igtc_name(0, __VA_ARGS__))
#define igt_subtest_with_dynamic(name) \
	IGTC_BLOCK(__igt_run_subtest(name, __FILE__, __LINE__) && __igt_enter_dynamic_container(), \
		   igt_subtest_jmpbuf, igt_success())
#define igt_dynamic(name) \
	IGTC_BLOCK(__igt_run_dynamic_subtest(name), igt_dynamic_jmpbuf, igt_success())
#define igt_dynamic_f(...) igt_dynamic(igtc_name(1, __VA_ARGS__))
#define igt_describe(text) igt_describe_f("%s", text)

#define igt_debug(...) igt_log(NULL, IGT_LOG_DEBUG, __VA_ARGS__)
#define igt_info(...)  igt_log(NULL, IGT_LOG_INFO, __VA_ARGS__)
#define igt_warn(...)  igt_log(NULL, IGT_LOG_WARN, __VA_ARGS__)

#define IGTC_FAIL(...) __igt_fail_assert(NULL, __FILE__, __LINE__, __func__, __VA_ARGS__)
#define IGTC_SKIP(...) __igt_skip_check(__FILE__, __LINE__, __func__, __VA_ARGS__)
#define igt_assert_f(e, ...) \
	do { \
		if (!(e)) \
			IGTC_FAIL(#e, __VA_ARGS__); \
	} while (0)
#define igt_assert(e) \
	do { \
		if (!(e)) \
			IGTC_FAIL(#e, NULL); \
	} while (0)
#define igt_require_f(e, ...) \
	do { \
		if (!(e)) \
			IGTC_SKIP(#e, __VA_ARGS__); \
	} while (0)
#define igt_require(e) \
	do { \
		if (!(e)) \
			IGTC_SKIP(#e, NULL); \
	} while (0)
#define igt_skip_on_f(e, ...) \
	do { \
		if (e) \
			IGTC_SKIP("!(" #e ")", __VA_ARGS__); \
	} while (0)
#define igt_skip_on(e) \
	do { \
		if (e) \
			IGTC_SKIP("!(" #e ")", NULL); \
	} while (0)

/* As in IGT, these macros convert both operands to int, unless their name has another type. */
#define IGTC_COMPARE(type, show, a, op, b) \
	do { \
		const type igtc_a = (a), igtc_b = (b); \
		if (!(igtc_a op igtc_b)) \
			IGTC_FAIL(#a " " #op " " #b, "compared values: " show " and " show "\n", \
				  igtc_a, igtc_b); \
	} while (0)
#define igt_assert_eq(a, b)	 IGTC_COMPARE(int, "%d", a, ==, b)
#define igt_assert_neq(a, b)	 IGTC_COMPARE(int, "%d", a, !=, b)
#define igt_assert_lt(a, b)	 IGTC_COMPARE(int, "%d", a, <, b)
#define igt_assert_lte(a, b)	 IGTC_COMPARE(int, "%d", a, <=, b)
#define igt_assert_eq_u32(a, b)	 IGTC_COMPARE(unsigned int, "%#x", a, ==, b)
#define igt_assert_neq_u32(a, b) IGTC_COMPARE(unsigned int, "%#x", a, !=, b)
#define igt_assert_eq_u64(a, b)	 IGTC_COMPARE(unsigned long long, "%#llx", a, ==, b)
#define igt_assert_neq_u64(a, b) IGTC_COMPARE(unsigned long long, "%#llx", a, !=, b)
#define igt_assert_lte_u64(a, b) IGTC_COMPARE(unsigned long long, "%#llx", a, <=, b)
#define igt_assert_fd(fd)	 igt_assert_f((fd) >= 0, "no file descriptor: " #fd "\n")

#define igt_fork(child, count) \
	for (int child = 0; child < (count); child++) \
		for (; __igt_fork(); exit(IGT_EXIT_SUCCESS))

#define igt_until_timeout(seconds) \
	for (struct timespec IGTC_VAR(begin) = { 0 }; \
	     igt_nsec_elapsed(&IGTC_VAR(begin)) < (seconds) * 1000000000ull;)

#endif
