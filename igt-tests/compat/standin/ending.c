// SPDX-License-Identifier: MIT
/* Functions that run when the program ends, also when a signal ends it. */
#include <signal.h>

#include "standin.h"

enum { MAX_HANDLERS = 16 };

static void (*handlers[MAX_HANDLERS])(int sig);
static int num_handlers;

static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL,	 SIGABRT,
			       SIGBUS, SIGFPE, SIGSEGV, SIGPIPE, SIGTERM };

/* The handler that was installed last runs first. */
static void run_handlers(int sig)
{
	while (num_handlers)
		handlers[--num_handlers](sig);
}

static void at_exit(void)
{
	run_handlers(0);
}

/* End the program by the same signal, so that its parent sees the signal. */
static void on_signal(int sig)
{
	signal(sig, SIG_DFL);
	run_handlers(sig);
	raise(sig);
}

void igt_install_exit_handler(void (*fn)(int sig))
{
	/* SA_NODEFER: raise() in the handler ends the program at once. */
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };
	static bool installed;

	for (int i = 0; i < num_handlers; i++) {
		if (handlers[i] == fn)
			return;
	}
	igt_assert_lt(num_handlers, MAX_HANDLERS);
	handlers[num_handlers++] = fn;
	if (installed)
		return;
	installed = true;
	atexit(at_exit);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

void standin_forget_exit_handlers(void)
{
	num_handlers = 0;
}
