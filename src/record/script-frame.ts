/** What the recording script begins with. It needs a POSIX shell and the tools of busybox; `set -e` would end it too early. */
export const SCRIPT_START = `#!/bin/sh
# Records what this kernel does with IOMMU mappings and pages, for "iommusan check". Made by "iommusan record --script".
#
#     sh record.sh [-o DIRECTORY | -o FILE.tar] [-d SECONDS] [COMMAND...]
#
# Run it as root. It records until COMMAND ends, for so many seconds, or until Ctrl-C. Then tracefs is as it was before,
# and DIRECTORY (by default ./iommusan-capture) can be copied elsewhere and checked: iommusan check DIRECTORY
#
# It makes a tracefs instance and a group of probes of its own, and touches nothing else.

buffer_kib='@BUFFER@'
devices='@DEVICES@'
output=iommusan-capture
seconds=

while getopts o:d: option; do
	case $option in
	o) output=$OPTARG ;;
	d) seconds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

say() { echo "record.sh: $*" >&2; }
fail() { say "$*"; exit 3; }

here=$PWD
case $output in
*.tar) directory=$output.files ;;
*) directory=$output ;;
esac
case $directory in /*) ;; *) directory=$here/$directory ;; esac
case $output in /*) ;; *) output=$here/$output ;; esac
[ -e "$directory" ] && fail "$directory exists already."
mkdir -p "$directory" || fail "$directory cannot be made."
# What was made is taken away again if nothing can be recorded.
trap 'rmdir "$directory" 2> /dev/null' EXIT

tracefs=$(while read -r _ point type _; do [ "$type" = tracefs ] && echo "$point" && break; done < /proc/mounts)
[ "$tracefs" ] || fail 'tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing'
cd "$tracefs" 2> /dev/null && [ -w dynamic_events ] || fail "recording needs root, and a kernel with dynamic events in $tracefs."

name=iommusan-$$
group=iommusan_$$
instance=instances/$name
architecture=$(uname -m)
recorded=
not_recorded=
probes=
events='ftrace/kernel_stack ftrace/print'
readers=
functions=/tmp/$name.functions

has_fprobes=
grep -q '^[[:space:]]*f\\[*[a-z]*\\]*\\[:' README && has_fprobes=yes
has_arguments=
grep -q 'kernel return probes support:.*[$]arg<N>' README && has_arguments=yes

# The functions that can be traced, once each; those of modules are not meant.
grep -v ' ' available_filter_functions | sort | uniq -u > "$functions"
has() { grep -qx "$1" "$functions"; }

# SMMUv2 reports faults without a device, whose name the event would take.
fault_event_is_safe() {
	for iommu in /sys/class/iommu/*; do
		case \${iommu##*/} in dmar* | ivhd* | smmu3* | '*') ;; *) return 1 ;; esac
	done
}

is_recorded() { case "$recorded " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
# Told when recording has begun.
missing() {
	not_recorded="$not_recorded$1: this kernel has no event for it; $2
"
}
mark() { echo "iommusan: $*" >&9; }

# event SYSTEM EVENT stack|- FIELD|-: enables one, with its stack, for the chosen devices only.
event() {
	folder=$instance/events/$1/$2
	[ -d "$folder" ] || return 1
	if [ "$4" != - ] && [ "$devices" ]; then
		filter=
		for device in $devices; do filter="$filter\${filter:+ || }$4 == \\"$device\\""; done
		echo "$filter" > "$folder/filter" || return 1
	fi
	if [ "$3" = stack ]; then echo stacktrace > "$folder/trigger" || return 1; fi
	echo 1 2> /dev/null > "$folder/enable" || return 1
	events="$events $1/$2"
}

# probe entry|return|return_with_arguments EVENT FUNCTION stack|- FIELD|- ARGUMENTS
probe() {
	has "$3" || return 1
	[ "$1" != return_with_arguments ] || [ "$has_arguments" ] || return 1
	case $1-$has_fprobes in
	entry-yes) definition="f:$group/$2 $3 $6" ;;
	*-yes) definition="f:$group/$2 $3%return $6" ;;
	entry-) definition="p:$group/$2 $3 $6" ;;
	*) definition="r:$group/$2 $3 $6" ;;
	esac
	echo "$definition" 2> /dev/null >> dynamic_events || return 1
	probes="$2 $probes"
	event "$group" "$2" "$4" "$5"
}
`;

/** What it ends with. */
export const SCRIPT_END = `
# Sets everything back, on every way out.
cleanup() {
	trap '' INT TERM HUP
	cd "$tracefs" || return
	for reader in $readers; do kill "$reader" 2> /dev/null; done
	wait
	exec 9>&-
	[ -d "$instance" ] && echo 0 > "$instance/tracing_on" && rmdir "$instance"
	for probe in $probes; do echo "-:$group/$probe" >> dynamic_events; done
	rm -f "$functions"
	rmdir "$directory" 2> /dev/null
}
trap cleanup EXIT
trap 'stopped=yes' INT TERM HUP
stopped=

mkdir "$instance" || fail "no instance can be made in $tracefs/instances."
# An open file of the instance shows that this recording is alive.
exec 9> "$instance/trace_marker"
echo 0 > "$instance/tracing_on"
echo mono > "$instance/trace_clock"
choose
# After the events: in Linux 6.1 the main buffer of tracefs would stay at 7 KiB otherwise.
if [ "$buffer_kib" ]; then
	echo "$buffer_kib" > "$instance/buffer_size_kb" || fail "the kernel has no memory for buffers of $buffer_kib KiB per CPU."
fi

for cpu in "$instance"/per_cpu/cpu*; do
	mkdir -p "$directory/per_cpu/\${cpu##*/}"
	cat "$cpu/trace_pipe_raw" > "$directory/per_cpu/\${cpu##*/}/trace_pipe_raw" 9>&- &
	readers="$readers $!"
done
echo 1 > "$instance/tracing_on"
printf '%s' "$not_recorded" | while read -r line; do mark "missing $line"; done
for group_folder in /sys/kernel/iommu_groups/*/devices/*; do
	[ -e "$group_folder/driver" ] || continue
	driver=$(readlink -f "$group_folder/driver")
	mark "bound \${group_folder##*/} \${driver##*/}"
done

# What is recorded.
if [ $# -gt 0 ]; then
	(cd "$here" && exec "$@" 9>&-) &
	command=$!
	while ! [ "$stopped" ] && kill -0 "$command" 2> /dev/null; do wait "$command"; done
	[ "$stopped" ] && kill "$command" 2> /dev/null
else
	[ "$seconds" ] || say 'recording until Ctrl-C'
	elapsed=0
	while ! [ "$stopped" ] && [ "$elapsed" != "\${seconds:--}" ]; do
		sleep 1
		elapsed=$((elapsed + 1))
	done
fi
# Calls that probes have missed: hit within another probe, or out of places to note a return in.
[ -e kprobe_profile ] && while read -r event _ missed; do
	case " $probes" in
	*" $event "*)
		[ "$missed" = 0 ] && continue
		mark "missed $event $missed"
		say "the kernel has missed $missed calls at the probe "$event": what rests on them is only possible."
		;;
	esac
done < kprobe_profile
echo 0 > "$instance/tracing_on"

# The readers write down what they have.
left() { cat "$instance"/per_cpu/cpu*/stats | grep '^entries: '; }
before=
now=$(left)
while [ "$now" != "$before" ]; do
	sleep 0.2 2> /dev/null || sleep 1
	before=$now
	now=$(left)
done
for reader in $readers; do kill "$reader" 2> /dev/null; done
wait
readers=

# A cat that uses splice(2), as busybox's does, waits for half a buffer and leaves a sub-buffer that is not full. read(2)
# takes it.
sub_buffer=$(sed -n 's/.*char data;[[:space:]]*offset:\\([0-9]*\\);[[:space:]]*size:\\([0-9]*\\);.*/\\1 + \\2/p' "$instance/events/header_page")
for cpu in "$instance"/per_cpu/cpu*; do
	dd if="$cpu/trace_pipe_raw" bs=$(($sub_buffer)) >> "$directory/per_cpu/\${cpu##*/}/trace_pipe_raw" 2> /dev/null 9>&- &
	readers="$readers $!"
done
for cpu in "$instance"/per_cpu/cpu*; do
	rounds=0
	while [ $rounds -lt 50 ] && ! grep -q '^entries: 0$' "$cpu/stats"; do
		sleep 0.1 2> /dev/null || sleep 1
		rounds=$((rounds + 1))
	done
	cat "$cpu/stats" > "$directory/per_cpu/\${cpu##*/}/stats"
done

mkdir -p "$directory/events"
cat "$instance/events/header_page" > "$directory/events/header_page"
for event in $events; do
	mkdir -p "$directory/events/$event"
	cat "events/$event/format" > "$directory/events/$event/format"
done
cat "$instance/trace_clock" > "$directory/trace_clock"
cat saved_cmdlines > "$directory/saved_cmdlines"
cat /proc/kallsyms > "$directory/kallsyms"
uname -snrm > "$directory/uname"
getconf PAGESIZE > "$directory/page_size" 2> /dev/null || rm -f "$directory/page_size"

if [ "$output" != "$directory" ]; then
	(cd "$directory" && tar cf "$output" .) && rm -r "$directory"
fi
say "$output can be checked: iommusan check $output"
`;
