/* SPDX-License-Identifier: MIT */
#include "fake_kernel.h"
