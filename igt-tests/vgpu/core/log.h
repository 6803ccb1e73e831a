/* SPDX-License-Identifier: MIT */
/* The output of the model: one trace line for each event, and the reason why it stopped. */
#ifndef VG_LOG_H
#define VG_LOG_H

#include "vgpu.h"

/*
 * Stop the model for good, because of a request that it does not know or that a GPU
 * would not survive.  If there are several reasons, the first one counts.
 */
void vg_stop(struct vgpu *vg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Does the host want a trace? */
bool vg_tracing(const struct vgpu *vg);
/* Trace one event, "<event> key=value ...".  Without a trace, do not evaluate the arguments. */
#define vg_trace(vg, ...) \
	do { \
		if (vg_tracing(vg)) \
			vgpu_trace(vg, __VA_ARGS__); \
	} while (0)

#endif
