/* SPDX-License-Identifier: MIT */
/*
 * Shared by the files of the stand-in for libigt.  README.md of this folder describes the stand-in.
 */
#ifndef STANDIN_H
#define STANDIN_H

#include "igt.h"

/* IGT's exit code for a subtest or an option that does not exist.  Only subtest.c uses it. */
enum { EXIT_INVALID = 79 };

/* ---- subtest.c ---- */

/* Ends the subtest, the fixture or the child with the exit code @code, and does not return. */
IGTC_NORETURN void standin_fail(int code);
/* Like standin_fail(), but the subtest counts as skipped. */
IGTC_NORETURN void standin_skip(void);

/* ---- log.c ---- */

/* Remember the name of the program, which the log shows. */
void standin_log_init(const char *program);
/* A subtest begins: forget the debug messages of the subtest before it. */
void standin_log_begin(void);
/* The subtest @name fails: print the debug messages that it wrote. */
void standin_log_dump(const char *name);
/* Write a line of IGT to the kernel's log, if there is one. */
void standin_kmsg(const char *format, ...) IGTC_PRINTF(1, 2);

/* ---- process.c ---- */

/* Is this process a child of igt_fork()? */
bool standin_is_child(void);
/*
 * Kill the children that a subtest has left behind and the signal helper, and end the time limit.
 */
void standin_stop_processes(void);

/* ---- ending.c ---- */

/* A child of igt_fork() begins: it runs none of the parent's exit handlers. */
void standin_forget_exit_handlers(void);

#endif
