// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/kernel-page-flags.h>

#include "igt.h"

#include "lib/igt_procfs.h"

/* Room for the largest file that tests read, /proc/vmstat with some 200 lines. */
#define VMSTAT_BYTES 16384

unsigned long long igt_procfs_number(const char *path, const char *word)
{
	char text[VMSTAT_BYTES], *found;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = 0, got;

	if (fd < 0)
		return 0;
	while (len < (ssize_t)sizeof(text) - 1 &&
	       (got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += got;
	close(fd);
	text[len] = '\0';
	for (found = text; (found = strstr(found, word)); found++) {
		if (found == text || found[-1] == '\n')
			return strtoull(found + strlen(word), NULL, 10);
	}
	return 0;
}

uint64_t __igt_procfs_pfn(int pagemap, const void *addr)
{
	/* Documentation/admin-guide/mm/pagemap.rst: bits 0-54 pfn, 63 present. */
	const uint64_t pfn_mask = (1ull << 55) - 1, present = 1ull << 63;
	off_t offset = (uintptr_t)addr / getpagesize() * sizeof(uint64_t);
	uint64_t entry;

	if (pread(pagemap, &entry, sizeof(entry), offset) != sizeof(entry))
		return 0;
	return entry & present ? entry & pfn_mask : 0;
}

uint64_t igt_procfs_pfn(const void *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t pfn;

	igt_assert_fd(fd);
	pfn = __igt_procfs_pfn(fd, addr);
	close(fd);
	return pfn;
}

static void take_smaps(struct igt_procfs_smaps *smaps, const char *line)
{
	unsigned long long kib;

	if (sscanf(line, "Rss: %llu", &kib) == 1)
		smaps->rss = kib;
	else if (sscanf(line, "Shared_Dirty: %llu", &kib) == 1 ||
		 sscanf(line, "Private_Dirty: %llu", &kib) == 1)
		smaps->dirty += kib;
	else if (sscanf(line, "LazyFree: %llu", &kib) == 1)
		smaps->lazyfree = kib;
	else if (sscanf(line, "AnonHugePages: %llu", &kib) == 1 ||
		 sscanf(line, "ShmemPmdMapped: %llu", &kib) == 1 ||
		 sscanf(line, "FilePmdMapped: %llu", &kib) == 1)
		smaps->huge += kib;
}

/* Read a file line by line without a stream of the C library, which would allocate memory. */
struct lines {
	int fd;
	size_t len, at;
	char text[4096];
};

/* The next line, without its newline; NULL at the end of the file. */
static char *next_line(struct lines *lines)
{
	char *end = memchr(lines->text + lines->at, '\n', lines->len - lines->at), *line;
	ssize_t got;

	if (!end) {
		lines->len -= lines->at;
		memmove(lines->text, lines->text + lines->at, lines->len);
		lines->at = 0;
		got = read(lines->fd, lines->text + lines->len, sizeof(lines->text) - lines->len);
		if (got <= 0)
			return NULL;
		lines->len += got;
		return next_line(lines);
	}
	*end = '\0';
	line = lines->text + lines->at;
	lines->at = end + 1 - lines->text;
	return line;
}

int __igt_procfs_smaps(const void *addr, struct igt_procfs_smaps *smaps)
{
	struct lines lines = { .fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC) };
	unsigned long start, end;
	bool here = false, found = false;
	char *line;

	memset(smaps, 0, sizeof(*smaps));
	if (lines.fd < 0)
		return -errno;
	while ((line = next_line(&lines))) {
		/* A mapping's first line begins with its addresses. */
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
			here = start <= (uintptr_t)addr && (uintptr_t)addr < end;
			found |= here;
		} else if (here) {
			take_smaps(smaps, line);
		}
	}
	close(lines.fd);
	return found ? 0 : -ENOENT;
}

int __igt_procfs_pages_in_swap_cache(void *cpu, size_t size)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	int count = pagemap < 0 || kpageflags < 0 ? -EACCES : 0;
	uint64_t pfn, flags;

	for (size_t at = 0; at < size && count >= 0; at += getpagesize()) {
		pfn = __igt_procfs_pfn(pagemap, (char *)cpu + at);
		if (!pfn)
			continue;
		if (pread(kpageflags, &flags, sizeof(flags), pfn * sizeof(flags)) != sizeof(flags))
			count = -EIO;
		else
			count += (flags >> KPF_SWAPCACHE) & 1;
	}
	if (pagemap >= 0)
		close(pagemap);
	if (kpageflags >= 0)
		close(kpageflags);
	return count;
}

/*
 * Read /proc/.../stat.  Returns the text behind the thread's name, which is in parentheses and may
 * contain anything (Documentation/filesystems/proc.rst); NULL when the thread has gone.
 */
static const char *read_stat(int stat, char *text, size_t size)
{
	ssize_t len = pread(stat, text, size - 1, 0);
	char *name_end;

	if (len <= 0)
		return NULL;
	text[len] = '\0';
	name_end = strrchr(text, ')');
	return name_end && name_end[1] == ' ' ? name_end + 2 : NULL;
}

char igt_procfs_task_state(int stat)
{
	char text[512];
	const char *state = read_stat(stat, text, sizeof(text));

	return state ? *state : 0;
}

bool igt_procfs_task_exits(int stat)
{
	const unsigned int exiting = 0x4; /* PF_EXITING of include/linux/sched.h */
	const char *rest;
	unsigned int flags;
	char text[512];

	rest = read_stat(stat, text, sizeof(text));
	return !rest || sscanf(rest, "%*c %*d %*d %*d %*d %*d %u", &flags) != 1 || flags & exiting;
}
