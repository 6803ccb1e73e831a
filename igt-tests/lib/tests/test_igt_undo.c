// SPDX-License-Identifier: MIT
/*
 * Unit test of the journal of changes to the machine (igt_undo.h).  Files in a new directory take
 * the place of the kernel's settings, so the test needs neither a GPU nor root.
 *
 * The program starts itself with the subtest "busy", which changes the files all the time, and
 * kills that process at random times.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt.h"

#include "lib/igt_task.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

IGT_TEST_DESCRIPTION("Whatever ends a test, the settings of the machine are put back.");

/* How many processes to kill, each within MORE_US after it has begun. */
enum { KILLS = 50, MORE_US = 20000 };

/* The limit of a wait, in milliseconds. */
enum { WAIT_MS = 10000 };

/*
 * The process that the test will kill reads the directory from the first of these environment
 * variables.  The second one tells it to change the files without the journal.
 */
#define DIRECTORY "IGT_UNDO_DIRECTORY"
#define PLAINLY	  "IGT_UNDO_PLAINLY"

static const struct {
	const char *name, *text, *value; /* the whole file, and the part that is its value */
} settings[] = {
	{ "number", "20000\n", "20000" },
	{ "words", "always [madvise] never\n", "madvise" },
	{ "by-a-child", "1\n", "1" },
};
#define NUM_SETTINGS (sizeof(settings) / sizeof(settings[0]))

static char directory[64];

static const char *path(unsigned int i)
{
	static char paths[NUM_SETTINGS][128];

	snprintf(paths[i], sizeof(paths[i]), "%s/%s", directory, settings[i].name);
	return paths[i];
}

static void read_file(unsigned int i, char text[64])
{
	const int fd = open(path(i), O_RDONLY | O_CLOEXEC);
	ssize_t len;

	igt_assert_fd(fd);
	len = read(fd, text, 63);
	igt_assert_lte(0, len);
	text[len] = '\0';
	close(fd);
}

/*
 * Does the file begin with @word?  A shorter value does not cut these files, so the end of a longer
 * text stays, which the kernel's files would not keep.
 */
static bool begins_with(unsigned int i, const char *word)
{
	char text[64];

	read_file(i, text);
	return !strncmp(text, word, strlen(word));
}

/* Has the file its value, either never changed or put back? */
static bool is_as_before(unsigned int i)
{
	return begins_with(i, settings[i].text) || begins_with(i, settings[i].value);
}

static bool all_as_before(void)
{
	for (unsigned int i = 0; i < NUM_SETTINGS; i++) {
		if (!is_as_before(i))
			return false;
	}
	return true;
}

static void make_files(void)
{
	for (unsigned int i = 0; i < NUM_SETTINGS; i++) {
		const int fd = open(path(i), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		igt_assert_fd(fd);
		igt_assert_eq(write(fd, settings[i].text, strlen(settings[i].text)),
			      strlen(settings[i].text));
		close(fd);
	}
}

static void remove_files(void)
{
	for (unsigned int i = 0; i < NUM_SETTINGS; i++)
		unlink(path(i));
	rmdir(directory);
}

/* ---- one process ---- */

static void undo_at_the_end(void)
{
	make_files();
	igt_assert(igt_undo_set(path(0), "0    "));
	igt_assert(igt_undo_set(path(0), "7    "));
	igt_assert(igt_undo_set(path(1), "never"));
	igt_assert(begins_with(0, "7") && begins_with(1, "never"));
	igt_undo_subtest();
	igt_assert(all_as_before());
}

/*
 * The program changes a file, then a subtest changes it.  The end of the subtest undoes only the
 * later change.
 */
static void undo_two_levels(void)
{
	make_files();
	igt_assert(igt_undo_set_for_program(path(0), "00000"));
	igt_assert(igt_undo_set(path(0), "11111"));
	igt_undo_subtest();
	igt_assert(begins_with(0, "00000"));
	igt_undo_now(path(0));
	igt_assert(begins_with(0, "00000"));
}

static char order[8];

static bool note(const char *what, const char *value)
{
	strncat(order, what, sizeof(order) - strlen(order) - 1);
	return true;
}

static bool not_yet(const char *what, const char *value)
{
	note(what, value);
	return order[0] == what[0];
}

static void undo_backwards(void)
{
	order[0] = '\0';
	igt_undo_later(note, "a", NULL);
	igt_undo_later(not_yet, "b", NULL);
	igt_undo_later(note, "c", NULL);
	igt_undo_later(note, "c", NULL);
	igt_undo_later(note, "d", NULL);
	igt_undo_now("d");
	igt_assert(!strcmp(order, "d"));
	igt_undo_subtest();
	igt_assert_f(!strcmp(order, "dcba"), "%s\n", order);
	/* b was in use, so the journal tries again. */
	order[0] = '\0';
	igt_undo_subtest();
	igt_assert_f(!strcmp(order, "b"), "%s\n", order);
}

static bool other(const char *what, const char *value)
{
	return note(what, value);
}

/*
 * igt_undo_all_by() undoes only the changes of one function, each time that the test calls it.  The
 * end of the subtest undoes the rest.
 */
static void undo_by_function(void)
{
	for (int round = 0; round < 3; round++) {
		order[0] = '\0';
		igt_undo_later(note, "a", NULL);
		igt_undo_later(other, "b", NULL);
		igt_undo_later(note, "c", NULL);
		igt_undo_all_by(note);
		igt_assert_f(!strcmp(order, "ac") || !strcmp(order, "ca"), "%s\n", order);
		order[0] = '\0';
		igt_undo_all_by(note);
		igt_undo_subtest();
		igt_assert_f(!strcmp(order, "b"), "%s\n", order);
	}
}

static void refuse(void)
{
	igt_assert(!igt_undo_set("/proc/self/no-such-file", "1"));
	igt_assert(!igt_undo_set("/proc/self/maps", "1"));
	igt_undo_subtest();
}

/*
 * The program puts back the file that a killed child has changed.  The child's own call of
 * igt_undo_subtest() puts nothing back.
 */
static void undo_for_child(void)
{
	const pid_t pid = fork();
	int status;

	igt_assert_lte(0, pid);
	if (pid == 0) {
		igt_undo_set(path(2), "0");
		igt_undo_subtest();
		pause();
	}
	igt_assert(!igt_wait_pid(pid, &status, 1));
	while (is_as_before(2))
		igt_assert(!igt_wait_pid(pid, &status, 1));
	kill(pid, SIGKILL);
	igt_assert(igt_wait_pid(pid, &status, WAIT_MS));
	igt_assert(!is_as_before(2));
	igt_undo_subtest();
	igt_assert(all_as_before());
}

/* ---- processes that are killed ---- */

static bool change(unsigned int i, const char *value)
{
	int fd;

	if (!getenv(PLAINLY))
		return igt_undo_set(path(i), value);
	fd = open(path(i), O_WRONLY | O_CLOEXEC);
	igt_assert_eq(write(fd, value, strlen(value)), strlen(value));
	close(fd);
	return true;
}

static void change_in_child(void)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		change(2, "0");
		_exit(0);
	}
	igt_assert(igt_wait_pid(pid, &status, WAIT_MS));
}

/* Change the files and put them back, until another subtest kills this process. */
static void be_busy(void)
{
	igt_require_f(getenv(DIRECTORY), "for \"killed\" only\n");
	snprintf(directory, sizeof(directory), "%s", getenv(DIRECTORY));
	igt_undo_init();
	for (;;) {
		igt_assert(change(0, "1000 "));
		igt_assert(change(1, "never  "));
		igt_assert(change(0, "5    "));
		change_in_child();
		igt_pause();
		igt_undo_subtest();
	}
}

static pid_t start_busy(bool plainly)
{
	const pid_t pid = fork();
	int null;

	igt_assert_lte(0, pid);
	if (pid)
		return pid;
	null = open("/dev/null", O_WRONLY);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	setenv(DIRECTORY, directory, 1);
	if (plainly)
		setenv(PLAINLY, "1", 1);
	execl("/proc/self/exe", "test_igt_undo", "--run-subtest", "busy", NULL);
	_exit(1);
}

/*
 * Wait until the child and the guard of a killed process have ended.  They have become children of
 * this process, because it is a subreaper.  Until both have ended, an old value in a file may last
 * for a moment only, because the child may be about to change the file.  The next process would
 * take the changed value for the old one.
 */
static void wait_for_rest(void)
{
	const uint64_t deadline = igt_now_ms() + igt_patience(WAIT_MS);
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		igt_assert_f(igt_now_ms() < deadline, "a child or the guard does not end\n");
		if (!pid)
			igt_pause();
	}
	igt_assert_eq(errno, ECHILD);
}

/* Returns whether the process had changed a file when it was killed. */
static bool kill_one(int sig, unsigned int us, bool plainly)
{
	const struct timespec pause = { .tv_nsec = us * 1000 };
	const uint64_t deadline = igt_now_ms() + igt_patience(WAIT_MS);
	bool changed;
	int status;
	pid_t pid;

	igt_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid = start_busy(plainly);
	/*
	 * Call all_as_before() only once in each round of this loop.  A second call could have
	 * another result, because the process also puts the files back.
	 */
	while (!(changed = !all_as_before()) && igt_now_ms() < deadline)
		igt_pause();
	if (!changed)
		kill(pid, SIGKILL);
	igt_assert_f(changed, "the process has changed no file\n");
	nanosleep(&pause, NULL);
	/* Stop the process, so that it cannot change anything between the look and the kill. */
	kill(pid, SIGSTOP);
	igt_assert(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	changed = !all_as_before();
	kill(pid, sig);
	kill(pid, SIGCONT);
	igt_assert(igt_wait_pid(pid, &status, igt_patience(WAIT_MS)));
	igt_assert(!WIFEXITED(status) || WEXITSTATUS(status));
	wait_for_rest();
	/*
	 * Be no subreaper any more, because the guard of this process must not become its child:
	 * IGT asserts at the end that the process has no child.
	 */
	igt_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	return changed;
}

static void kill_many(void)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGINT, SIGSEGV, SIGHUP };
	unsigned int seed = 1, changed = 0;

	make_files();
	for (unsigned int i = 0; i < KILLS; i++) {
		const int sig = signals[i % (sizeof(signals) / sizeof(signals[0]))];

		changed += kill_one(sig, rand_r(&seed) % MORE_US, false);
		igt_assert_f(all_as_before(),
			     "process %u, killed by signal %d, left a changed file\n", i, sig);
	}
	igt_info("%u of %d processes were killed while a file was changed\n", changed, KILLS);
	igt_assert_lte(KILLS / 2, changed);
}

/*
 * Without the journal the same kill leaves a changed file.  This shows that the subtest killed
 * would notice such a file.
 */
static void kill_plain(void)
{
	make_files();
	igt_assert(kill_one(SIGKILL, MORE_US, true));
	igt_assert(!all_as_before());
}

int igt_main()
{
	igt_fixture() {
		if (!getenv(DIRECTORY)) {
			snprintf(directory, sizeof(directory), "/tmp/igt-undo-XXXXXX");
			igt_assert(mkdtemp(directory));
		}
	}

	igt_describe("Processes that are killed at random times leave all files as they were.");
	igt_subtest("killed")
		kill_many();

	igt_describe("A process without the journal leaves a file changed.");
	igt_subtest("killed-without-journal")
		kill_plain();

	igt_describe("Does nothing of its own: \"killed\" starts and kills it.");
	igt_subtest("busy")
		be_busy();

	igt_fixture() {
		/* A failed subtest above may have left this process a subreaper (kill_one()). */
		igt_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
		igt_undo_init();
	}

	igt_describe("A file has its old value after a subtest that has changed it twice.");
	igt_subtest("subtest")
		undo_at_the_end();

	igt_describe("The end of a subtest leaves the values of the program.");
	igt_subtest("two-levels")
		undo_two_levels();

	igt_describe("The journal undoes the last change first, and tries again where it fails.");
	igt_subtest("backwards")
		undo_backwards();

	igt_describe("A test undoes only the changes that one function undoes.");
	igt_subtest("by-function")
		undo_by_function();

	igt_describe("A file that cannot be written has no entry in the journal.");
	igt_subtest("refused")
		refuse();

	igt_describe("The program undoes the changes of a child that was killed.");
	igt_subtest("child") {
		make_files();
		undo_for_child();
	}

	igt_fixture() {
		if (!getenv(DIRECTORY))
			remove_files();
	}
}
