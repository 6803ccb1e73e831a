/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/gpu.h"

enum { VG_TRACE_LINE = 512 };

/* Does the event, the first word of @fmt, begin with a prefix of the filter? */
static bool wanted(const char *filter, const char *fmt)
{
	while (filter) {
		size_t n = strcspn(filter, ",");

		if (n && !strncmp(filter, fmt, n))
			return true;
		filter = filter[n] ? filter + n + 1 : NULL;
	}
	return false;
}

bool vg_tracing(const struct vgpu *vg)
{
	return vg->ops->trace;
}

void vgpu_trace(struct vgpu *vg, const char *fmt, ...)
{
	char line[VG_TRACE_LINE];
	va_list ap;
	int n;

	if (!vg->ops->trace)
		return;
	if (vg->config.trace_filter && !wanted(vg->config.trace_filter, fmt))
		return;
	n = snprintf(line, sizeof(line), "t=%llu ", (unsigned long long)vg->time);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	vg->ops->trace(vg->host, line);
}

/* Only the first reason counts, because later ones follow from it. */
void vg_stop(struct vgpu *vg, const char *fmt, ...)
{
	va_list ap;

	if (vg->stop[0])
		return;
	va_start(ap, fmt);
	vsnprintf(vg->stop, sizeof(vg->stop), fmt, ap);
	va_end(ap);
	vg_trace(vg, "stop reason=\"%s\"", vg->stop);
}

const char *vgpu_stopped(const struct vgpu *vg)
{
	return vg->stop[0] ? vg->stop : NULL;
}
