/* SPDX-License-Identifier: MIT */
/* A file whose pages come only when the test allows it; needs root and /dev/fuse. */
#ifndef IGT_FUSE_H
#define IGT_FUSE_H

#include <stdbool.h>
#include <sys/types.h>

/* The distance from one wanted page to the next: larger than any folio of the page cache. */
#define IGT_FUSE_NEXT (4ull << 20)

struct igt_fuse {
	pid_t server;		 /* 0: none */
	int file;		 /* open for reading; the page cache keeps pages */
	int arrived, go;	 /* pipes: the server was asked for a page; it may answer */
	unsigned int connection; /* the kernel's number of the mount */
};

/* 0 or -errno. */
int __igt_fuse_start(struct igt_fuse *fuse);
/* The server is a thread of the calling process, which will be killed; once per process. */
int __igt_fuse_start_inside(struct igt_fuse *fuse);
/* Abort the connection: all processes that wait for a page get an error. */
void igt_fuse_abort(unsigned int connection);
void igt_fuse_stop(struct igt_fuse *fuse);
/* Wait until the kernel asks for a page; false after @timeout_ms. */
bool igt_fuse_asked(struct igt_fuse *fuse, unsigned int timeout_ms);
/* Let the server answer with the page. */
void igt_fuse_answer(struct igt_fuse *fuse);

#endif
