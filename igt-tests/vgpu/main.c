// SPDX-License-Identifier: MIT
/*
 * vgpu: a simulated GPU for QEMU's vfio-user-pci device.  This file parses the
 * options and connects the host with the model.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/images.h"
#include "host/server.h"
#include "vgpu.h"

enum {
	EXIT_USAGE = 1,
	EXIT_PROTOCOL = 2,
	EXIT_STOPPED = 3,
	EXIT_VIOLATIONS = 4,
};

static const char usage[] =
	"Usage: vgpu --socket PATH [OPTION]...\n"
	"       vgpu --write-images DIR [--xccs N]\n"
	"\n"
	"A simulated gfx942 GPU for QEMU's vfio-user-pci device.\n"
	"\n"
	"  --socket PATH       listen at PATH and serve one client\n"
	"  --trace FILE        write a trace of the GPU's work to FILE\n"
	"  --trace-filter LIST trace only events that begin with one of the prefixes in\n"
	"                      LIST, which have commas between them\n"
	"  --xccs N            compute dies (XCCs), 1 or 2 (default 1); also with --write-images\n"
	"  --seed N            seed of the engines' schedule (default 0)\n"
	"  --preempt-steps N   longest delay of a requested preemption, in steps\n"
	"                      (default 64)\n"
	"  --flush-steps N     steps a TLB flush takes at most (default 32)\n"
	"  --real-clock        the GPU's clock goes with the host's, not with virtual time\n"
	"  --no-pauses         the engines work whenever there is something to do\n"
	"  --hdp-fifo BYTES    hold so many bytes of the CPU's writes to VRAM back from the GPU\n"
	"                      until HDP is flushed or the CPU reads VRAM (default 0)\n"
	"  --default-page      let a user's queue go on after a GPU page fault, if the driver has\n"
	"                      enabled the default page: reads give zeros, writes are lost\n"
	"  --lockstep          step by the client's messages, not by the clock\n"
	"  --fault NAME[:KEY=NUMBER,...]  misbehave; can be given again; \"help\" lists\n"
	"                      the names\n"
	"  --write-images DIR  write the IP discovery binary and the firmware\n"
	"                      images that amdgpu loads to DIR/amdgpu\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 the client left in order, 1 usage or start-up, 2 protocol\n"
	"error, 3 the GPU stopped on something a GPU would not survive, 4 it accessed\n"
	"pages that were not its own.\n";

enum { MAX_FAULTS = 16, MAX_STEPS = 1 << 20, MAX_HDP_FIFO = 64 << 20 };

struct options {
	const char *socket, *trace, *images;
	struct vg_config config;
	bool lockstep;
	const char *fault[MAX_FAULTS];
	unsigned int num_faults;
};

/*
 * Parse @text as a number up to @max into @value.  Returns 0, or prints a message that names @what
 * and returns EXIT_USAGE.
 */
static int parse_number(const char *text, const char *what, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (!errno && end != text && !*end && *text != '-' && *value <= max)
		return 0;
	fprintf(stderr, "vgpu: bad %s '%s'\n", what, text);
	return EXIT_USAGE;
}

static int parse_steps(const char *text, unsigned int *steps)
{
	uint64_t value = 0;
	int ret = parse_number(text, "number of steps", MAX_STEPS, &value);

	*steps = value;
	return ret;
}

static int parse_xccs(const char *text, unsigned int *xccs)
{
	uint64_t value = 0;
	int ret = parse_number(text, "number of XCCs", VG_MAX_XCCS, &value);

	*xccs = value;
	if (ret || value)
		return ret;
	fprintf(stderr, "vgpu: a GPU has at least one XCC\n");
	return EXIT_USAGE;
}

static int parse_bytes(const char *text, size_t *bytes)
{
	uint64_t value = 0;
	int ret = parse_number(text, "number of bytes", MAX_HDP_FIFO, &value);

	*bytes = value;
	return ret;
}

static int parse_fault(const char *text, struct options *opts)
{
	const char *name, *what;

	if (!strcmp(text, "help")) {
		for (size_t i = 0; (name = vgpu_inject_name(i, &what)); i++)
			printf("%-15s %s\n", name, what);
		return 0;
	}
	if (opts->num_faults == MAX_FAULTS) {
		fprintf(stderr, "vgpu: more than %d faults\n", MAX_FAULTS);
		return EXIT_USAGE;
	}
	opts->fault[opts->num_faults++] = text;
	return -1;
}

/* Returns the exit status, or -1 when the program is to go on. */
static int parse_options(int argc, char **argv, struct options *opts)
{
	static const struct option longopts[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "trace", required_argument, NULL, 't' },
		{ "trace-filter", required_argument, NULL, 'e' },
		{ "xccs", required_argument, NULL, 'x' },
		{ "seed", required_argument, NULL, 'r' },
		{ "preempt-steps", required_argument, NULL, 'p' },
		{ "flush-steps", required_argument, NULL, 'l' },
		{ "real-clock", no_argument, NULL, 'c' },
		{ "no-pauses", no_argument, NULL, 'n' },
		{ "hdp-fifo", required_argument, NULL, 'd' },
		{ "default-page", no_argument, NULL, 'g' },
		{ "lockstep", no_argument, NULL, 'k' },
		{ "fault", required_argument, NULL, 'f' },
		{ "write-images", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (opt) {
		case 's':
			opts->socket = optarg;
			break;
		case 't':
			opts->trace = optarg;
			break;
		case 'e':
			opts->config.trace_filter = optarg;
			break;
		case 'x':
			if (parse_xccs(optarg, &opts->config.xccs))
				return EXIT_USAGE;
			break;
		case 'r':
			if (parse_number(optarg, "seed", UINT64_MAX, &opts->config.seed))
				return EXIT_USAGE;
			break;
		case 'p':
			if (parse_steps(optarg, &opts->config.preempt_steps))
				return EXIT_USAGE;
			break;
		case 'l':
			if (parse_steps(optarg, &opts->config.flush_steps))
				return EXIT_USAGE;
			break;
		case 'c':
			opts->config.real_clock = true;
			break;
		case 'n':
			opts->config.no_pauses = true;
			break;
		case 'd':
			if (parse_bytes(optarg, &opts->config.hdp_fifo))
				return EXIT_USAGE;
			break;
		case 'g':
			opts->config.default_page = true;
			break;
		case 'k':
			opts->lockstep = true;
			break;
		case 'f':
			ret = parse_fault(optarg, opts);
			if (ret >= 0)
				return ret;
			break;
		case 'w':
			opts->images = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'v':
			puts("vgpu " VGPU_VERSION);
			return 0;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc || !opts->socket == !opts->images) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return -1;
}

static void print_verdict(void *trace, const char *text)
{
	fprintf(stderr, "vgpu: %s\n", text);
	if (trace)
		fprintf(trace, "%s\n", text);
}

static int add_faults(struct vgpu *vg, const struct options *opts)
{
	for (unsigned int i = 0; i < opts->num_faults; i++) {
		int ret = vgpu_inject(vg, opts->fault[i]);

		if (!ret)
			continue;
		fprintf(stderr, "vgpu: %s '%s'\n",
			ret == -ENOENT ? "no such fault" : "bad arguments of fault",
			opts->fault[i]);
		return EXIT_USAGE;
	}
	return 0;
}

static int serve(struct vg_vfio_user *dev, const struct options *opts, FILE *trace)
{
	int ret = vg_server_run(dev, opts->socket, opts->lockstep);

	if (ret == -ECANCELED) {
		fprintf(stderr, "vgpu: stopped: %s\n", vgpu_stopped(dev->vg));
		if (trace)
			fprintf(trace, "stopped: %s\n", vgpu_stopped(dev->vg));
		ret = EXIT_STOPPED;
	} else if (ret) {
		fprintf(stderr, "vgpu: %s%s\n", ret == -EPROTO ? "protocol error: " : "",
			dev->error);
		ret = ret == -EPROTO ? EXIT_PROTOCOL : EXIT_USAGE;
	} else if (vgpu_violations(dev->vg)) {
		ret = EXIT_VIOLATIONS;
	}
	if (dev->dma.translated)
		fprintf(stderr, "vgpu: an IOMMU translated %" PRIu64 " ranges\n",
			dev->dma.translated);
	if (ret != EXIT_USAGE && ret != EXIT_PROTOCOL)
		vgpu_verdict(dev->vg, print_verdict, trace);
	return ret;
}

static int run(const struct options *opts, FILE *trace)
{
	struct vg_vfio_user dev;
	int ret = vg_vfio_user_init(&dev, &opts->config, trace);

	if (ret) {
		fprintf(stderr, "vgpu: cannot start: %s\n", strerror(-ret));
		return EXIT_USAGE;
	}
	ret = add_faults(dev.vg, opts);
	if (!ret)
		ret = serve(&dev, opts, trace);
	vg_vfio_user_fini(&dev);
	return ret;
}

int main(int argc, char **argv)
{
	struct options opts = {
		.config = { .preempt_steps = VG_PREEMPT_STEPS, .flush_steps = VG_FLUSH_STEPS },
	};
	FILE *trace = NULL;
	int ret = parse_options(argc, argv, &opts);

	if (ret >= 0)
		return ret;
	if (opts.images) {
		ret = vg_images_write(&opts.config, opts.images);
		if (ret)
			fprintf(stderr, "vgpu: cannot write images to %s: %s\n", opts.images,
				strerror(-ret));
		return ret ? EXIT_USAGE : 0;
	}
	if (opts.trace) {
		trace = fopen(opts.trace, "we");
		if (!trace) {
			fprintf(stderr, "vgpu: %s: %s\n", opts.trace, strerror(errno));
			return EXIT_USAGE;
		}
	}
	ret = run(&opts, trace);
	if (trace && fclose(trace)) {
		fprintf(stderr, "vgpu: %s: %s\n", opts.trace, strerror(errno));
		ret = ret ? ret : EXIT_USAGE;
	}
	return ret;
}
