// SPDX-License-Identifier: MIT
/*
 * meson compiles this file only with an IGT source tree. The compiler then sees two declarations of
 * each function, one from IGT and one from igt_prototypes.h, and reports an error if they differ.
 */
#include "igt.h"
#include "igt_os.h"
#include "igt_sysfs.h"

#ifdef IGT_COMPAT_H
#error "this must see IGT's own igt.h"
#endif

#include "../igt_prototypes.h"

_Static_assert(DRIVER_AMDGPU == 1 << 3, "driver bit");
_Static_assert(IGT_LOG_DEBUG == 0 && IGT_LOG_INFO == 1 && IGT_LOG_WARN == 2, "log levels");
_Static_assert(IGT_EXIT_SUCCESS == 0 && IGT_EXIT_SKIP == 77 && IGT_EXIT_FAILURE == 98,
	       "exit codes");
