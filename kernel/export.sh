#!/bin/bash
# SPDX-License-Identifier: MIT
# export.sh DIR PATCHES: write the commits of DIR since the tag "base" to
# PATCHES. The hand-written cover letter, 0000-*.patch, is left alone.
set -eu

dir=$1
patches=$(realpath -m "$2")

fail() {
	echo "export: $*" >&2
	exit 1
}

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
git -C "$dir" rev-parse -q --verify "base^{commit}" > /dev/null 2>&1 ||
	fail "not a tree made by ./run kernel checkout (it has no tag \"base\")"
for state in rebase-merge rebase-apply; do
	[ ! -d "$dir/.git/$state" ] || fail "a rebase is under way in the tree"
done
[ -z "$(git -C "$dir" status --porcelain --untracked-files=no)" ] ||
	fail "the tree has changes that are not committed"
[ -z "$(git -C "$dir" rev-list --merges base..HEAD)" ] ||
	fail "the series has merge commits"

# Everything that would differ between two machines is fixed here.
mkdir -p "$patches"
new=$(mktemp -d "$patches/.export.XXXXXX")
trap 'rm -rf "$new"' EXIT
git -C "$dir" format-patch -q -o "$new" --zero-commit --no-signature --numbered --no-base --no-cover-letter \
	--no-thread --no-notes --no-color --no-ext-diff --abbrev=12 --stat=72 -M \
	--src-prefix=a/ --dst-prefix=b/ --diff-algorithm=default base..HEAD

shopt -s nullglob
for old in "$patches"/[0-9]*.patch; do
	case ${old##*/} in 0000-*) continue ;; esac
	[ -e "$new/${old##*/}" ] || rm "$old"
done
for patch in "$new"/*.patch; do
	cmp -s "$patch" "$patches/${patch##*/}" || mv "$patch" "$patches/"
done
