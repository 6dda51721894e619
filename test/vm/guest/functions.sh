# What the jobs of the machine under test share.

TRACEFS=/sys/kernel/tracing
IOMMUSAN='node /iommusan/bin/iommusan.cjs'
iommusan() { $IOMMUSAN "$@"; }

# The address of the edu device, and of the network card.
address_of() {
	for device in /sys/bus/pci/devices/*; do
		[ "$(cat "$device/vendor"):$(cat "$device/device")" = "$1" ] && basename "$device"
	done
}
EDU=$(address_of 0x1234:0x11e8)
NETWORK=$(address_of 0x8086:0x10d3)

# Everything that a recording must leave as it was.
state() {
	cd $TRACEFS || return
	for file in dynamic_events kprobe_events set_event set_event_pid trace_clock tracing_on current_tracer \
		buffer_size_kb trace_options saved_cmdlines_size events/enable; do
		echo "== $file"
		# The main buffer takes its proper size when the first event of a boot is enabled; in whole sub-buffers.
		if [ $file = buffer_size_kb ]; then
			sed 's/^[0-9]* (expanded: \([0-9]*\))$/\1/' $file | awk '{ print int(int(($1 * 1024 + 4079) / 4080) * 4080 / 1024) }'
		else
			cat $file
		fi
	done
	echo '== instances'
	ls instances
	echo '== events of probes'
	ls events | grep iommusan
	cd /
}

# step NAME COMMAND...: runs it, keeps its output and its status, and the state of tracefs around it.
step() {
	name=$1
	shift
	echo "$(cut -d' ' -f1 /proc/uptime) $name"
	state > "/host/$name.before"
	"$@" > "/host/$name.out" 2>&1
	echo $? > "/host/$name.status"
	state > "/host/$name.after"
}

# Lets the driver of the edu device do one thing.
lifetime() { echo "$1" > "/sys/bus/pci/drivers/lifetime/$EDU/run"; }

# Waits until the recording of a process has begun. A new instance records until its first event is about to be set.
until_recording() {
	instance=$TRACEFS/instances/iommusan-$1
	until grep -q '^iommu:map$' $instance/set_event && [ "$(cat $instance/tracing_on)" = 1 ]; do
		kill -0 "$1" || return
		sleep 0.1
	done 2> /dev/null
}

unbind() { echo "$1" > "/sys/bus/pci/devices/$1/driver/unbind"; }

# Correct work of all drivers.
work() {
	dd if=/dev/nvme0n1 of=/dev/null bs=128k count=64 iflag=direct 2> /dev/null
	dd if=/dev/zero of=/dev/nvme0n1 bs=128k count=32 oflag=direct 2> /dev/null
	dd if=/dev/vda of=/dev/null bs=128k count=64 iflag=direct 2> /dev/null
	ip link set eth0 up
	ip address add 10.0.2.15/24 dev eth0 2> /dev/null
	# QEMU sends back what it gets.
	dd if=/dev/zero bs=1k count=512 2> /dev/null | timeout 20 nc 10.0.2.100 9 > /dev/null
	lifetime right
	ip link set eth0 down
}
