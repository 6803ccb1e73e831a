// SPDX-License-Identifier: MIT
/* Tests options and exit status of the program vgpu.  The argument is the path of vgpu. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/vfio_user_proto.h"
#include "socket_client.h"
#include "test.h"

enum {
	DEADLINE_S = 60,
	MAX_OUTPUT = 4096,
	VRAM_REGION = 0,
	MMIO_REGION = 5,
	NO_REGISTER = 0x7fffc, /* the last dword of the BAR, which no block of the model owns */
};

struct program {
	pid_t pid;
	int out; /* pipe from which the test reads the program's stdout and stderr */
};

static const char *vgpu;
static char dir[] = "/tmp/test_program.XXXXXX";

static void start(struct program *p, char *const *args)
{
	int fds[2];

	t_equal(pipe2(fds, O_CLOEXEC), 0);
	p->pid = fork();
	if (!p->pid) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		execv(vgpu, args);
		_exit(127);
	}
	close(fds[1]);
	p->out = fds[0];
}

/* Wait for the end of the program.  Returns its exit status, and its output in @output. */
static int finish(const struct program *p, char *output)
{
	size_t len = 0;
	ssize_t n;
	int status;

	while ((n = read(p->out, output + len, MAX_OUTPUT - 1 - len)) > 0)
		len += n;
	output[len] = '\0';
	close(p->out);
	t_equal(waitpid(p->pid, &status, 0), p->pid);
	t_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define RUN(output, ...) run((char *const[]){ (char *)"vgpu", __VA_ARGS__, NULL }, output)

static int run(char *const *args, char *output)
{
	struct program p;

	start(&p, args);
	return finish(&p, output);
}

static char *in_dir(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void options_are_checked(void)
{
	char output[MAX_OUTPUT];

	t_equal(RUN(output, (char *)"--help"), 0);
	t_assert(strstr(output, "--write-images DIR"));
	t_equal(RUN(output, (char *)"--version"), 0);
	t_assert(!strncmp(output, "vgpu ", 5));
	t_equal(RUN(output, (char *)"--frobnicate"), 1);
	t_equal(RUN(output, (char *)"--trace", (char *)"/dev/null"), 1);
	t_assert(strstr(output, "Usage"));
	t_equal(RUN(output, (char *)"--socket", (char *)"x", (char *)"--seed", (char *)"1x"), 1);
	t_assert(strstr(output, "bad seed '1x'"));
	t_equal(RUN(output, (char *)"--socket", (char *)"x", (char *)"--preempt-steps",
		    (char *)"-1"),
		1);
	t_assert(strstr(output, "bad number of steps '-1'"));
	t_equal(RUN(output, (char *)"--socket", (char *)"x", (char *)"--flush-steps",
		    (char *)"99999999"),
		1);
	t_assert(strstr(output, "bad number of steps '99999999'"));
	t_equal(RUN(output, (char *)"--socket", (char *)"x", (char *)"--hdp-fifo", (char *)"1k"),
		1);
	t_assert(strstr(output, "bad number of bytes '1k'"));
	t_equal(RUN(output, (char *)"--socket", (char *)"x", (char *)"--xccs", (char *)"3"), 1);
	t_assert(strstr(output, "bad number of XCCs '3'"));
	t_equal(RUN(output, (char *)"--socket", (char *)"x", (char *)"--xccs", (char *)"0"), 1);
	t_assert(strstr(output, "at least one XCC"));
	t_equal(RUN(output, (char *)"--socket", (char *)"x", (char *)"y"), 1);
	t_equal(RUN(output, (char *)"--socket", (char *)"/no/such/dir/x"), 1);
	t_assert(strstr(output, "/no/such/dir/x: No such file or directory"));
	t_equal(RUN(output, (char *)"--write-images", (char *)"/dev/null"), 1);
	t_assert(strstr(output, "cannot write images to /dev/null"));
}

static void faults_are_listed_and_checked(void)
{
	char output[MAX_OUTPUT];

	t_equal(RUN(output, (char *)"--fault", (char *)"help"), 0);
	t_assert(strstr(output, "fail-preempt"));
	t_assert(strstr(output, "no-tlb-flush"));
	t_equal(RUN(output, (char *)"--socket", (char *)"/no/such/dir/x", (char *)"--fault",
		    (char *)"nonsense"),
		1);
	t_assert(strstr(output, "no such fault 'nonsense'"));
	t_equal(RUN(output, (char *)"--socket", (char *)"/no/such/dir/x", (char *)"--fault",
		    (char *)"bus-error:x=1"),
		1);
	t_assert(strstr(output, "bad arguments of fault 'bus-error:x=1'"));
	t_equal(RUN(output, (char *)"--socket", (char *)"/no/such/dir/x", (char *)"--fault",
		    (char *)"bus-error:count=2", (char *)"--lockstep"),
		1);
	t_assert(strstr(output, "No such file or directory"));
}

/*
 * Start a program with a trace and @option, which may be NULL, and connect a client that has
 * negotiated the version.
 */
static int start_with_option(struct program *p, char *option, char *value)
{
	char socket[64], trace[64];
	int sock;

	strcpy(socket, in_dir("socket"));
	strcpy(trace, in_dir("trace"));
	start(p, (char *const[]){ (char *)"vgpu", (char *)"--socket", socket, (char *)"--trace",
				  trace, (char *)"--seed", (char *)"7", option, value, NULL });
	sock = socket_connect(socket);
	socket_negotiate(sock);
	return sock;
}

static int start_with_client(struct program *p)
{
	return start_with_option(p, NULL, NULL);
}

static void trace_contains(const char *needle)
{
	static char text[1 << 20];
	int fd = open(in_dir("trace"), O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	t_assert(n > 0);
	text[n] = '\0';
	t_assert(strstr(text, needle));
	close(fd);
	t_equal(unlink(in_dir("trace")), 0);
}

/*
 * The filter asks for events that do not exist, so the trace has no event, not even the event
 * "reset" of the model's start.
 */
static void trace_can_be_filtered(void)
{
	char socket[64], trace[64], output[MAX_OUTPUT];
	struct program p;
	FILE *f;

	strcpy(socket, in_dir("socket"));
	strcpy(trace, in_dir("trace"));
	start(&p,
	      (char *const[]){ (char *)"vgpu", (char *)"--socket", socket, (char *)"--trace", trace,
			       (char *)"--trace-filter", (char *)"no-such,neither", NULL });
	close(socket_connect(socket));
	t_equal(finish(&p, output), 0);
	f = fopen(trace, "r");
	t_assert(f);
	while (fgets(output, sizeof(output), f))
		t_assert(strncmp(output, "t=", 2)); /* only the verdict may be there, no event */
	fclose(f);
	t_equal(unlink(trace), 0);
}

static void orderly_end_is_success(void)
{
	char output[MAX_OUTPUT];
	struct program p;

	close(start_with_client(&p));
	t_equal(finish(&p, output), 0);
	t_assert(!strcmp(output, "vgpu: oracle: silent, the guest reported no pages\n"));
	trace_contains("oracle: silent");
}

static void protocol_error_is_told(void)
{
	char output[MAX_OUTPUT];
	struct program p;
	int sock = start_with_client(&p);

	socket_send(sock, 1000, NULL, 0, NULL, 0);
	t_equal(socket_receive(sock, NULL, 0, NULL), ENOTSUP);
	t_equal(finish(&p, output), 2);
	t_assert(strstr(output, "protocol error: unknown command 1000"));
	close(sock);
	t_equal(unlink(in_dir("trace")), 0);
}

static void stop_of_the_gpu_is_told_and_closes_the_connection(void)
{
	struct vfio_user_region_access access = { NO_REGISTER, MMIO_REGION, 4 };
	char output[MAX_OUTPUT];
	struct program p;
	int sock = start_with_client(&p);

	socket_send(sock, VFIO_USER_REGION_READ, &access, sizeof(access), NULL, 0);
	t_equal(socket_receive(sock, NULL, 0, NULL), -1);
	t_equal(finish(&p, output), 3);
	t_assert(strstr(output, "vgpu: stopped: read of unknown register"));
	close(sock);
	trace_contains("stopped: read of unknown register");
}

/* With --hdp-fifo the model holds writes, and the client cannot map the VRAM BAR. */
static void writes_are_held_with_hdp_fifo(void)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = VRAM_REGION };
	struct {
		struct vfio_user_region_access access;
		uint32_t data;
	} __attribute__((packed)) body = { { 0x1000, VRAM_REGION, 4 }, 0xabcd1234 };
	char output[MAX_OUTPUT];
	struct program p;
	int sock = start_with_option(&p, (char *)"--hdp-fifo", (char *)"4096");

	socket_send(sock, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info), NULL, 0);
	t_equal(socket_receive(sock, &info, sizeof(info), NULL), 0);
	t_equal(info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	socket_send(sock, VFIO_USER_REGION_WRITE, &body, sizeof(body), NULL, 0);
	t_equal(socket_receive(sock, &body.access, sizeof(body.access), NULL), 0);
	body.data = 0;
	socket_send(sock, VFIO_USER_REGION_READ, &body.access, sizeof(body.access), NULL, 0);
	t_equal(socket_receive(sock, &body, sizeof(body), NULL), 0);
	t_equal(body.data, 0xabcd1234);
	close(sock);
	t_equal(finish(&p, output), 0);
	trace_contains("hdp-drain by=read writes=1");
}

static void sigterm_flushes_the_trace(void)
{
	char output[MAX_OUTPUT];
	struct program p;
	int sock = start_with_client(&p);

	t_equal(kill(p.pid, SIGTERM), 0);
	t_equal(finish(&p, output), 0);
	close(sock);
	trace_contains("reset");
}

int main(int argc, char **argv)
{
	t_equal(argc, 2);
	vgpu = argv[1];
	alarm(DEADLINE_S);
	t_assert(mkdtemp(dir));
	options_are_checked();
	faults_are_listed_and_checked();
	trace_can_be_filtered();
	orderly_end_is_success();
	protocol_error_is_told();
	stop_of_the_gpu_is_told_and_closes_the_connection();
	writes_are_held_with_hdp_fifo();
	sigterm_flushes_the_trace();
	t_equal(rmdir(dir), 0);
	return 0;
}
