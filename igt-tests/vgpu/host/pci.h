/* SPDX-License-Identifier: MIT */
/* The PCI function: its regions (BARs and configuration space) and their content. */
#ifndef VG_HOST_PCI_H
#define VG_HOST_PCI_H

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdint.h>

struct vg_pci {
	uint8_t config[PCI_CFG_SPACE_EXP_SIZE];
};

/* The regions; VFIO numbers them like BARs. */
enum {
	VG_PCI_VRAM = VFIO_PCI_BAR0_REGION_INDEX,
	VG_PCI_DOORBELL = VFIO_PCI_BAR2_REGION_INDEX,
	VG_PCI_MMIO = VFIO_PCI_BAR5_REGION_INDEX,
	VG_PCI_CONFIG = VFIO_PCI_CONFIG_REGION_INDEX,
};

/* Set all fields to their values after power on. */
void vg_pci_reset(struct vg_pci *pci);

/* The size of a region in bytes; 0 if the function does not have the region. */
uint64_t vg_pci_region_size(uint32_t region);

/* The caller has checked that [@offset, @offset + @len) is inside the configuration space. */
void vg_pci_config_read(const struct vg_pci *pci, uint32_t offset, void *data, uint32_t len);
void vg_pci_config_write(struct vg_pci *pci, uint32_t offset, const void *data, uint32_t len);

#endif
