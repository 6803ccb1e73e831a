/* SPDX-License-Identifier: MIT */
/*
 * A file whose pages come only when the test allows it. So a test can hold a task that faults in
 * such a page. Needs root and /dev/fuse. If the test does not allow a page, the server sends it
 * after 40 seconds, or more on debug kernels (ANSWER_MS in igt_fuse.c). So a test asserts by
 * igt_fuse_waits() that the server has not sent the page yet.
 */
#ifndef IGT_FUSE_H
#define IGT_FUSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * The distance in the file from one page that a test uses to the next.  It is larger than any folio
 * of the page cache, so one answer never brings two of these pages.
 */
#define IGT_FUSE_NEXT (4ull << 20)

struct igt_fuse {
	pid_t server; /* the server's process; 0: none, or the server is a thread */
	/*
	 * The file, open for reading.  Once the server has answered for a page, the page cache
	 * keeps that page, so use each page once.
	 */
	int file;
	int arrived; /* a pipe: a byte says that the kernel has asked the server for a page */
	int go;	     /* a socket: a byte lets the server answer */
	/*
	 * @late counts the pages that the server sent without permission. It is in memory that test
	 * and server share. @late_before is the value of this counter when the test last waited for
	 * a request.
	 */
	atomic_uint *late;
	unsigned int late_before;
	unsigned int connection; /* the mount's number in /sys/fs/fuse/connections */
};

/* Mount the file and start its server in a child process; 0 or -errno. */
int __igt_fuse_start(struct igt_fuse *fuse);
/*
 * Mount the file and start its server as a thread of the calling process, for a test that will kill
 * that process. A process can call this only once.
 */
int __igt_fuse_start_inside(struct igt_fuse *fuse);
/* Abort the connection: all processes that wait for a page get an error. */
void igt_fuse_abort(unsigned int connection);
void igt_fuse_stop(struct igt_fuse *fuse);
/* Wait until the kernel asks for a page; false after @timeout_ms. */
bool igt_fuse_asked(struct igt_fuse *fuse, unsigned int timeout_ms);
/*
 * Does the page of the last request still wait for permission? False if the server sent the page
 * without permission.
 */
bool igt_fuse_waits(struct igt_fuse *fuse);
/* Let the server answer with the page. */
void igt_fuse_answer(struct igt_fuse *fuse);

#endif
