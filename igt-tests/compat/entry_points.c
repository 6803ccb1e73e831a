// SPDX-License-Identifier: MIT
/*
 * This program takes the address of each function of igt_prototypes.h, so it links only with a
 * libigt that has all of them. probe.py builds it.
 */
#include "igt.h"

IGT_TEST_DESCRIPTION("Every libigt entry point our tests use is there.");

#define ENTRY(name) (const void *)&name

int main(void)
{
	const void *const entries[] = {
		ENTRY(igt_subtest_jmpbuf),
		ENTRY(igt_dynamic_jmpbuf),
		ENTRY(igt_subtest_init_parse_opts),
		ENTRY(igt_exit),
		ENTRY(__igt_fixture),
		ENTRY(__igt_fixture_complete),
		ENTRY(__igt_subtest_group_save),
		ENTRY(__igt_subtest_group_restore),
		ENTRY(__igt_run_subtest),
		ENTRY(__igt_enter_dynamic_container),
		ENTRY(__igt_run_dynamic_subtest),
		ENTRY(igt_describe_f),
		ENTRY(igt_subtest_name),
		ENTRY(igt_success),
		ENTRY(__igt_skip_check),
		ENTRY(__igt_fail_assert),
		ENTRY(igt_log),
		ENTRY(__igt_fork),
		ENTRY(igt_waitchildren),
		ENTRY(igt_waitchildren_timeout),
		ENTRY(igt_fork_signal_helper),
		ENTRY(igt_stop_signal_helper),
		ENTRY(igt_install_exit_handler),
		ENTRY(igt_set_timeout),
		ENTRY(igt_reset_timeout),
		ENTRY(igt_nsec_elapsed),
		ENTRY(igt_emit_ignore_dmesg_regex),
		ENTRY(drm_open_driver_render),
		ENTRY(drm_reopen_driver),
		ENTRY(drm_close_driver),
		ENTRY(igt_debugfs_mount),
		ENTRY(igt_debugfs_open),
		ENTRY(igt_sysfs_set),
		ENTRY(igt_sysfs_write),
		ENTRY(igt_get_total_swap_mb),
	};

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		if (!entries[i])
			return 1;
	}
	return 0;
}
