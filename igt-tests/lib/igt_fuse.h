/* SPDX-License-Identifier: MIT */
/* A file whose pages come when they are allowed to; needs root and /dev/fuse. */
#ifndef IGT_FUSE_H
#define IGT_FUSE_H

#include <stdbool.h>
#include <sys/types.h>

/* From one page that is asked for to the next: farther than any folio of a page cache. */
#define IGT_FUSE_NEXT (4ull << 20)

struct igt_fuse {
	pid_t server;			/* 0: none */
	int file;			/* open for reading; pages that were read stay */
	int arrived, go;		/* pipes: it was asked for a page; it may answer */
	unsigned int connection;	/* the kernel's number */
};

/* 0 or -errno. */
int __igt_fuse_start(struct igt_fuse *fuse);
/* By a thread of the calling process, once, which has the open /dev/fuse: for one that will be killed. */
int __igt_fuse_start_inside(struct igt_fuse *fuse);
/* Whoever waits for a page gets an error: for who has to be rescued. */
void igt_fuse_abort(unsigned int connection);
void igt_fuse_stop(struct igt_fuse *fuse);
/* Until somebody waits for a page; false after @timeout_ms. */
bool igt_fuse_asked(struct igt_fuse *fuse, unsigned int timeout_ms);
/* Give it the page. */
void igt_fuse_answer(struct igt_fuse *fuse);

#endif
