/* SPDX-License-Identifier: MIT */
/*
 * IGT has a header of this name, so tests include it. The functions of it that they use are
 * declared in igt_prototypes.h.
 */
#ifndef IGT_COMPAT_SYSFS_H
#define IGT_COMPAT_SYSFS_H

#include "igt.h"

#endif
