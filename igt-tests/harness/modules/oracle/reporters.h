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
/* Let them read the rings from now on; not any more. */
void reporters_enable(bool enable);
void reporters_detach(void);

/* The one of a device; NULL when the device is none of ours. */
struct reporter *reporter_of(const struct device *dev);

/* Append an event to the ring of one, or of each, in any context but NMI. */
void say(struct reporter *r, const struct vg_oracle_event *event);
void say_all(const struct vg_oracle_event *event);

/* All that was said is taken when this returns. */
void reporters_drain(void);
/*
 * Tell each of the events that it had no room for, and of those that were lost
 * before they could be said: @lost so far.
 */
void reporters_tell_missed(u64 lost);
/* A line in the trace of each, behind all that happened before. */
void reporters_mark(u32 value);
/* A counter, over all of them. */
u64 reporters_sum(enum vg_oracle_reg reg);

#endif
