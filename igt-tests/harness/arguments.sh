#!/bin/bash
# SPDX-License-Identifier: MIT
# Checks the words behind ./run against usage.txt, and prints help. ./run sources
# this file and calls judge_arguments before it sets anything up, so that a wrong
# word costs no download and needs no root privileges. It is a shell script
# because the host may have no Python, and the build root, which has Python, may
# not exist yet. For a wrong word it prints one line on standard error, and the
# exit status is 2.

harness=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kvm=/dev/kvm

refuse() {
	echo "run: $*" >&2
	exit 2
}

# Print the section of usage.txt whose first word is @1. In these comments @1 is the first argument of a function.
section() {
	local line inside=
	while IFS= read -r line; do
		case $line in
		'#'*|'') ;;
		' '*) [ -z "$inside" ] || printf '%s\n' "$line" ;;
		*)
			inside=
			[ "${line%% *}" != "$1" ] || { inside=1; printf '%s\n' "$line"; } ;;
		esac
	done < "$harness/usage.txt"
}

names_of() {
	case $1 in
	COMMAND) sed '/^where/,$d; /^[# ]/d; /^$/d; s/ .*//' "$harness/usage.txt" ;;
	SUITE) section suites | awk '/^  [a-z]/ { print $1 }' ;;
	MODE) sed -n 's/^mode = *//p' "$harness/tables/scenarios.cfg" | sort -u ;;
	CONTROL) sed -n 's/^\[\([a-z].*\)\]$/\1/p' "$harness/tables/controls.cfg" ;;
	TARGET) printf '%s\n' "$harness"/../vgpu/fuzz/corpus/*.txt "$harness"/../../lib/fuzz/corpus/*.txt | sed 's,.*/,,; s,\.txt$,,' | sort ;;
	PROGRAM)
		sed -n -E 's/^(programs|unseeded|alone) = //p' "$harness/tables/scenarios.cfg" | tr ' ' '\n' | grep '^amd_' | sort -u ;;
	ACCEL|ACTION|CONFIG|HZ|PART|SIZE) section where | sed -n "s/^  $1 *//p" | sed 's/;.*//; s/, /\n/g' ;;
	esac
}

in_a_row() {
	paste -s -d , - | sed 's/,/, /g'
}

is_name() {
	names_of "$1" | grep -qxF -e "$2"
}

# Print the section of usage.txt that lists the options of the command @1 and their rules. For the command shell this is
# the section of exec, because shell has the options of exec.
section_of_options() {
	local text
	text=$(section "$1")
	[[ ! $text =~ Options:\ those\ of\ ([a-z]+) ]] || text=$(section "${BASH_REMATCH[1]}")
	printf '%s\n' "$text"
}

# Print "--option" or "--option KIND" for each option of the command @1.
options() {
	local line
	while IFS= read -r line; do
		[[ ! $line =~ ^\ \ (--[a-z-]+(\ [A-Z]+)?)\ \  ]] || echo "${BASH_REMATCH[1]}"
	done < <(section_of_options "$1")
}

# Is the whole number @1 less than @2? Compare the digits, because bash cannot calculate beyond 2^63.
is_less() {
	local a=$1 b=$2
	while [[ $a == 0?* ]]; do a=${a#0}; done
	while [[ $b == 0?* ]]; do b=${b#0}; done
	[ ${#a} -lt ${#b} ] || { [ ${#a} -eq ${#b} ] && [[ $a < $b ]]; }
}

# Is @1 a number from @2 to @3? It must be whole unless @2 has a decimal point.
in_range() {
	if [[ $2 == *.* ]]; then
		[[ $1 =~ ^[0-9]+(\.[0-9]+)?$ ]] && awk "BEGIN { exit !($1 >= $2 && $1 <= $3) }"
	else
		[[ $1 =~ ^[0-9]+$ ]] && ! is_less "$1" "$2" && ! is_less "$3" "$1"
	fi
}

# Are there more than 1000 numbers from @1 to @2? Both are less than 2^64, and @1 is not greater than @2. bash cannot
# calculate beyond 2^63, and awk rounds there. So split each number into its first 5 of 20 digits and the other 15.
is_long() {
	local a=0000000000000000000$1 b=0000000000000000000$2 high
	a=${a: -20} b=${b: -20}
	high=$((10#${b::5} - 10#${a::5}))
	[ $high -gt 1 ] || [ $((high * 10 ** 15 + 10#${b:5} - 10#${a:5})) -ge 1000 ]
}

# Is @1 a list of seeds like "7", "1,5,9" or "1..20"?
are_seeds() {
	local part first last number='[0-9]+'
	[[ $1 =~ ^$number(\.\.$number)?(,$number(\.\.$number)?)*$ ]] || return
	for part in ${1//,/ }; do
		first=${part%..*} last=${part#*..}
		in_range "$first" 0 18446744073709551615 || return
		in_range "$last" "$first" 18446744073709551615 || return
		# Refuse a range of more than 1000 seeds, which must be a typing error.
		! is_long "$first" "$last" || return
	done
}

# Refuse --accel kvm if /dev/kvm cannot be opened as QEMU opens it. Look first whether it is a device, because bash would
# make a file of that name.
judge_kvm() {
	local error
	[ -c "$kvm" ] || refuse "--accel kvm: this machine has no $kvm"
	error=$({ : <> "$kvm"; } 2>&1) || refuse "--accel kvm: $kvm cannot be opened (${error##*: })"
}

# Refuse the value @2 of the option or argument @1 unless it is of the kind @3.
judge_value() {
	local text low high
	text=$(section where)
	if [[ $text =~ \ \ $3\ +([0-9]+(\.[0-9]+)?)\.\.([0-9]+) ]]; then
		low=${BASH_REMATCH[1]} high=${BASH_REMATCH[3]}
		in_range "$2" "$low" "$high" || refuse "$1 takes a number from $low to $high, not '$2'"
		return
	fi
	case $3 in
	ACCEL|MODE|CONTROL|TARGET|ACTION|CONFIG|HZ|PART|SIZE|COMMAND)
		text=${3,,}
		is_name "$3" "$2" || refuse "unknown $text '$2'; there are $(names_of "$3" | in_a_row)"
		[ "$3=$2" != ACCEL=kvm ] || judge_kvm ;;
	WHAT)
		if [[ $2 == amd_* ]]; then
			is_name PROGRAM "${2%%@*}" ||
				refuse "unknown program '${2%%@*}'; ./run test --list shows all programs and their subtests"
			[[ $2 =~ ^[^@]+(@[a-z0-9-]+)?$ ]] || refuse "'$2' is neither a PROGRAM nor PROGRAM@SUBTEST"
		else
			is_name SUITE "$2" || refuse "unknown suite '$2'; there are $(names_of SUITE | in_a_row)"
		fi ;;
	SEEDS)
		are_seeds "$2" || refuse "$1 takes seeds like 7, 1,5,9 or 1..20, not '$2'" ;;
	DIR)
		[ -d "$2" ] || refuse "$1: there is no directory '$2'" ;;
	FILE)
		if [ ! -d "$(dirname -- "$2")" ] || [ -d "$2" ]; then
			refuse "$1 takes a file in a directory that exists, not '$2'"
		fi ;;
	esac
}

# Refuse the options @2 of the command @1 if usage.txt forbids them together, or together with the arguments @3.
judge_rules() {
	local rule option seen list argument
	while IFS= read -r rule; do
		if [[ $rule =~ ^\ \ Not\ together:\ (.*)\.$ ]]; then
			seen=
			for option in ${BASH_REMATCH[1]//,/ }; do
				[[ $2 == *" $option "* ]] || continue
				[ -z "$seen" ] || refuse "$seen and $option do not go together"
				seen=$option
			done
		elif [[ $rule =~ ^\ \ ([^ ]+)\ needs\ suites\ of:\ (.*)\.$ ]]; then
			option=${BASH_REMATCH[1]} list=${BASH_REMATCH[2]}
			if [ "$option" = PROGRAM ]; then
				[[ $3 == *" amd_"* ]] || continue
				option='a program'
			else
				[[ $2 == *" $option "* ]] || continue
			fi
			for argument in $3; do
				[[ $argument == amd_* || ,${list// /}, == *",$argument,"* ]] ||
					refuse "$option is for the suites $list, not for $argument"
			done
		fi
	done < <(section_of_options "$1")
	[[ $2 != *" --failed "* || -z ${3// /} ]] || refuse "--failed takes no suite and no program"
	[[ $2 != *" --seed "* || $2 == *" --control "* || ! $3 =~ \ (negative|faults)\  ]] ||
		refuse "--seed needs --control with the suite negative, and is not for the suite faults"
	[[ $2 != *" --config "* || $3 == " deb "* ]] || refuse "--config is for ./run kernel deb"
}

# Print which kind of word a command takes as its argument number @1, or nothing if it takes fewer arguments. @2 is the
# description of the arguments in usage.txt, for instance "ACTION [TREE]".
kind_of_argument() {
	local kinds
	read -ra kinds <<< "${2//[][]/}"
	if [ "$1" -le ${#kinds[@]} ]; then
		echo "${kinds[$1 - 1]%...}"
	elif [[ $2 == *...* ]]; then
		echo "${kinds[-1]%...}"
	fi
}

# Refuse the words @2... behind the command @1 if usage.txt does not allow them.
judge_words() {
	local command=$1 word value kind known given=' ' arguments=' ' number=0 takes
	shift
	known=$(options "$command")
	read -r _ takes < <(section "$command")
	while [ $# -gt 0 ]; do
		word=$1
		shift
		case $word in
		-h|--help)
			help_command "$command"
			exit ;;
		--)
			[ "$command" = exec ] || refuse "unknown option '--' of $command"
			[ $# -gt 0 ] || refuse "exec needs a command: ./run exec [OPTION...] -- COMMAND..."
			number=1
			break ;;
		--*=*|-*)
			value=${word#*=} word=${word%%=*}
			[[ $'\n'$known$'\n' =~ $'\n'"$word"( ([A-Z]+))?$'\n' ]] ||
				refuse "unknown option '$word' of $command; ./run $command --help lists its options"
			kind=${BASH_REMATCH[2]}
			if [ -z "$kind" ]; then
				[ "$value" = "$word" ] || refuse "$word takes no value"
			elif [ "$value" = "$word" ]; then
				[[ $# -gt 0 && $1 != --* ]] || refuse "$word needs a value: $word $kind"
				value=$1
				shift
			fi
			[ -z "$kind" ] || judge_value "$word" "$value" "$kind"
			given+="$word " ;;
		*)
			number=$((number + 1))
			kind=$(kind_of_argument $number "$takes")
			if [ -z "$kind" ] || [ "$command" = exec ]; then
				refuse "unknown argument '$word' of $command; ./run $command --help says what it takes"
			fi
			judge_value "$kind" "$word" "$kind"
			arguments+="$word " ;;
		esac
	done
	case $takes in
	''|'['*) ;;
	*) [ $number -gt 0 ] || refuse "$command needs an argument: ./run $command $takes" ;;
	esac
	judge_rules "$command" "$given" "$arguments"
}

help_command() {
	local options kinds kind text
	section "$1" | sed '1s/\( .*\)\?$/ [OPTION...]\1\n/; 1s/^/usage: .\/run /'
	options=$(section "$1" | sed -n 's/^  Options: those of \([a-z]*\)\.$/\1/p')
	[ -z "$options" ] || section "$options" | sed -n '/^  --/,$p'
	kinds=$(section "$1"; [ -z "$options" ] || section "$options")
	echo
	kinds=" ${kinds//[!A-Za-z]/ } "
	while read -r kind text; do
		[[ $kinds != *" $kind "* ]] || printf '  %-10s %s\n' "$kind" "$text"
	done < <(section where | tail -n +2)
	if [[ $kinds == *" MODE "* ]]; then
		printf '\nmodes: %s\n' "$(names_of MODE | in_a_row)"
	fi
	[ "$1" != test ] || section suites | sed '1s/.*/\nsuites:/'
}

help_overview() {
	echo "usage: ./run COMMAND [OPTION...] [ARGUMENT...]"
	echo
	awk '/^#/ { next }
		$1 == "where" { exit }
		/^[^ ]/ { name = $1; next }
		name { sub(/^ +/, ""); printf "  %-8s %s\n", name, $0; name = "" }' "$harness/usage.txt"
	printf '\n./run COMMAND --help lists the options of a command.\n\n'
	section suites | sed '1s/.*/The suites of .\/run test:\n/'
	echo
	sed -n '/^Needs/,$p' "$harness/usage.txt"
}

# Check all words behind ./run. If they ask for help, print it and exit.
judge_arguments() {
	case ${1:-help} in
	help|-h|--help)
		[ -z "${2:-}" ] || judge_value COMMAND "$2" COMMAND
		if [ -n "${2:-}" ]; then help_command "$2"; else help_overview; fi
		exit ;;
	cc) return ;;	# gcc checks its own arguments
	esac
	judge_value COMMAND "$1" COMMAND
	judge_words "$@"
}
