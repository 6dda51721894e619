// SPDX-License-Identifier: GPL-2.0
/*
 * A driver for QEMU's "edu" PCI device that treats DMA mappings rightly or wrongly, as it is told:
 *
 *     echo free_while_mapped > /sys/bus/pci/drivers/lifetime/0000:00:04.0/run
 *
 * Each mistake is a function of its own, so that a recording can be held to the stacks that it shows.
 * Linux 6.1 and later.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/version.h>

/* Registers of the DMA engine, docs/specs/edu.rst of QEMU. */
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_START		BIT(0)
#define EDU_DMA_TO_RAM		BIT(1)
#define EDU_DMA_BUFFER		0x40000

/* Where the domains of our own map: far from anything else. */
#define OWN_IOVA		0x40000000UL

struct lifetime {
	struct device *dev;
	void __iomem *registers;
	/* What was mapped before a recording begins. */
	struct page *kept[2];
	dma_addr_t kept_at[2];
	struct dentry *debugfs;
};

/* Frees and unmaps through these, so that a stack says which of our functions it was. */
static noinline void give_back(struct page *page, unsigned int order)
{
	__free_pages(page, order);
	barrier();
}

static noinline dma_addr_t map_for_device(struct lifetime *self, struct page *page, size_t size)
{
	dma_addr_t addr = dma_map_page(self->dev, page, 0, size, DMA_FROM_DEVICE);

	return dma_mapping_error(self->dev, addr) ? 0 : addr;
}

static noinline void unmap_from_device(struct lifetime *self, dma_addr_t addr, size_t size)
{
	dma_unmap_page(self->dev, addr, size, DMA_FROM_DEVICE);
	barrier();
}

/* The device writes `size` bytes of its buffer to `addr`. */
static void device_writes(struct lifetime *self, dma_addr_t addr, u32 size)
{
	writeq(EDU_DMA_BUFFER, self->registers + EDU_DMA_SOURCE);
	writeq(addr, self->registers + EDU_DMA_DESTINATION);
	writeq(size, self->registers + EDU_DMA_COUNT);
	writeq(EDU_DMA_START | EDU_DMA_TO_RAM, self->registers + EDU_DMA_COMMAND);
	while (readq(self->registers + EDU_DMA_COMMAND) & EDU_DMA_START)
		msleep(10);
}

static noinline int right(struct lifetime *self)
{
	struct scatterlist list[8];
	struct page *page;
	dma_addr_t addr;
	unsigned int i;
	void *memory;

	for (i = 0; i < 6; i++) {
		page = alloc_pages(GFP_KERNEL, i);
		if (!page)
			return -ENOMEM;
		addr = map_for_device(self, page, PAGE_SIZE << i);
		if (addr && i == 0)
			device_writes(self, addr, 64);
		if (addr)
			unmap_from_device(self, addr, PAGE_SIZE << i);
		give_back(page, i);
	}

	sg_init_table(list, ARRAY_SIZE(list));
	for (i = 0; i < ARRAY_SIZE(list); i++) {
		page = alloc_pages(GFP_KERNEL, i % 3);
		if (!page)
			return -ENOMEM;
		sg_set_page(&list[i], page, PAGE_SIZE << (i % 3), 0);
	}
	if (dma_map_sg(self->dev, list, ARRAY_SIZE(list), DMA_TO_DEVICE))
		dma_unmap_sg(self->dev, list, ARRAY_SIZE(list), DMA_TO_DEVICE);
	for (i = 0; i < ARRAY_SIZE(list); i++)
		give_back(sg_page(&list[i]), i % 3);

	memory = dma_alloc_coherent(self->dev, 16 * PAGE_SIZE, &addr, GFP_KERNEL);
	if (memory)
		dma_free_coherent(self->dev, 16 * PAGE_SIZE, memory, addr);
	return 0;
}

/* The page goes back to the allocator while the device can still reach it. */
static noinline int free_while_mapped(struct lifetime *self)
{
	struct page *page = alloc_page(GFP_KERNEL);
	dma_addr_t addr = page ? map_for_device(self, page, PAGE_SIZE) : 0;

	if (!addr)
		return -ENOMEM;
	give_back(page, 0);
	msleep(20);
	unmap_from_device(self, addr, PAGE_SIZE);
	return 0;
}

/* A mapping that nobody undoes: unbind the driver then. The page is never freed. */
static noinline int leak(struct lifetime *self)
{
	struct page *page = alloc_page(GFP_KERNEL);

	return page && map_for_device(self, page, PAGE_SIZE) ? 0 : -ENOMEM;
}

/* Mapped twice, unmapped once, freed. */
static noinline int double_map(struct lifetime *self)
{
	struct page *page = alloc_page(GFP_KERNEL);
	dma_addr_t first = page ? map_for_device(self, page, PAGE_SIZE) : 0;
	dma_addr_t second = page ? map_for_device(self, page, PAGE_SIZE) : 0;

	if (!first || !second)
		return -ENOMEM;
	unmap_from_device(self, first, PAGE_SIZE);
	give_back(page, 0);
	msleep(20);
	unmap_from_device(self, second, PAGE_SIZE);
	return 0;
}

/* A domain of our own, attached so that the IOMMU driver knows which page sizes there are. */
static struct iommu_domain *own_domain(struct lifetime *self)
{
	struct iommu_domain *domain;
	int error;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	domain = iommu_paging_domain_alloc(self->dev);
	if (IS_ERR(domain))
		return NULL;
#else
	domain = iommu_domain_alloc(self->dev->bus);
	if (!domain)
		return NULL;
#endif
	error = iommu_attach_device(domain, self->dev);
	if (!error)
		return domain;
	iommu_domain_free(domain);
	return NULL;
}

static void end_domain(struct lifetime *self, struct iommu_domain *domain)
{
	iommu_detach_device(domain, self->dev);
	iommu_domain_free(domain);
}

static noinline int map_own(struct iommu_domain *domain, unsigned long iova, struct page *page, size_t size)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return iommu_map(domain, iova, page_to_phys(page), size, IOMMU_READ | IOMMU_WRITE, GFP_KERNEL);
#else
	return iommu_map(domain, iova, page_to_phys(page), size, IOMMU_READ | IOMMU_WRITE);
#endif
}

static noinline size_t unmap_own(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	size_t unmapped = iommu_unmap(domain, iova, size);

	pr_info("lifetime: iommu_unmap(%zu) returned %zu\n", size, unmapped);
	return unmapped;
}

/* One page of a 2 MiB mapping is unmapped: VT-d and AMD's IOMMU drop all of it. */
static noinline int over_unmap(struct lifetime *self)
{
	const unsigned int order = get_order(SZ_2M);
	struct iommu_domain *domain = own_domain(self);
	struct page *pages = alloc_pages(GFP_KERNEL, order);
	int error = -ENOMEM;

	if (domain && pages) {
		error = map_own(domain, OWN_IOVA, pages, SZ_2M);
		if (!error && unmap_own(domain, OWN_IOVA, PAGE_SIZE) < SZ_2M)
			unmap_own(domain, OWN_IOVA + PAGE_SIZE, SZ_2M - PAGE_SIZE);
	}
	if (domain)
		end_domain(self, domain);
	if (pages)
		give_back(pages, order);
	return error;
}

/* A mapping over a live one: refused by newer kernels. */
static noinline int map_over_live(struct lifetime *self)
{
	struct iommu_domain *domain = own_domain(self);
	struct page *pages = alloc_pages(GFP_KERNEL, 3);
	int error = -ENOMEM;

	if (domain && pages) {
		error = map_own(domain, OWN_IOVA, pages, 4 * PAGE_SIZE);
		pr_info("lifetime: mapping over it: %d\n",
			map_own(domain, OWN_IOVA + PAGE_SIZE, pages + 4, PAGE_SIZE));
		unmap_own(domain, OWN_IOVA, 4 * PAGE_SIZE);
	}
	if (domain)
		end_domain(self, domain);
	if (pages)
		give_back(pages, 3);
	return error;
}

/* Of pages that were handed out many at once one is given back while the device can still reach it. */
static noinline int bulk(struct lifetime *self)
{
	struct page *pages[8] = { };
	unsigned long count;
	dma_addr_t addr;
	unsigned long i;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	count = alloc_pages_bulk(GFP_KERNEL, ARRAY_SIZE(pages), pages);
#else
	count = alloc_pages_bulk_array(GFP_KERNEL, ARRAY_SIZE(pages), pages);
#endif
	addr = count > 1 ? map_for_device(self, pages[1], PAGE_SIZE) : 0;
	for (i = 0; i < count; i++)
		give_back(pages[i], 0);
	msleep(20);
	if (addr)
		unmap_from_device(self, addr, PAGE_SIZE);
	return addr ? 0 : -ENOMEM;
}

/* Two pages are mapped, for later. */
static noinline int keep(struct lifetime *self)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(self->kept); i++) {
		self->kept[i] = alloc_page(GFP_KERNEL);
		self->kept_at[i] = self->kept[i] ? map_for_device(self, self->kept[i], PAGE_SIZE) : 0;
		if (!self->kept_at[i])
			return -ENOMEM;
	}
	return 0;
}

/* One of them is given back rightly, the other one while the device can still reach it. */
static noinline int free_kept(struct lifetime *self)
{
	if (!self->kept_at[0] || !self->kept_at[1])
		return -EINVAL;
	unmap_from_device(self, self->kept_at[0], PAGE_SIZE);
	give_back(self->kept[0], 0);
	give_back(self->kept[1], 0);
	msleep(20);
	unmap_from_device(self, self->kept_at[1], PAGE_SIZE);
	memset(self->kept_at, 0, sizeof(self->kept_at));
	return 0;
}

/*
 * The IOMMU page table of the device as Linux 6.7 and later show it with CONFIG_INTEL_IOMMU_DEBUGFS, which distributions
 * leave out: the same form, but of the entries only the last, made from what the IOMMU driver says that it translates to.
 */
static int domain_translation_struct_show(struct seq_file *file, void *unused)
{
	struct device *dev = file->private;
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	dma_addr_t iova;

	if (!domain)
		return 0;
	seq_printf(file, "Device %s @0x%llx\n", dev_name(dev), (u64)virt_to_phys(domain));
	seq_puts(file, "IOVA_PFN\t\tPML5E\t\t\tPML4E\t\t\tPDPE\t\t\tPDE\t\t\tPTE\n");
	for (iova = 0; iova <= DMA_BIT_MASK(28); iova += PAGE_SIZE) {
		phys_addr_t phys = iommu_iova_to_phys(domain, iova);

		if (phys)
			seq_printf(file, "0x%013llx |\t0x%016llx\t0x%016llx\t0x%016llx\t0x%016llx\t0x%016llx\n",
				   (u64)iova >> PAGE_SHIFT, 0ULL, 0ULL, 0ULL, 0ULL, (u64)phys | 3);
	}
	seq_putc(file, '\n');
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(domain_translation_struct);

static void show_table(struct lifetime *self)
{
	struct dentry *intel;

	self->debugfs = debugfs_create_dir("iommu", NULL);
	intel = debugfs_create_dir("intel", self->debugfs);
	debugfs_create_file("domain_translation_struct", 0444, debugfs_create_dir(dev_name(self->dev), intel), self->dev,
			    &domain_translation_struct_fops);
}

/* Pages mapped and unmapped as fast as it goes; the log says how many. */
static noinline int busy(struct lifetime *self, unsigned int seconds)
{
	unsigned long end = jiffies + seconds * HZ;
	unsigned long rounds = 0;

	while (time_before(jiffies, end)) {
		struct page *page = alloc_page(GFP_KERNEL);
		dma_addr_t addr = page ? map_for_device(self, page, PAGE_SIZE) : 0;

		if (!addr)
			return -ENOMEM;
		unmap_from_device(self, addr, PAGE_SIZE);
		give_back(page, 0);
		if (++rounds % 256 == 0)
			cond_resched();
	}
	pr_info("lifetime: %lu rounds in %u s\n", rounds, seconds);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct lifetime *self);
} scenarios[] = {
	{ "right", right },
	{ "free_while_mapped", free_while_mapped },
	{ "leak", leak },
	{ "bulk", bulk },
	{ "keep", keep },
	{ "free_kept", free_kept },
	{ "double_map", double_map },
	{ "over_unmap", over_unmap },
	{ "map_over_live", map_over_live },
};

static ssize_t run_store(struct device *dev, struct device_attribute *attribute, const char *text, size_t size)
{
	struct lifetime *self = dev_get_drvdata(dev);
	unsigned int seconds;
	int error = -EINVAL;
	unsigned int i;

	if (sscanf(text, "busy %u", &seconds) == 1)
		error = busy(self, seconds);
	for (i = 0; i < ARRAY_SIZE(scenarios); i++)
		if (sysfs_streq(text, scenarios[i].name))
			error = scenarios[i].run(self);
	return error ? error : size;
}
static DEVICE_ATTR_WO(run);

static int lifetime_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct lifetime *self = devm_kzalloc(&pdev->dev, sizeof(*self), GFP_KERNEL);
	int error = self ? pcim_enable_device(pdev) : -ENOMEM;

	if (error)
		return error;
	self->dev = &pdev->dev;
	self->registers = pcim_iomap(pdev, 0, 0);
	if (!self->registers)
		return -ENOMEM;
	pci_set_master(pdev);
	/* The device has 28 address bits. */
	error = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(28));
	if (error)
		return error;
	pci_set_drvdata(pdev, self);
	show_table(self);
	return device_create_file(&pdev->dev, &dev_attr_run);
}

static void lifetime_remove(struct pci_dev *pdev)
{
	struct lifetime *self = pci_get_drvdata(pdev);

	debugfs_remove_recursive(self->debugfs);
	device_remove_file(&pdev->dev, &dev_attr_run);
	pci_clear_master(pdev);
}

static const struct pci_device_id lifetime_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, lifetime_ids);

static struct pci_driver lifetime_driver = {
	.name = "lifetime",
	.id_table = lifetime_ids,
	.probe = lifetime_probe,
	.remove = lifetime_remove,
};
module_pci_driver(lifetime_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Right and wrong lifetimes of DMA mappings on QEMU's edu device");
