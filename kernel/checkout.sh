#!/bin/bash
# SPDX-License-Identifier: MIT
# checkout.sh SOURCE DIR PATCHES: make DIR a git tree with SOURCE as its first
# commit, tagged "base", and the series in PATCHES on top of one another, each
# a branch that is called like its folder.
set -eu

source=$1 dir=$2
patches=$(realpath -m "$3")
series=(stable fixes userptr pages)	# in the order they apply, as in export.sh

fail() {
	echo "checkout: $*" >&2
	exit 1
}

[ -z "$(ls -A "$dir" 2> /dev/null)" ] || fail "the directory is not empty"

# Set git's configuration, the names and the dates here. Then the commits have
# the same hashes on every machine, and the user needs no git identity.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=base GIT_AUTHOR_EMAIL=base@localhost GIT_AUTHOR_DATE='@0 +0000'
export GIT_COMMITTER_NAME=base GIT_COMMITTER_EMAIL=base@localhost GIT_COMMITTER_DATE='@0 +0000'

mkdir -p "$dir"
cp -a --reflink=auto "$source/." "$dir"
cd "$dir"
git init -q -b "${series[0]}"
# With this setting a rebase of the last branch also moves the other branches.
git config rebase.updateRefs true
if [ -f .gitignore ]; then
	# The .gitignore of Debian's source ignores everything outside of
	# debian/, so git would ignore each file that the series add. Remove
	# the lines that do so.
	sed -i -e '\,^/\*$,d' -e '\,^!/debian/$,d' .gitignore
fi
git add -A -f
git commit -q -m base
git tag base

shopt -s nullglob
for name in "${series[@]}"; do
	[ "$name" = "${series[0]}" ] || git checkout -q -b "$name"
	for patch in "$patches/$name"/[0-9]*.patch; do
		case ${patch##*/} in 0000-*) continue ;; esac
		git am -q --committer-date-is-author-date "$patch" ||
			fail "$name/${patch##*/} does not apply"
	done
done
