. /host/functions.sh
insmod /modules/lifetime.ko
cd /tmp

# How many times a page is allocated, mapped, unmapped and freed in five seconds.
busy='. /host/functions.sh; lifetime "busy 5"'
rounds() { echo "$1 $(dmesg | sed -n 's/.*lifetime: \([0-9]*\) rounds in.*/\1/p' | tail -1) $2" >> /host/cost; }
bytes_of() { wc -c < "$1"; }

for turn in 1 2 3; do
	sh -c "$busy"
	rounds nothing 0
	for preset in minimal default full; do
		iommusan record --no-check --preset $preset -o /tmp/cost.dat -- sh -c "$busy"
		rounds "iommusan-$preset" "$(bytes_of /tmp/cost.dat)"
	done
	echo 'p:cost/map __iommu_map domain=$arg1 iova=$arg2 paddr=$arg3 size=$arg4 prot=$arg5:x32' >> $TRACEFS/dynamic_events
	echo 'p:cost/unmap __iommu_unmap domain=$arg1 iova=$arg2 size=$arg3' >> $TRACEFS/dynamic_events
	echo 'p:cost/dma_map iommu_dma_map_page dev=+0(+0($arg1)):string' >> $TRACEFS/dynamic_events
	trace-cmd record -q -C mono -b 8192 -o /tmp/cost.dat -e cost:map -R stacktrace -e cost:unmap -R stacktrace -e cost:dma_map \
		-e iommu:map -e iommu:unmap -e kmem:mm_page_alloc -e kmem:mm_page_free -R stacktrace sh -c "$busy"
	rounds trace-cmd-default "$(bytes_of /tmp/cost.dat)"
	trace-cmd reset -q 2> /dev/null
	# trace-cmd has removed the probes, too, if it is a new one.
	for probe in map unmap dma_map; do echo "-:cost/$probe" >> $TRACEFS/dynamic_events; done 2> /dev/null
done
