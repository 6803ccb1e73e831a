/* SPDX-License-Identifier: MIT */
/* A GPU for which amd_pkt.c has no packets gets none, and the text names the GPU's version. */
#include "lib/amdgpu/amd_kfd.h"
#include "test.h"

/* Versions of the graphics core and of SDMA for which amd_pkt.c has no packets. */
static const uint32_t gc[] = {
	0,
	AMD_PKT_IP(9, 0, 1),   /* gfx900 */
	AMD_PKT_IP(9, 4, 0),   /* gfx906 */
	AMD_PKT_IP(10, 1, 10), /* gfx1010 */
	AMD_PKT_IP(10, 3, 8),
	AMD_PKT_IP(11, 1, 0),
	AMD_PKT_IP(12, 0, 2),
	AMD_PKT_IP(12, 1, 1),
	AMD_PKT_IP(13, 0, 0),
};
static const uint32_t sdma[] = {
	0,
	AMD_PKT_IP(4, 0, 0),
	AMD_PKT_IP(4, 2, 0), /* gfx906 */
	AMD_PKT_IP(4, 4, 3),
	AMD_PKT_IP(5, 0, 0),
	AMD_PKT_IP(6, 2, 0),
	AMD_PKT_IP(7, 0, 2),
	AMD_PKT_IP(7, 1, 1),
};

static void expect(const struct amd_kfd *kfd, enum amd_kfd_queue_type type, const char *text)
{
	char reason[AMD_KFD_REASON] = "";
	struct amd_kfd kfd_copy = *kfd;
	struct amd_kfd_queue queue;

	t_equal(amd_kfd_has_packets(kfd, type, reason, sizeof(reason)), !text);
	if (!text)
		return;
	if (!strstr(reason, text))
		fprintf(stderr, "%s: not in: %s\n", text, reason);
	t_assert(strstr(reason, text));
	/*
	 * -EOPNOTSUPP comes before any allocation, which would fail, because this process has no
	 * KFD.
	 */
	t_equal(__amd_kfd_queue_create(&kfd_copy, type, &queue), -EOPNOTSUPP);
}

static void names_the_version(void)
{
	struct amd_kfd kfd = {
		.fd = -1,
		.node.num_xcc = 1,
		.gc_version = AMD_PKT_IP(10, 1, 10),
		.sdma_version = AMD_PKT_IP(5, 0, 2),
	};

	expect(&kfd, AMD_KFD_QUEUE_PM4, "GC 10.1.10");
	expect(&kfd, AMD_KFD_QUEUE_AQL, "GC 10.1.10");
	expect(&kfd, AMD_KFD_QUEUE_SDMA, "SDMA 5.0.2");
}

/* Only generations with PRED_EXEC have packets for AQL on several XCCs. */
static void knows_several_xccs(void)
{
	struct amd_kfd kfd = { .fd = -1, .node.num_xcc = 6, .gc_version = AMD_PKT_IP(9, 4, 3) };

	expect(&kfd, AMD_KFD_QUEUE_PM4, NULL);
	expect(&kfd, AMD_KFD_QUEUE_AQL, NULL);
	kfd.gc_version = AMD_PKT_IP(12, 1, 0);
	expect(&kfd, AMD_KFD_QUEUE_AQL, NULL);
	kfd.gc_version = AMD_PKT_IP(12, 0, 0);
	expect(&kfd, AMD_KFD_QUEUE_PM4, NULL);
	expect(&kfd, AMD_KFD_QUEUE_AQL, "GC 12.0.0 on several XCCs");
	kfd.node.num_xcc = 1;
	expect(&kfd, AMD_KFD_QUEUE_AQL, NULL);
}

int main(void)
{
	for (unsigned int i = 0; i < T_ARRAY_SIZE(gc); i++)
		t_assert(!amd_pkt_compute(gc[i]));
	for (unsigned int i = 0; i < T_ARRAY_SIZE(sdma); i++)
		t_assert(!amd_pkt_sdma(sdma[i]));
	names_the_version();
	knows_several_xccs();
	return 0;
}
