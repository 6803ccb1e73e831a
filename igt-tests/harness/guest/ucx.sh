#!/bin/sh
# SPDX-License-Identifier: MIT
# ucx.sh VARIABLE=VALUE... OPTION...
# Runs Debian's ucx_perftest with these OPTIONs in two processes, a server and a
# client, with the VARIABLEs in their environment. Prints the output of
# both, and one line at the end.
port=13337		# of ucx_perftest
seconds=120		# for both processes, which load the libraries of ROCm first

# Does a process listen on the port?
is_served() {
	grep -q -i "^ *[0-9]*: [0-9A-F]*:$(printf %04x $port) [0-9A-F:]* 0A " /proc/net/tcp /proc/net/tcp6
}

# Take the VARIABLEs, which come first, from the words.
variables=UCX_PROTO_INFO=y
while [ "${1#[A-Z]*=}" != "$1" ]; do
	variables="$variables $1"
	shift
done

# Print the output of a process. The guest's kernel has no System V shared memory.
# UCX reports that as an error, but works.
output_of() {
	grep -v /proc/sys/kernel/shmmax "/tmp/ucx-$1"
}

# shellcheck disable=SC2086 # the variables are words
timeout $seconds env $variables ucx_perftest -p $port > /tmp/ucx-server 2>&1 &
server=$!
until is_served || ! kill -0 $server; do
	sleep 0.1
done
# shellcheck disable=SC2086
timeout $seconds env $variables ucx_perftest localhost -p $port -f "$@" > /tmp/ucx-client 2>&1
client=$?
wait $server
server=$?
output_of server
output_of client
# UCX goes on without a transport that fails, and reports that as an error.
errors=$({ output_of server; output_of client; } | grep -c ERROR)
# UCX_PROTO_INFO makes UCX print the transports that it has chosen. The last transport in UCX_TLS has to be among them.
transport=$(echo "$variables" | sed -n 's/.*UCX_TLS=[^ ]*,\([a-z_]*\).*/\1/p')
chosen=$(output_of client | grep -c "|.*[| ]$transport/")
echo "ucx_perftest: status of the client $client, of the server $server, errors $errors, $transport in $chosen protocols"
[ "$client $server $errors" = "0 0 0" ] && [ "$chosen" -gt 0 ]
