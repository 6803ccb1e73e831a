/* SPDX-License-Identifier: MIT */
/* The simulated GPUs of this guest, and a ring of events for each of them. */
#ifndef REPORTERS_H
#define REPORTERS_H

#include <linux/device.h>
#include <linux/types.h>

#include "oracle/protocol.h"

struct reporter;

/* Find every GPU that has an oracle and make its ring; 0 or -errno. */
int reporters_attach(void);
/* Let the GPUs read their rings from now on, or stop that. */
void reporters_enable(bool enable);
void reporters_detach(void);

/* The reporter of a device; NULL when the device is no simulated GPU. */
struct reporter *reporter_of(const struct device *dev);

/* Append an event to the ring of one reporter, or of each.  Allowed in any context but NMI. */
void say(struct reporter *r, const struct vg_oracle_event *event);
void say_all(const struct vg_oracle_event *event);

/* Wait until the GPUs have read all events. */
void reporters_drain(void);
/*
 * Report to each GPU the number of events that did not fit into its ring, and of events
 * that were lost before: @lost so far.
 */
void reporters_tell_missed(u64 lost);
/* Write a mark to the trace of each GPU, behind all earlier accesses. */
void reporters_mark(u32 value);
/* The sum of a counter over all GPUs. */
u64 reporters_sum(enum vg_oracle_reg reg);

#endif
