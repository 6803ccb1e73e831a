/* SPDX-License-Identifier: MIT */
/* Memory that an IB reaches without listing it, and the IB. */
#ifndef AMD_USERPTR_CS_UNLISTED_H
#define AMD_USERPTR_CS_UNLISTED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/igt_task.h"

#include "amd_userptr_cs.h"

#define UNLISTED_SIZE	   ((size_t)64 << 10)
#define UNLISTED_MAX_PAGES 16

/* The IB stores this value to pages that it should not reach any more. */
#define UNLISTED_VALUE 0xdeadbeefu

/*
 * If a change of the memory takes longer than this, the test concludes that the change waits for
 * the IB.  The IB waits during this time, so the time must be shorter than the driver's limit for a
 * job.
 */
#define RETURN_MS 300

/* Dwords in cs.data: the IB waits for GO, which the process stores, and stores the other two. */
enum { WORD_GO, WORD_STARTED, WORD_DONE };

/* Memory that the GPU reaches through SVM, at the address where the CPU has it. */
enum { UNLISTED_SVM = AMD_USERPTR_NUM_KINDS, UNLISTED_NUM_KINDS };

struct event;

struct unlisted {
	const struct event *event;
	unsigned int kind; /* of enum amd_userptr_kind, or UNLISTED_SVM */
	enum amd_kfd_queue_type ring;
	struct amd_userptr *up;
	struct amd_userptr_cs cs;
	struct amd_userptr_mapped mapped; /* all 0 for UNLISTED_SVM */
	struct igt_task task;
	char *memory;
	uint64_t va; /* where the GPU finds the memory */
	uint64_t pfns[UNLISTED_MAX_PAGES];
	pid_t child; /* the process that has the old pages after a fork, or 0 */
	int tell[2]; /* pipe: a byte tells the child to compare its pages; [1] is 0: no pipe */
};

/* The end of a subtest's name for a kind of memory. */
const char *unlisted_suffix(unsigned int kind);
/* Skip where the kernel lacks this kind of memory.  Only the parent of a child can skip. */
void unlisted_require(struct amd_userptr *up, unsigned int kind);
void unlisted_make(struct unlisted *unlisted);
/* Drop all pages; 0 or -errno. */
int unlisted_dontneed(struct unlisted *unlisted);

volatile uint32_t *unlisted_words(struct unlisted *unlisted);
/*
 * Submit an IB that stores UNLISTED_VALUE to each page; 0 or -errno of the ioctl.  If @waits is
 * true, the IB waits for WORD_GO before it stores.
 */
int unlisted_submit(struct unlisted *unlisted, bool waits, uint64_t *seq);
/*
 * Assert that a submission reaches the memory, because otherwise the rest of the test shows
 * nothing.
 */
void unlisted_expect_reached(struct unlisted *unlisted);
/* Clean up after an attempt, also after an attempt that ended early. */
void unlisted_end(struct unlisted *unlisted);

#endif
