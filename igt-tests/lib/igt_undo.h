/* SPDX-License-Identifier: MIT */
/*
 * A journal of the changes that a test makes to settings of the machine, so that the program can
 * put all of them back: at the end of the subtest, also after a failed assertion; and at the end of
 * the program, also after a signal. If SIGKILL ends the program, another process, the guard, puts
 * the settings back.
 *
 * The journal is in memory that all processes of the test share. So the program also undoes the
 * changes of a child, even if the child was killed. The journal undoes the last change first.
 *
 * No function here allocates or maps memory, except igt_undo_init(). So these functions may run in
 * a signal handler, and while another thread holds mmap_lock for reading.
 */
#ifndef IGT_UNDO_H
#define IGT_UNDO_H

#include <stdbool.h>

/* The longest text of an entry, with its final zero. */
#define IGT_UNDO_TEXT 192

/*
 * Undoes one change. Returns false if something still uses the thing, so that the journal tries
 * again later.
 */
typedef bool igt_undo_fn(const char *what, const char *value);

/*
 * Make the journal and start the guard. This forks, so call it before the program has memory whose
 * pages it must not share with a child: in the first fixture. Later calls do nothing.
 */
void igt_undo_init(void);

/*
 * Write @value to a file of /proc or /sys, and let the journal put the old value back when the
 * subtest or, with the second function, the program ends. If the file shows all possible values,
 * the old value is the one in brackets. Both return false if they cannot read or write the file,
 * and in that case the file has its old value.
 */
bool igt_undo_set(const char *path, const char *value);
bool igt_undo_set_for_program(const char *path, const char *value);

/*
 * Let the journal call @run(@what, @value) when the subtest ends. Call this before the change, so
 * that the journal has the change even if the process is killed right after it. The process may
 * also be killed before the change, so @run must accept that there is nothing to undo. A second
 * call with the same @what does nothing.
 */
void igt_undo_later(igt_undo_fn *run, const char *what, const char *value);
/* Undo the entry about @what now, if the journal has one. */
void igt_undo_now(const char *what);
/* Undo all entries with the function @run now. */
void igt_undo_all_by(igt_undo_fn *run);

/* Call this in the fixture behind a subtest, to undo its changes. In a child it does nothing. */
void igt_undo_subtest(void);

#endif
