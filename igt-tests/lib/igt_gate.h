/* SPDX-License-Identifier: MIT */
#ifndef IGT_GATE_H
#define IGT_GATE_H

#include <stdbool.h>

/* Opened by one process, waited for by another, with a deadline. */
struct igt_gate {
	int fd[2];
};

void igt_gate_init(struct igt_gate *gate);
void igt_gate_open(struct igt_gate *gate);
bool igt_gate_is_open(struct igt_gate *gate, int timeout_ms);
/* After the fork, in who will only wait: notice when nobody is left to open the gate. */
void igt_gate_watch(struct igt_gate *gate);
bool igt_gate_is_lost(struct igt_gate *gate);
void igt_gate_fini(struct igt_gate *gate);

#endif
