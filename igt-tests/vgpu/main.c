// SPDX-License-Identifier: MIT
/*
 * vgpu: a simulated gfx942 GPU for QEMU's vfio-user-pci device.  Options and
 * the wiring of host and model, nothing else.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/server.h"
#include "vgpu.h"

enum {
	EXIT_USAGE = 1,
	EXIT_PROTOCOL = 2,
	EXIT_STOPPED = 3,
	EXIT_VIOLATIONS = 4,
};

static const char usage[] =
	"Usage: vgpu --socket PATH [--trace FILE] [--seed N]\n"
	"       vgpu --write-images DIR\n"
	"\n"
	"A simulated gfx942 GPU for QEMU's vfio-user-pci device.\n"
	"\n"
	"  --socket PATH       listen at PATH and serve one client\n"
	"  --trace FILE        write what the GPU does to FILE\n"
	"  --seed N            seed of the engines' schedule (default 0)\n"
	"  --write-images DIR  write the IP discovery binary and the firmware\n"
	"                      images that amdgpu loads to DIR/amdgpu\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 the client left in order, 1 usage or start-up, 2 protocol\n"
	"error, 3 the GPU stopped on something a GPU would not survive, 4 it accessed\n"
	"pages that were not its own.\n";

struct options {
	const char *socket, *trace, *images;
	uint64_t seed;
};

static int parse_seed(const char *text, uint64_t *seed)
{
	char *end;

	errno = 0;
	*seed = strtoull(text, &end, 0);
	return errno || end == text || *end || *text == '-' ? -EINVAL : 0;
}

/* Returns -1 to go on, else the exit status. */
static int parse_options(int argc, char **argv, struct options *opts)
{
	static const struct option longopts[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "trace", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 'r' },
		{ "write-images", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (opt) {
		case 's':
			opts->socket = optarg;
			break;
		case 't':
			opts->trace = optarg;
			break;
		case 'r':
			if (!parse_seed(optarg, &opts->seed))
				break;
			fprintf(stderr, "vgpu: bad seed '%s'\n", optarg);
			return EXIT_USAGE;
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

static int run(const struct options *opts, FILE *trace)
{
	struct vg_vfio_user dev;
	int ret = vg_vfio_user_init(&dev, opts->seed, trace);

	if (ret) {
		fprintf(stderr, "vgpu: cannot start: %s\n", strerror(-ret));
		return EXIT_USAGE;
	}
	ret = vg_server_run(&dev, opts->socket);
	if (ret == -ECANCELED) {
		fprintf(stderr, "vgpu: stopped: %s\n", vgpu_stopped(dev.vg));
		if (trace)
			fprintf(trace, "stopped: %s\n", vgpu_stopped(dev.vg));
		ret = EXIT_STOPPED;
	} else if (ret) {
		fprintf(stderr, "vgpu: %s%s\n",
			ret == -EPROTO ? "protocol error: " : "", dev.error);
		ret = ret == -EPROTO ? EXIT_PROTOCOL : EXIT_USAGE;
	} else if (vgpu_violations(dev.vg)) {
		ret = EXIT_VIOLATIONS;
	}
	if (ret != EXIT_USAGE && ret != EXIT_PROTOCOL)
		vgpu_verdict(dev.vg, print_verdict, trace);
	vg_vfio_user_fini(&dev);
	return ret;
}

int main(int argc, char **argv)
{
	struct options opts = { 0 };
	FILE *trace = NULL;
	int ret = parse_options(argc, argv, &opts);

	if (ret >= 0)
		return ret;
	if (opts.images) {
		ret = vg_images_write(opts.images);
		if (ret)
			fprintf(stderr, "vgpu: cannot write images to %s: %s\n",
				opts.images, strerror(-ret));
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
