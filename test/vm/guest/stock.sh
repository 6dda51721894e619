. /host/drivers.sh

# The ways out.
until_signal() {
	# Not by the function: in the background that would be a shell of its own, with another number.
	$IOMMUSAN record --no-check -o "/host/$1.dat" &
	recorder=$!
	until_recording $recorder
	sleep 0.5
	kill "-$1" $recorder
	wait $recorder
}
for signal in INT TERM HUP; do step $signal until_signal $signal; done
# A terminal that is closed, when a word stands on it: nobody holds its other end any more.
on_closed_terminal() {
	word=$1
	shift
	rm -f /tmp/terminal
	script -q -f -c "exec $*" /tmp/terminal < /dev/null > /dev/null &
	terminal=$!
	until recorder=$(ls $TRACEFS/instances | sed -n 's/^iommusan-//p') && [ "$recorder" ]; do sleep 0.1; done
	rounds=0
	until grep -q "$word" /tmp/terminal || [ $rounds -gt 300 ]; do
		sleep 0.1
		rounds=$((rounds + 1))
	done
	kill -KILL $terminal
	rounds=0
	while [ -d /proc/$recorder ] && [ $rounds -lt 300 ]; do
		sleep 0.1
		rounds=$((rounds + 1))
	done
	[ ! -d /proc/$recorder ]
}
step closed_record on_closed_terminal lost $IOMMUSAN record --no-check -o /host/closed.dat
step closed_live on_closed_terminal mappings $IOMMUSAN live
cp /tmp/terminal /host/closed_live.terminal
step failing iommusan record --no-check -o /host/failing.dat -- sh -c 'exit 7'
step no_program iommusan record --no-check -o /host/no_program.dat -- /bin/none
step unwritable iommusan record -o /nowhere/trace.dat -- true
mkdir -p /small
mount -t tmpfs -o size=20m tmpfs /small
fill() { iommusan record --no-check --preset full -o /small/full.dat -- sh -c '. /host/functions.sh; dd if=/dev/zero of=/small/filler bs=1k count=18000; lifetime "busy 20"'; }
step full_disk fill
cp /small/full.dat.partial /host/
umount /small
step killed until_signal KILL
step after_killed iommusan record --no-check -o /host/after_killed.dat -- true
step clean iommusan record --clean

# What was mapped before: the module shows the table of its device.
lifetime keep
initial() { iommusan record --no-check --initial-state -o /host/initial.dat -- sh -c '. /host/functions.sh; lifetime right; lifetime free_kept'; }
step initial initial

# Without Node.js.
iommusan record --script > /host/record.sh
script() {
	for try in 1 2 3; do
		rm -rf /host/capture
		sh /host/record.sh -o /host/capture sh -c '. /host/functions.sh; lifetime free_while_mapped; lifetime double_map' 2>&1 | tee /tmp/script
		grep -q 'has missed' /tmp/script || return 0
	done
}
step script script
script_ended() {
	sh /host/record.sh -o /host/capture2.tar sh -c 'sleep 60' &
	recorder=$!
	until_recording $recorder
	sleep 1
	kill -TERM $recorder
	wait $recorder
}
step script_ended script_ended
