/* SPDX-License-Identifier: MIT */
/*
 * IGT has a header of this name, so tests include it. igt_prototypes.h declares those functions of
 * IGT's header that the tests use.
 */
#ifndef IGT_COMPAT_SYSFS_H
#define IGT_COMPAT_SYSFS_H

#include "igt.h"

#endif
