/* SPDX-License-Identifier: MIT */
/*
 * wrapped.c gets calls of library and model to the C library, because the linker's option --wrap
 * sends them there. It lets some calls fail, and counts others.
 */
#ifndef WRAPPED_H
#define WRAPPED_H

/* The allocation with this number fails, counted from 1; 0: none fails. */
extern unsigned int wrapped_fail_alloc;

/*
 * How many pieces of memory the process has mapped by mmap(). The model replaces most of the
 * library's calls of mmap(), but not the call for the mark of a context.
 */
extern unsigned int wrapped_mmaps;

/* How many files the process has open. */
unsigned int wrapped_num_fds(void);

#endif /* WRAPPED_H */
