// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"

#include "lib/igt_time.h"
#include "lib/igt_undo.h"

/* The most changes at a time. Most tests make less than ten; fault injection makes the most. */
enum { MAX_ENTRIES = 64 };

/*
 * How long the guard waits for the children of a program that has ended, and how long it tries to
 * undo something that is in use, such as the cgroup of a process that is about to end.
 */
#define GUARD_MS igt_patience(60000)

enum state {
	FREE,
	FILLING, /* a process writes the entry, and has not made its change yet */
	READY,
	RUNNING, /* a process undoes it */
};

struct entry {
	_Atomic enum state state;
	unsigned int order; /* a later change has a larger number */
	bool for_program;   /* undo it when the program ends, not when the subtest ends */
	igt_undo_fn *run;
	char what[IGT_UNDO_TEXT], value[IGT_UNDO_TEXT];
};

static struct journal {
	pid_t program; /* the process that called igt_undo_init() */
	atomic_uint order;
	struct entry entries[MAX_ENTRIES];
} *journal;

/* ---- files of the kernel ---- */

/*
 * This does not call igt_sysfs_set(), because that function reports an error by igt_debug(), which
 * allocates memory.  put_back() also runs in the handler of a signal, which must not allocate
 * memory.
 */
static bool put_text(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const ssize_t len = strlen(text);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, len) == len;
	close(fd);
	return ok;
}

/* Read the value of a file: its first line, or the word in brackets. */
static bool get_text(const char *path, char *value)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *from, *to;
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, value, IGT_UNDO_TEXT - 1);
	close(fd);
	if (len <= 0)
		return false;
	value[len] = '\0';
	from = strchr(value, '[');
	to = from ? strchr(from, ']') : NULL;
	if (to) {
		*to = '\0';
		memmove(value, from + 1, to - from);
	}
	value[strcspn(value, "\n")] = '\0';
	return value[0];
}

/* A setting that cannot be written any more, because its module has gone, needs no undoing. */
static bool put_back(const char *what, const char *value)
{
	put_text(what, value);
	return true;
}

/* ---- entries ---- */

static struct entry *find(const char *what, bool for_program)
{
	for (int i = 0; i < MAX_ENTRIES; i++) {
		struct entry *entry = &journal->entries[i];

		if (entry->state == READY && entry->for_program == for_program &&
		    !strcmp(entry->what, what))
			return entry;
	}
	return NULL;
}

static bool claim(struct entry *entry, enum state from, enum state to)
{
	enum state expected = from;

	return atomic_compare_exchange_strong(&entry->state, &expected, to);
}

static void add(igt_undo_fn *run, const char *what, const char *value, bool for_program)
{
	igt_assert(journal);
	igt_assert(strlen(what) < IGT_UNDO_TEXT && strlen(value) < IGT_UNDO_TEXT);
	for (int i = 0; i < MAX_ENTRIES; i++) {
		struct entry *entry = &journal->entries[i];

		if (!claim(entry, FREE, FILLING))
			continue;
		entry->order = atomic_fetch_add(&journal->order, 1);
		entry->for_program = for_program;
		entry->run = run;
		strcpy(entry->what, what);
		strcpy(entry->value, value);
		entry->state = READY;
		return;
	}
	igt_assert_f(false, "more than %d changes to the machine\n", MAX_ENTRIES);
}

static bool undo(struct entry *entry, enum state from)
{
	bool done;

	if (!claim(entry, from, RUNNING))
		return true; /* another thread undoes it */
	done = entry->run(entry->what, entry->value);
	entry->state = done ? FREE : READY;
	return done;
}

/* The last of the changes that are in one of two states and older than @before. */
static struct entry *last(enum state one, enum state two, bool program_too, unsigned int before)
{
	struct entry *found = NULL;

	for (int i = 0; i < MAX_ENTRIES; i++) {
		struct entry *entry = &journal->entries[i];
		const enum state state = entry->state;

		if ((state == one || state == two) && (program_too || !entry->for_program) &&
		    entry->order < before && (!found || entry->order > found->order))
			found = entry;
	}
	return found;
}

/*
 * Undo the entries that are READY or in the state @abandoned, the last change first. Returns
 * whether nothing is left to undo.
 */
static bool undo_all(bool program_too, enum state abandoned)
{
	unsigned int before = ~0u;
	bool all = true;
	struct entry *entry;

	while ((entry = last(READY, abandoned, program_too, before))) {
		before = entry->order;
		all &= undo(entry, entry->state);
	}
	return all;
}

/* ---- the journal of a program ---- */

static bool is_program(void)
{
	return journal && journal->program == getpid();
}

/* IGT calls this at the end of the program, and in the handler of a signal that ends it. */
static void at_exit(int sig)
{
	/*
	 * A child inherits this handler by fork(), but must undo nothing, because the program goes
	 * on.
	 */
	if (is_program())
		undo_all(true, READY);
}

/* The descriptors of the guard. */
enum {
	PROGRAM, /* a pidfd */
	ALIVE,	 /* a pipe: the program and its children have the other end open, until they end */
};

/*
 * The guard calls this when the program has ended.  Undo all changes, and repeat that as long as
 * children of the program live, because they may make more changes.
 */
static void undo_all_of_the_dead(void)
{
	const uint64_t deadline = igt_now_ms() + GUARD_MS;
	struct pollfd alive = { .fd = ALIVE };
	bool ended, all;

	do {
		ended = poll(&alive, 1, 10) == 1;
		/* Also undo the entries that the program had begun to undo when it ended. */
		all = undo_all(true, RUNNING);
	} while (!(ended && all) && igt_now_ms() < deadline);
}

/*
 * The guard waits until the program has ended, whatever ended it, and undoes the changes that the
 * program has left.  The wait has no deadline, because the program may be a soak of hours.
 */
static void __attribute__((noreturn)) guard(int program, int alive)
{
	const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };
	struct pollfd end = { .fd = PROGRAM, .events = POLLIN };

	/* Move the descriptors away first, so that dup2() closes none of them. */
	program = fcntl(program, F_DUPFD, 3);
	alive = fcntl(alive, F_DUPFD, 3);
	dup2(program, PROGRAM);
	dup2(alive, ALIVE);

	/*
	 * Leave the program's process group, because a runner kills the group.  Close all files,
	 * because a runner reads the program's output until no process has the output open.
	 */
	setsid();
	close_range(ALIVE + 1, ~0u, 0);
	prctl(PR_SET_NAME, "igt_undo");
	for (unsigned int i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		;
	undo_all_of_the_dead();
	_exit(0);
}

/* Start the guard.  It is no child of the program, so the program never waits for it. */
static void start_guard(void)
{
	const int program = syscall(SYS_pidfd_open, getpid(), 0);
	int alive[2], status;
	pid_t pid;

	igt_assert_fd(program);
	igt_assert_eq(pipe2(alive, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			guard(program, alive[0]);
		_exit(pid < 0);
	}
	close(program);
	close(alive[0]); /* the other end stays open until the program and its children end */
	igt_assert_lt(0, pid);
	igt_assert(waitpid(pid, &status, 0) == pid);
	igt_assert_eq(status, 0);
}

void igt_undo_init(void)
{
	void *shared;

	if (journal)
		return;
	shared = mmap(NULL, sizeof(*journal), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	igt_assert(shared != MAP_FAILED);
	journal = shared;
	journal->program = getpid();
	start_guard();
	igt_install_exit_handler(at_exit);
}

/*
 * Returns whether the journal has a change of the file.  If so, @old gets the value before that
 * change.  Another process may undo the entry during the copy, and a third process may take the
 * entry for another file.  So look for the entry again after the copy, and compare its order.
 */
static bool noted(const char *path, bool for_program, char *old)
{
	const struct entry *entry = find(path, for_program);
	unsigned int order;

	if (!entry)
		return false;
	order = entry->order;
	memcpy(old, entry->value, IGT_UNDO_TEXT);
	return find(path, for_program) == entry && entry->order == order;
}

static bool set(const char *path, const char *value, bool for_program)
{
	char old[IGT_UNDO_TEXT];
	bool is_new;

	igt_assert(journal);
	is_new = !noted(path, for_program, old);
	if (is_new) {
		if (!get_text(path, old))
			return false;
		add(put_back, path, old, for_program);
	}
	if (!put_text(path, value)) {
		struct entry *entry = is_new ? find(path, for_program) : NULL;

		if (entry)
			claim(entry, READY, FREE);
		return false;
	}
	/*
	 * This process may be a child.  If the program has ended meanwhile, it may have undone the
	 * entry before this process wrote the value.  Make a new entry in that case, so that the
	 * guard undoes the change again.
	 */
	if (!find(path, for_program))
		add(put_back, path, old, for_program);
	return true;
}

bool igt_undo_set(const char *path, const char *value)
{
	return set(path, value, false);
}

bool igt_undo_set_for_program(const char *path, const char *value)
{
	return set(path, value, true);
}

void igt_undo_later(igt_undo_fn *run, const char *what, const char *value)
{
	igt_assert(journal);
	if (!find(what, false))
		add(run, what, value ? value : "", false);
}

void igt_undo_now(const char *what)
{
	struct entry *entry = journal ? find(what, false) : NULL;

	if (entry)
		undo(entry, READY);
}

void igt_undo_all_by(igt_undo_fn *run)
{
	for (int i = 0; journal && i < MAX_ENTRIES; i++) {
		struct entry *entry = &journal->entries[i];

		if (entry->state == READY && entry->run == run)
			undo(entry, READY);
	}
}

void igt_undo_subtest(void)
{
	if (is_program())
		undo_all(false, READY);
}
