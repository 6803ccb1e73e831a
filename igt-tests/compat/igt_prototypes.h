/* SPDX-License-Identifier: MIT */
/*
 * Declares the functions of libigt.so.0 that the tests use, and nothing else.
 *
 * This file is separate from igt.h, so that a build with IGT's own headers can include it
 * after them, and the compiler reports differences (tree/crosscheck.c).  If you add a line
 * here, also add the name to entry_points.c.
 */
#ifndef IGT_PROTOTYPES_H
#define IGT_PROTOTYPES_H

#include <getopt.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define IGTC_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define IGTC_NORETURN		__attribute__((noreturn))

/*
 * The library jumps to igt_subtest_jmpbuf when a subtest ends, and to igt_dynamic_jmpbuf when a
 * dynamic part of a subtest ends.
 */
extern jmp_buf igt_subtest_jmpbuf, igt_dynamic_jmpbuf;

int igt_subtest_init_parse_opts(int *argc, char **argv, const char *shortopts,
				const struct option *longopts, const char *help,
				int (*handler)(int opt, int index, void *data), void *data);
IGTC_NORETURN void igt_exit(void);

bool __igt_fixture(void);
void __igt_fixture_complete(void);
void __igt_subtest_group_save(int *skip, int *description);
void __igt_subtest_group_restore(int skip, int description);
bool __igt_run_subtest(const char *name, const char *file, int line);
bool __igt_enter_dynamic_container(void);
bool __igt_run_dynamic_subtest(const char *name);
void igt_describe_f(const char *format, ...) IGTC_PRINTF(1, 2);
const char *igt_subtest_name(void);

void igt_success(void);
IGTC_NORETURN void __igt_skip_check(const char *file, int line, const char *func, const char *what,
				    const char *format, ...) IGTC_PRINTF(5, 6);
IGTC_NORETURN void __igt_fail_assert(const char *domain, const char *file, int line,
				     const char *func, const char *what, const char *format, ...)
	IGTC_PRINTF(6, 7);

void igt_log(const char *domain, enum igt_log_level level, const char *format, ...)
	IGTC_PRINTF(3, 4);

bool __igt_fork(void);
void igt_waitchildren(void);
void igt_waitchildren_timeout(int seconds, const char *reason);
void igt_fork_signal_helper(void);
void igt_stop_signal_helper(void);
/*
 * Let the library call @fn at the end of the program, and in the handler of a signal that ends it.
 */
void igt_install_exit_handler(void (*fn)(int sig));
void igt_set_timeout(unsigned int seconds, const char *operation);
void igt_reset_timeout(void);
/* Tell igt_runner which lines of the kernel log it shall not count as a problem of this test. */
void igt_emit_ignore_dmesg_regex(const char *ignore_dmesg_regex);
uint64_t igt_nsec_elapsed(struct timespec *start);

int drm_open_driver_render(int chipset);
int drm_reopen_driver(int fd);
int drm_close_driver(int fd);
/* Mount debugfs if it is not mounted yet; returns its path, or NULL if that is not possible. */
const char *igt_debugfs_mount(void);
/*
 * Open a debugfs file of the DRM device @fd; returns < 0 when there is none.  Fails the test if
 * debugfs cannot be mounted.
 */
int igt_debugfs_open(int fd, const char *filename, int mode);
/*
 * Write a text to a file of /proc or /sys.  The tests give an absolute path as @attr, and AT_FDCWD
 * as @dir, which the kernel ignores if the path is absolute.
 */
bool igt_sysfs_set(int dir, const char *attr, const char *value);
/* Write @len bytes to a file of /proc or /sys; returns their number or -errno. */
int igt_sysfs_write(int dir, const char *attr, const void *data, int len);
/* Returns the size of all swap space that is switched on. */
uint64_t igt_get_total_swap_mb(void);

#endif
