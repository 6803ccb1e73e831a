/* SPDX-License-Identifier: MIT */
/* IGT declares in a header of this name what igt_prototypes.h has of it. */
#ifndef IGT_COMPAT_SYSFS_H
#define IGT_COMPAT_SYSFS_H

#include "igt.h"

#endif
