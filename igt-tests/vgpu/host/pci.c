// SPDX-License-Identifier: MIT
#include "pci.h"

#include <stddef.h>
#include <string.h>

#include "vgpu.h"

enum {
	VENDOR_AMD = 0x1002,
	DEVICE_MI300X = 0x74a1,
	REVISION = 1,
	/* amdgpu binds to this class, drivers/gpu/drm/amd/amdgpu/amdgpu_drv.c:2204. */
	CLASS_PROCESSING_ACCELERATOR = 0x1200,
	INTERRUPT_PIN_A = 1,

	CAP_EXP = 0x40,
	CAP_MSI = 0x80,

	EXP_VERSION = 2,
	LINK_WIDTH = 16,
	ALL_OF_8 = 0xff,
	ALL_OF_16 = 0xffff,
	MEM64_PREF = PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
};

/*
 * The fields of the configuration space; all other bytes are always zero.  Bits outside
 * @writable keep their value.  BARs are not writable, because the client (QEMU) shows BARs
 * of its own to the guest, with the sizes of the regions.
 */
static const struct field {
	uint16_t offset;
	uint8_t size;
	uint32_t value;
	uint32_t writable;
} fields[] = {
	{ PCI_VENDOR_ID, 2, VENDOR_AMD, 0 },
	{ PCI_DEVICE_ID, 2, DEVICE_MI300X, 0 },
	{ PCI_COMMAND, 2, 0,
	  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
		  PCI_COMMAND_INTX_DISABLE },
	{ PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0 },
	{ PCI_REVISION_ID, 1, REVISION, 0 },
	{ PCI_CLASS_DEVICE, 2, CLASS_PROCESSING_ACCELERATOR, 0 },
	{ PCI_BASE_ADDRESS_0, 4, MEM64_PREF, 0 },		    /* VRAM */
	{ PCI_BASE_ADDRESS_2, 4, MEM64_PREF, 0 },		    /* doorbells */
	{ PCI_BASE_ADDRESS_5, 4, PCI_BASE_ADDRESS_MEM_TYPE_32, 0 }, /* registers */
	{ PCI_SUBSYSTEM_VENDOR_ID, 2, VENDOR_AMD, 0 },
	{ PCI_SUBSYSTEM_ID, 2, DEVICE_MI300X, 0 },
	{ PCI_CAPABILITY_LIST, 1, CAP_EXP, 0 },
	{ PCI_CACHE_LINE_SIZE, 1, 0, ALL_OF_8 },
	{ PCI_INTERRUPT_LINE, 1, 0, ALL_OF_8 },
	{ PCI_INTERRUPT_PIN, 1, INTERRUPT_PIN_A, 0 },

	{ CAP_EXP + PCI_CAP_LIST_ID, 1, PCI_CAP_ID_EXP, 0 },
	{ CAP_EXP + PCI_CAP_LIST_NEXT, 1, CAP_MSI, 0 },
	{ CAP_EXP + PCI_EXP_FLAGS, 2, EXP_VERSION | PCI_EXP_TYPE_ENDPOINT << 4, 0 },
	{ CAP_EXP + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER, 0 },
	{ CAP_EXP + PCI_EXP_DEVCTL, 2, 0, ALL_OF_16 & ~PCI_EXP_DEVCTL_BCR_FLR },
	{ CAP_EXP + PCI_EXP_LNKCAP, 4, PCI_EXP_LNKCAP_SLS_2_5GB | LINK_WIDTH << 4, 0 },
	{ CAP_EXP + PCI_EXP_LNKCTL, 2, 0, PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_CCC },
	{ CAP_EXP + PCI_EXP_LNKSTA, 2, PCI_EXP_LNKSTA_CLS_2_5GB | LINK_WIDTH << 4, 0 },
	/*
	 * The GPU says that it completes atomic operations of PCIe.  amdgpu does not read
	 * this: pci_enable_atomic_ops_to_root() asks the root port.
	 */
	{ CAP_EXP + PCI_EXP_DEVCAP2, 4,
	  PCI_EXP_DEVCAP2_ATOMIC_COMP32 | PCI_EXP_DEVCAP2_ATOMIC_COMP64, 0 },
	{ CAP_EXP + PCI_EXP_DEVCTL2, 2, 0, ALL_OF_16 },

	{ CAP_MSI + PCI_CAP_LIST_ID, 1, PCI_CAP_ID_MSI, 0 },
	{ CAP_MSI + PCI_CAP_LIST_NEXT, 1, 0, 0 },
	{ CAP_MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_64BIT, PCI_MSI_FLAGS_ENABLE },
	{ CAP_MSI + PCI_MSI_ADDRESS_LO, 4, 0, ~3u },
	{ CAP_MSI + PCI_MSI_ADDRESS_HI, 4, 0, ~0u },
	{ CAP_MSI + PCI_MSI_DATA_64, 2, 0, ALL_OF_16 },
};

static const uint64_t region_sizes[VFIO_PCI_NUM_REGIONS] = {
	[VG_PCI_VRAM] = VG_VRAM_SIZE,
	[VG_PCI_DOORBELL] = VG_DOORBELL_SIZE,
	[VG_PCI_MMIO] = VG_MMIO_SIZE,
	[VG_PCI_CONFIG] = PCI_CFG_SPACE_EXP_SIZE,
};

void vg_pci_reset(struct vg_pci *pci)
{
	memset(pci->config, 0, sizeof(pci->config));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		memcpy(pci->config + fields[i].offset, &fields[i].value, fields[i].size);
}

uint64_t vg_pci_region_size(uint32_t region)
{
	return region < VFIO_PCI_NUM_REGIONS ? region_sizes[region] : 0;
}

void vg_pci_config_read(const struct vg_pci *pci, uint32_t offset, void *data, uint32_t len)
{
	memcpy(data, pci->config + offset, len);
}

static uint8_t writable_bits(uint32_t offset)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field *f = &fields[i];

		if (offset >= f->offset && offset < f->offset + f->size)
			return f->writable >> 8 * (offset - f->offset);
	}
	return 0;
}

void vg_pci_config_write(struct vg_pci *pci, uint32_t offset, const void *data, uint32_t len)
{
	const uint8_t *bytes = data;

	for (uint32_t i = 0; i < len; i++) {
		uint8_t mask = writable_bits(offset + i);
		uint8_t *byte = &pci->config[offset + i];

		*byte = (*byte & ~mask) | (bytes[i] & mask);
	}
}
