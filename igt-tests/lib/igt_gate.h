/* SPDX-License-Identifier: MIT */
#ifndef IGT_GATE_H
#define IGT_GATE_H

#include <stdbool.h>

/*
 * A gate (a pipe): one process opens it, and another process waits with a deadline until it is
 * open.
 */
struct igt_gate {
	int fd[2];
};

void igt_gate_init(struct igt_gate *gate);
void igt_gate_open(struct igt_gate *gate);
bool igt_gate_is_open(struct igt_gate *gate, int timeout_ms);
/*
 * A waiting process calls igt_gate_watch() after the fork. Then igt_gate_is_lost() says whether all
 * processes that could open the gate have ended without opening it.
 */
void igt_gate_watch(struct igt_gate *gate);
bool igt_gate_is_lost(struct igt_gate *gate);
void igt_gate_fini(struct igt_gate *gate);

#endif
