. /host/functions.sh
insmod /modules/lifetime.ko
echo "$EDU" > /host/edu
cd /tmp

# Right and wrong drivers.
correct() { iommusan record --no-check -o /host/correct.dat -- sh -c '. /host/functions.sh; work; unbind $NETWORK; echo $NETWORK > /sys/bus/pci/drivers/e1000e/bind'; }
step correct correct
# Once more where the kernel has missed a call that an interrupt made within the handler of another probe.
wrong() {
	for try in 1 2 3; do
		iommusan record --no-check -o "/host/$1.dat" -- sh -c ". /host/functions.sh; lifetime $1" 2>&1 | tee /tmp/wrong
		grep -q 'has missed' /tmp/wrong || return 0
	done
}
for scenario in free_while_mapped double_map over_unmap map_over_live; do step $scenario wrong $scenario; done
bulk() { iommusan record --no-check --preset full -o /host/bulk.dat -- sh -c '. /host/functions.sh; lifetime bulk'; }
step bulk bulk
leak() { iommusan record -o /host/leak.dat -- sh -c '. /host/functions.sh; lifetime leak; unbind $EDU'; }
step leak leak
echo "$EDU" > /sys/bus/pci/drivers/lifetime/bind
