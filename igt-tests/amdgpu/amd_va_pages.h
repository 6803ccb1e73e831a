/* SPDX-License-Identifier: MIT */
/*
 * A window of GPU addresses, counted in GPU pages of 4 KiB whatever the CPU's page size is, and a
 * model of it: which page of which BO is where.  After any sequence of GEM_VA operations GPU and
 * CPU have to find what the model says.
 */
#ifndef AMD_VA_PAGES_H
#define AMD_VA_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_cs.h"

/* Sizes in GPU pages: a BO has 8 CPU pages of 64 KiB, and a window room for more than one BO. */
enum { VA_BO_PAGES = 128, VA_WINDOW_PAGES = 192, VA_BOS = 2 };

/*
 * GTT memory and ordinary userptrs, which submissions of a client of the render node read and
 * write; and userptrs of KFD's queues.
 */
enum va_kind { VA_GTT, VA_USERPTR, VA_HSA };

/*
 * How the CPU pages of a userptr lie in physical memory.  VA_ANY: as the kernel gives them;
 * VA_ADJACENT: the first two are neighbours; VA_SCATTERED: no page follows the one before it.
 */
enum va_layout { VA_ANY, VA_ADJACENT, VA_SCATTERED };

struct va_bo {
	uint32_t handle;
	char *cpu;    /* the memory */
	char *expect; /* the content that @cpu must have */
};

struct va_window {
	struct amd_userptr *up;
	enum va_kind kind;
	int fd;			  /* VA_HSA: up->fd; others: a client of its own; -1: not open */
	struct amd_userptr_cs cs; /* of this client; VA_HSA has none */
	struct va_bo bos[VA_BOS];
	uint64_t va;
	/* The model: the BO and its GPU page at each address, bo -1 if there is none. */
	struct {
		int bo;
		unsigned int page;
	} pages[VA_WINDOW_PAGES];
	char *stage; /* room for the content of the window */
	uint32_t seed;
};

/* The GPU pages of a CPU page. */
static inline unsigned int va_cpu_page(void)
{
	return getpagesize() / AMD_GPU_PAGE_SIZE;
}

void va_window_open(struct va_window *window, struct amd_userptr *up, enum va_kind kind,
		    enum va_layout layout);
void va_window_close(struct va_window *window);

/*
 * MAP or REPLACE: map @count GPU pages of BO @bo, from its page @page on, at page @at of the
 * window.  The addresses of a MAP must be free.
 */
void va_window_map(struct va_window *window, uint32_t operation, unsigned int at, int bo,
		   unsigned int page, unsigned int count);
/*
 * Is one of the pages [@page, @page + @count) of BO @bo mapped outside of the pages [@at, @at +
 * @count) of the window?  If these pages were mapped at @at, too, stores to both places would meet
 * in the same memory.
 */
bool va_window_has_other(const struct va_window *window, unsigned int at, int bo, unsigned int page,
			 unsigned int count);
/* CLEAR @count GPU pages from page @at on. */
void va_window_clear(struct va_window *window, unsigned int at, unsigned int count);
/* Let the kernel take other pages for the memory of BO @bo, with new content.  Not for GTT. */
void va_window_change(struct va_window *window, int bo);
/*
 * The GPU reads every mapped page, and stores new content to it.  Asserts that it reads the right
 * pages, and that its stores change these pages and nothing else.
 */
void va_window_check(struct va_window *window);

#endif
