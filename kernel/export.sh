#!/bin/bash
# SPDX-License-Identifier: MIT
# export.sh DIR PATCHES: write the commits of DIR, from the tag "base" to the
# branch stable, from there to fixes and so on (series below), to the folders
# of these names in PATCHES. The author writes the text of a cover letter
# (0000-cover-letter.patch) above its line "---", and this script keeps it. The
# script makes the number of patches in the subject, and all lines from "---" on,
# from the commits.
#
# export.sh DIR PATCHES RANGE: write the commits of RANGE to PATCHES itself.
set -eu

dir=$1 range=${3:-}
patches=$(realpath -m "$2")
series=(stable fixes userptr pages)	# in the order they apply, as in checkout.sh

fail() {
	echo "export: $*" >&2
	exit 1
}

# The patches must be the same on every machine. So set git's configuration, the locale and the options of diff here.
# write_patches() sets the options of format-patch.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 LC_ALL=C
diff=(--no-color --no-ext-diff --stat=72 -M --diff-algorithm=default)

tree() {
	git -C "$dir" "$@"
}

is_commit() {
	tree rev-parse -q --verify "$1^{commit}" > /dev/null 2>&1
}

check_tree() {
	local state
	is_commit refs/tags/base || fail "not a tree made by ./run kernel checkout (it has no tag \"base\")"
	for state in rebase-merge rebase-apply; do
		[ ! -d "$(tree rev-parse --absolute-git-dir)/$state" ] || fail "a rebase is under way in the tree"
	done
	[ -z "$(tree status --porcelain --untracked-files=no)" ] ||
		fail "the tree has changes that are not committed"
}

check_linear() {
	[ -z "$(tree rev-list --merges "$1")" ] || fail "$1 has merge commits"
}

# Check that each branch is on top of the one before it, and that the last branch has the commit that is checked out,
# because the export would leave that commit out otherwise.
check_stacked() {
	local below=refs/tags/base name
	for name in "${series[@]}"; do
		is_commit "refs/heads/$name" || fail "the tree has no branch $name"
		tree merge-base --is-ancestor "$below" "refs/heads/$name" ||
			fail "branch $name is not on top of ${below##*/}; git rebase --update-refs on the last branch moves all of them"
		below=refs/heads/$name
	done
	tree merge-base --is-ancestor HEAD "$below" ||
		fail "the checked-out commit is not in branch ${below##*/}, so the export would leave it out"
	check_linear "base..${below##*/}"
}

# Print what the series @1 applies to: the tag of the kernel, and the series below it. In these comments @1 is the first
# argument of a function.
print_base() {
	local name earlier=()
	for name in "${series[@]}"; do
		[ "$name" != "$1" ] || break
		earlier+=("$name")
	done
	printf '\nbase: v%s' "$(sed -n 's/^version=//p' "${BASH_SOURCE[0]%/*}/BASE")"
	[ ${#earlier[@]} = 0 ] || printf ', then the series %s' "${earlier[*]}"
	echo
}

# Print the cover letter @1 with the list of the commits @2, and with their number @3.
write_cover() {
	sed -E -e "/^Subject: /s,\[PATCH [0-9]+/[0-9]+\],[PATCH $(printf '%0*d' ${#3} 0)/$3]," -e '/^---$/,$d' "$1"
	printf -- '---\n'
	tree log --topo-order --reverse --no-color --format='  %s' "$2"
	echo
	tree diff "${diff[@]}" --summary "${2%..*}" "${2#*..}"
	print_base "$(basename "${1%/*}")"
}

# Write the commits @2 as files to the folder @1.
write_patches() {
	local folder=$1 cover=$1/0000-cover-letter.patch old patch written
	mkdir -p "$folder"
	new=$(mktemp -d "$folder/.export.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	tree format-patch -q -o "$new" --zero-commit --no-signature --numbered --no-base --no-cover-letter \
		--no-thread --no-notes --abbrev=12 --src-prefix=a/ --dst-prefix=b/ "${diff[@]}" "$2"
	written=("$new"/*.patch)
	[ ! -e "$cover" ] || write_cover "$cover" "$2" ${#written[@]} > "$new/${cover##*/}"
	for old in "$folder"/[0-9]*.patch; do
		[ -e "$new/${old##*/}" ] || rm "$old"
	done
	for patch in "$new"/*.patch; do
		cmp -s "$patch" "$folder/${patch##*/}" || mv "$patch" "$folder/"
	done
	rm -rf "$new"
}

shopt -s nullglob
check_tree
if [ -n "$range" ]; then
	for end in "${range%..*}" "${range#*..}"; do
		is_commit "$end" || fail "the tree has no commit $end"
	done
	check_linear "$range"
	write_patches "$patches" "$range"
	exit
fi
check_stacked
below=base
for name in "${series[@]}"; do
	write_patches "$patches/$name" "$below..$name"
	below=$name
done
