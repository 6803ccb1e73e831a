// SPDX-License-Identifier: MIT
#include <poll.h>
#include <unistd.h>

#include "igt.h"

#include "lib/igt_gate.h"

void igt_gate_init(struct igt_gate *gate)
{
	igt_assert_eq(pipe(gate->fd), 0);
}

void igt_gate_open(struct igt_gate *gate)
{
	igt_assert_eq(write(gate->fd[1], "", 1), 1);
}

static short gate_events(struct igt_gate *gate, int timeout_ms)
{
	struct pollfd pfd = { .fd = gate->fd[0], .events = POLLIN };

	return poll(&pfd, 1, timeout_ms) == 1 ? pfd.revents : 0;
}

bool igt_gate_is_open(struct igt_gate *gate, int timeout_ms)
{
	return gate_events(gate, timeout_ms) & POLLIN;
}

void igt_gate_watch(struct igt_gate *gate)
{
	close(gate->fd[1]);
	gate->fd[1] = -1;
}

bool igt_gate_is_lost(struct igt_gate *gate)
{
	return (gate_events(gate, 0) & (POLLIN | POLLHUP)) == POLLHUP;
}

void igt_gate_fini(struct igt_gate *gate)
{
	close(gate->fd[0]);
	if (gate->fd[1] >= 0)
		close(gate->fd[1]);
}
