# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of ./run for bash. Source this file, for instance from ~/.bashrc. The words come from the checkout whose
# run is called, from its usage.txt.

# The words that can follow the words @2... of the run whose harness is in the directory @1.
_amdgpu_userptr_next() {
	local command=${2:-} word kind='' takes number=1
	# shellcheck disable=SC1091 # arguments.sh is checked by itself
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
	# In a subshell, so that nothing of arguments.sh stays in the user's shell.
	mapfile -t COMPREPLY < <(compgen -W "$(_amdgpu_userptr_next "$harness" "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2> /dev/null)" \
		-- "${COMP_WORDS[COMP_CWORD]}")
}

complete -o bashdefault -o default -F _amdgpu_userptr_run run
