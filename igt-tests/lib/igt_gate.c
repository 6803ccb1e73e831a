// SPDX-License-Identifier: MIT
/* Gates between processes: pipes. */
#include <poll.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr.h"

void amd_userptr_gate_init(struct amd_userptr_gate *gate)
{
	igt_assert_eq(pipe(gate->fd), 0);
}

void amd_userptr_gate_open(struct amd_userptr_gate *gate)
{
	igt_assert_eq(write(gate->fd[1], "", 1), 1);
}

static short gate_events(struct amd_userptr_gate *gate, int timeout_ms)
{
	struct pollfd pfd = { .fd = gate->fd[0], .events = POLLIN };

	return poll(&pfd, 1, timeout_ms) == 1 ? pfd.revents : 0;
}

bool amd_userptr_gate_is_open(struct amd_userptr_gate *gate, int timeout_ms)
{
	return gate_events(gate, timeout_ms) & POLLIN;
}

void amd_userptr_gate_watch(struct amd_userptr_gate *gate)
{
	close(gate->fd[1]);
	gate->fd[1] = -1;
}

bool amd_userptr_gate_is_lost(struct amd_userptr_gate *gate)
{
	return (gate_events(gate, 0) & (POLLIN | POLLHUP)) == POLLHUP;
}

void amd_userptr_gate_fini(struct amd_userptr_gate *gate)
{
	close(gate->fd[0]);
	if (gate->fd[1] >= 0)
		close(gate->fd[1]);
}
