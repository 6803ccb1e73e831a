// SPDX-License-Identifier: MIT
/*
 * A FUSE file system with one file.  It speaks the protocol of include/uapi/linux/fuse.h without
 * libfuse, because only four requests need an answer with content: INIT, GETATTR, OPEN and READ
 * (Documentation/filesystems/fuse/fuse.rst).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/fuse.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_sysfs.h"

#include "lib/igt_fuse.h"
#include "lib/igt_procfs.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

/* Larger than anything that a test reads, so that no test meets the end of the file. */
#define FILE_SIZE (1ull << 40)

/*
 * The server answers after this time even without permission, because a test that fails gives no
 * permission, and the restore worker would wait for the page for ever.  No passing test holds a
 * page for so long: amd_userptr_hostile holds one while its bystander does twelve tasks, each of
 * which takes at most two seconds.
 */
#define ANSWER_MS igt_patience(40000)

/* The time in ms after which the server looks again whether the test has ended. */
enum { LOOK_MS = 100 };

enum { FILE_MODE = S_IFREG | 0600, MAX_READ = 1 << 16, BLOCK = 4096 };

struct server {
	int dev, arrived, go;
	int program;	   /* /proc/.../stat of the test; -1: the server is a thread of the test */
	atomic_uint *late; /* as in struct igt_fuse */
	char request[FUSE_MIN_READ_BUFFER + MAX_READ];
	char answer[sizeof(struct fuse_out_header) + MAX_READ];
};

static int reply(struct server *server, uint64_t unique, int error, size_t size)
{
	struct fuse_out_header *out = (void *)server->answer;

	out->len = sizeof(*out) + size;
	out->error = error;
	out->unique = unique;
	return write(server->dev, server->answer, out->len) < 0 ? -errno : 0;
}

/*
 * Wait for the permission to answer; false: it did not come in time.
 *
 * The server ends when the test ends.  The server looks for that in /proc, because the end of the
 * socket would come too late.  When the test exits, the kernel closes the test's files one after
 * the other, and the close of the FUSE file waits for an answer of the server (FUSE_FLUSH).  The
 * kernel puts off the close of the socket until all files are closed.
 */
static bool wait_for_go(struct server *server)
{
	const uint64_t deadline = igt_now_ms() + ANSWER_MS;
	struct pollfd go = { .fd = server->go, .events = POLLIN };
	int ready;

	do {
		ready = poll(&go, 1, LOOK_MS);
		if (server->program >= 0 && igt_procfs_task_exits(server->program))
			_exit(0);
	} while (ready != 1 && igt_now_ms() < deadline);
	return ready == 1;
}

/* Tell the test that the kernel wants a page, then wait for the permission to answer. */
static size_t answer_read(struct server *server, const struct fuse_read_in *in, void *body)
{
	struct pollfd go = { .fd = server->go, .events = POLLIN };
	size_t size = in->size < MAX_READ ? in->size : MAX_READ;
	char byte = 0;
	bool may;

	memset(body, 0, size);
	/* Drop a permission that came after ANSWER_MS: the test gave it for the previous page. */
	while (poll(&go, 1, 0) == 1 && read(server->go, &byte, 1) == 1)
		;
	if (write(server->arrived, &byte, 1) != 1)
		_exit(1);
	may = wait_for_go(server);
	/* The end of the socket means that the test process has ended. */
	if (may && read(server->go, &byte, 1) != 1)
		_exit(0);
	*server->late += !may;
	return size;
}

static void serve(struct server *server)
{
	const struct fuse_in_header *in = (void *)server->request;
	void *body = server->answer + sizeof(struct fuse_out_header);
	const struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		/*
		 * @max_readahead stays 0, so the kernel asks for no page before a thread needs it.
		 */
		.max_write = BLOCK,
	};
	const struct fuse_attr_out attr = {
		.attr_valid = UINT32_MAX,
		.attr = { .ino = FUSE_ROOT_ID,
			  .size = FILE_SIZE,
			  .mode = FILE_MODE,
			  .nlink = 1,
			  .blksize = BLOCK },
	};
	const struct fuse_open_out opened = { .open_flags = FOPEN_KEEP_CACHE };
	size_t size = 0;
	int error = 0;

	switch (in->opcode) {
	case FUSE_INIT:
		memcpy(body, &init, size = sizeof(init));
		break;
	case FUSE_GETATTR:
		memcpy(body, &attr, size = sizeof(attr));
		break;
	case FUSE_OPEN:
		memcpy(body, &opened, size = sizeof(opened));
		break;
	case FUSE_READ:
		size = answer_read(server, (const void *)(in + 1), body);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return; /* the protocol has no answer to these requests */
	case FUSE_DESTROY:
		_exit(0);
	default:
		error = -ENOSYS;
	}
	reply(server, in->unique, error, size);
}

static void serve_all(struct server *server)
{
	for (;;) {
		ssize_t len = read(server->dev, server->request, sizeof(server->request));

		if (len >= (ssize_t)sizeof(struct fuse_in_header))
			serve(server);
		else if (len >= 0 || (errno != EINTR && errno != EAGAIN && errno != ENOENT))
			return; /* ENODEV: the file is unmounted */
	}
}

static void run_server(atomic_uint *late, int dev, int arrived, int go, int program)
{
	static struct server server;
	enum { FIRST = 3, COUNT = 4 };
	int fds[COUNT] = { dev, arrived, go, program };

	/*
	 * Close all other descriptors that the server inherits from the test, because an open
	 * /dev/kfd would keep KFD's process alive. First move the four that the server needs to
	 * higher numbers, so that dup2() closes none of them.
	 */
	for (int i = 0; i < COUNT; i++)
		fds[i] = fcntl(fds[i], F_DUPFD, FIRST + COUNT);
	for (int i = 0; i < COUNT; i++)
		dup2(fds[i], FIRST + i);
	close_range(FIRST + COUNT, ~0u, 0);
	server.dev = FIRST;
	server.arrived = FIRST + 1;
	server.go = FIRST + 2;
	server.program = FIRST + 3;
	server.late = late;
	serve_all(&server);
	_exit(0);
}

static void *run_thread(void *data)
{
	serve_all(data);
	return NULL;
}

/* Start the server as a thread, which ends with its process. */
static int start_thread(atomic_uint *late, int dev, int arrived, int go)
{
	static struct server server;
	pthread_t thread;

	server.dev = dev;
	server.arrived = arrived;
	server.go = go;
	server.program = -1;
	server.late = late;
	return -pthread_create(&thread, NULL, run_thread, &server);
}

static int mount_file(int dev, const char *path)
{
	char options[128];

	snprintf(options, sizeof(options), "fd=%d,rootmode=%o,user_id=%u,group_id=%u", dev,
		 (unsigned int)FILE_MODE, getuid(), getgid());
	return mount("amd_userptr", path, "fuse", MS_NOSUID | MS_NODEV, options) ? -errno : 0;
}

static int start_server(struct igt_fuse *fuse, bool inside, int dev, int arrived, int go)
{
	int program, ret = 0;

	if (inside)
		return start_thread(fuse->late, dev, arrived, go);
	program = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	if (program < 0)
		return -errno;
	fuse->server = fork();
	if (fuse->server == 0)
		run_server(fuse->late, dev, arrived, go, program);
	if (fuse->server < 0)
		ret = -errno;
	close(program);
	return ret;
}

/* The journal calls this at the end of mount_and_open(), or earlier if the process is killed. */
static bool remove_mount(const char *what, const char *value)
{
	umount2(what, MNT_DETACH);
	unlink(what);
	return true;
}

/*
 * Mount the file, start the server and open the file.  The server has to run before open(), because
 * open() waits for its answer.  No code uses the path after open(), so remove the path.
 */
static int mount_and_open(struct igt_fuse *fuse, bool inside, int dev, int arrived, int go)
{
	char path[] = "/tmp/amd_userptr-XXXXXX";
	int fd = mkstemp(path), ret;
	struct stat st;

	if (fd < 0)
		return -errno;
	close(fd);
	igt_undo_later(remove_mount, path, NULL);
	ret = mount_file(dev, path);
	if (!ret) {
		ret = start_server(fuse, inside, dev, arrived, go);
		fuse->file = ret ? -1 : open(path, O_RDONLY | O_CLOEXEC);
		/*
		 * fstat() makes the kernel ask the server for the size.  The minor number of st_dev
		 * is the number of the FUSE connection.
		 */
		if (!ret && (fuse->file < 0 || fstat(fuse->file, &st)))
			ret = -errno;
		else if (!ret)
			fuse->connection = minor(st.st_dev);
	}
	igt_undo_now(path);
	return ret;
}

/* Make the pipe for requests that have arrived, and the sockets that let the server go on. */
static int connect_server(int arrived[2], int go[2])
{
	int ret;

	if (pipe2(arrived, O_CLOEXEC))
		return -errno;
	if (!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go))
		return 0;
	ret = -errno;
	close(arrived[0]);
	close(arrived[1]);
	return ret;
}

static int start(struct igt_fuse *fuse, bool inside)
{
	int dev = open("/dev/fuse", O_RDWR | O_CLOEXEC), arrived[2], go[2], ret;
	void *late;

	memset(fuse, 0, sizeof(*fuse));
	fuse->file = fuse->arrived = fuse->go = -1;
	if (dev < 0)
		return -errno;
	late = mmap(NULL, sizeof(*fuse->late), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	if (late == MAP_FAILED) {
		ret = -errno;
		close(dev);
		return ret;
	}
	ret = connect_server(arrived, go);
	if (ret) {
		munmap(late, sizeof(*fuse->late));
		close(dev);
		return ret;
	}
	fuse->late = late;
	fuse->arrived = arrived[0];
	fuse->go = go[1];
	ret = mount_and_open(fuse, inside, dev, arrived[1], go[0]);
	if (!inside) {
		close(dev);
		close(arrived[1]);
		close(go[0]);
	}
	if (ret)
		igt_fuse_stop(fuse);
	return ret;
}

int __igt_fuse_start(struct igt_fuse *fuse)
{
	return start(fuse, false);
}

int __igt_fuse_start_inside(struct igt_fuse *fuse)
{
	return start(fuse, true);
}

#define CONNECTIONS "/sys/fs/fuse/connections"

static bool unmount_connections(const char *what, const char *value)
{
	umount2(what, MNT_DETACH);
	return true;
}

void igt_fuse_abort(unsigned int connection)
{
	char path[64];

	snprintf(path, sizeof(path), CONNECTIONS "/%u/abort", connection);
	/* systemd mounts this file system, but other init systems may not. */
	if (access(path, W_OK)) {
		igt_undo_later(unmount_connections, CONNECTIONS, NULL);
		mount("none", CONNECTIONS, "fusectl", 0, NULL);
	}
	igt_sysfs_set(AT_FDCWD, path, "1");
	igt_undo_now(CONNECTIONS);
}

/* The kernel unmounts the file system when no process has the file open or maps a page of it. */
void igt_fuse_stop(struct igt_fuse *fuse)
{
	/* A struct of zeros was never started, so descriptor 0 is not the server's. */
	if (!fuse->late)
		return;
	if (fuse->server > 0) {
		kill(fuse->server, SIGKILL);
		waitpid(fuse->server, NULL, 0);
	}
	for (int i = 0; i < 3; i++) {
		int fd = (int[]){ fuse->file, fuse->arrived, fuse->go }[i];

		if (fd >= 0)
			close(fd);
	}
	munmap(fuse->late, sizeof(*fuse->late));
	memset(fuse, 0, sizeof(*fuse));
	fuse->file = fuse->arrived = fuse->go = -1;
}

bool igt_fuse_asked(struct igt_fuse *fuse, unsigned int timeout_ms)
{
	struct pollfd pfd = { .fd = fuse->arrived, .events = POLLIN };
	char byte;

	fuse->late_before = *fuse->late;
	return poll(&pfd, 1, timeout_ms) == 1 && read(fuse->arrived, &byte, 1) == 1;
}

bool igt_fuse_waits(struct igt_fuse *fuse)
{
	return *fuse->late == fuse->late_before;
}

void igt_fuse_answer(struct igt_fuse *fuse)
{
	/*
	 * send() fails when the server has ended.  The kernel has aborted the request in that case,
	 * so no task waits for the answer.  MSG_NOSIGNAL: the failure must not end the test by
	 * SIGPIPE.
	 */
	if (send(fuse->go, "", 1, MSG_NOSIGNAL) != 1)
		return;
}
