# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completes the command line of ./run in bash. Source this file, for instance from ~/.bashrc. The words come from
# usage.txt of the checkout to which the called run belongs.

# Print the words that can follow on the command line, behind the words from @2 on. The harness of the called run is in
# the directory @1.
_amdgpu_userptr_next() {
	local command=${2:-} word kind='' takes number=1
	# shellcheck disable=SC1091 # another run of shellcheck checks arguments.sh
	. "$1/arguments.sh"
	if [ $# -lt 2 ]; then
		names_of COMMAND
		return
	fi
	takes=$(section "$command" | sed -n '1s/^[a-z]* *//p')
	for word in "${@:3}"; do
		case $word in
		--) return ;;
		-*) kind=$(options "$command" | sed -n "s/^$word //p") ;;
		*)
			[ -n "$kind" ] || number=$((number + 1))
			kind= ;;
		esac
	done
	if [ -z "$kind" ]; then
		options "$command" | sed 's/ .*//'
		kind=$(kind_of_argument $number "$takes")
	fi
	case $kind in
	WHAT) names_of SUITE; names_of PROGRAM ;;
	?*) names_of "$kind" ;;
	esac
}

_amdgpu_userptr_run() {
	local run=${COMP_WORDS[0]/#~\//$HOME/} harness
	harness=$(dirname -- "$run")/igt-tests/harness
	[ -e "$harness/usage.txt" ] || return
	# The function runs in a subshell, so that nothing of arguments.sh stays in the user's shell.
	mapfile -t COMPREPLY < <(compgen -W "$(_amdgpu_userptr_next "$harness" "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2> /dev/null)" \
		-- "${COMP_WORDS[COMP_CWORD]}")
}

complete -o bashdefault -o default -F _amdgpu_userptr_run run
