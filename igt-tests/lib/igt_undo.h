/* SPDX-License-Identifier: MIT */
/*
 * A journal of the changes that a test makes to settings of the machine, so that all of them are
 * put back: at the end of the subtest, also after a failed assertion; at the end of the program,
 * also after a signal; and after a SIGKILL of the program by a process of its own, the guard.
 *
 * The journal is in memory that all processes of the test share. So the program also puts back what
 * a child has changed, even if the child was killed. Undoing goes backwards: the last change first.
 *
 * No function here allocates or maps memory, except igt_undo_init(). So they may run in a signal
 * handler, and while another thread holds mmap_lock for reading.
 */
#ifndef IGT_UNDO_H
#define IGT_UNDO_H

#include <stdbool.h>

/* The longest text of an entry, with its final zero. */
#define IGT_UNDO_TEXT 192

/* Puts one thing back; false: not yet, because something still uses it. */
typedef bool igt_undo_fn(const char *what, const char *value);

/*
 * Make the journal and start the guard. This forks, so call it before the program has memory whose
 * pages must not be shared: in the first fixture. Later calls do nothing.
 */
void igt_undo_init(void);

/*
 * Write @value to a file of /proc or /sys, and let the journal put the old value back when the
 * subtest or, with the second function, the program ends. In a file that shows all its values the
 * one in brackets is the old value. false: the file cannot be read or written, and has its old
 * value.
 */
bool igt_undo_set(const char *path, const char *value);
bool igt_undo_set_for_program(const char *path, const char *value);

/*
 * Let the journal call @run(@what, @value) when the subtest ends. Call this before the change, so
 * that the change is undone if the process is killed meanwhile. @run must accept that there is
 * nothing to undo. The journal has each @what once.
 */
void igt_undo_later(igt_undo_fn *run, const char *what, const char *value);
/* Undo the entry about @what now, if the journal has one. */
void igt_undo_now(const char *what);
/* Undo all entries with the function @run now. */
void igt_undo_all_by(igt_undo_fn *run);

/* Call this in the fixture behind a subtest, to undo its changes. In a child it does nothing. */
void igt_undo_subtest(void);

#endif
