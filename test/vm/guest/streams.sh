. /host/functions.sh
insmod /modules/lifetime.ko
echo "$EDU" > /host/edu
cd /tmp
iommusan record --from-boot > /host/from-boot 2> /host/from-boot.told

# The same events by trace-cmd, in a second instance, while iommusan records.
cat > /tmp/second.sh <<'END'
. /host/functions.sh
group=iommusan_$PPID
trace-cmd record -q -C mono -B second -b 8192 -o /host/second.dat \
	-e $group:map -R stacktrace -e $group:unmap -R stacktrace -e $group:bind -e $group:unbind -e $group:domain_free \
	-e kmem:mm_page_free -R stacktrace -e kmem:mm_page_alloc -e iommu:map -e iommu:unmap \
	sh -c '. /host/functions.sh; work; lifetime double_map; lifetime over_unmap'
END
equal() { iommusan record --no-check -o /host/first.dat -- sh /tmp/second.sh; }
step equal equal

# One device of all.
device() { iommusan record --no-check --device "$EDU" -o /host/device.dat -- sh -c '. /host/functions.sh; work'; }
step device device

# A minute of nothing but mappings. On the disk of the host: a fast machine makes more than this one's memory holds.
heavy() { iommusan record --no-check -o /host/heavy.dat -- sh -c '. /host/functions.sh; lifetime "busy 60"'; }
step heavy heavy
dmesg | grep 'rounds in' > /host/heavy.rounds

# Watched while it happens.
ip link set lo up
live() {
	$IOMMUSAN live --metrics 9177 > /host/live.findings &
	watcher=$!
	until_recording $watcher
	lifetime right
	lifetime free_while_mapped
	lifetime leak
	rounds=0
	until grep -q free-while-mapped /host/live.findings || [ $rounds -gt 300 ]; do
		sleep 0.1
		rounds=$((rounds + 1))
	done
	cp /host/live.findings /host/live.meanwhile
	wget -q -O /host/live.metrics http://127.0.0.1:9177/metrics
	unbind "$EDU"
	sleep 2
	kill -INT $watcher
	wait $watcher
}
step live live
