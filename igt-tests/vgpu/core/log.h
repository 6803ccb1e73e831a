/* SPDX-License-Identifier: MIT */
/* How the model speaks: one trace line for each event, and the reason of a stop. */
#ifndef VG_LOG_H
#define VG_LOG_H

#include "vgpu.h"

/*
 * Stop the model for good, at a request that a GPU would not survive or that the
 * model does not know.  The first reason counts.
 */
void vg_stop(struct vgpu *vg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Does the host want a trace? */
bool vg_tracing(const struct vgpu *vg);
/* Trace one event, "<event> key=value ..."; formatted only when it is wanted. */
#define vg_trace(vg, ...) \
	do { \
		if (vg_tracing(vg)) \
			vgpu_trace(vg, __VA_ARGS__); \
	} while (0)

#endif
