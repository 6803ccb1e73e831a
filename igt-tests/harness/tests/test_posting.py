# SPDX-License-Identifier: MIT
"""Tests the verdicts of posting.py on cover letters and tags, with made-up mails."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness.review import posting

WORDS = "The problem is said here, and what was done about it. " * 6
PATCH = """\
From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: somebody <somebody@example.org>
Subject: [PATCH 03/12] drm/amdgpu: do one thing and say it in a subject that
 is folded

A reason.

{tags}---
 a.c | 1 +

diff --git a/a.c b/a.c
"""
FIXES = 'Fixes: 0123456789ab ("drm/amdgpu: do (nearly) one "thing"")\n'
STABLE = "Cc: stable@vger.kernel.org\n"


def cover(subject="[PATCH 00/12] drm/amdgpu: things", body=WORDS, below=""):
	return f"From: somebody <somebody@example.org>\nSubject: {subject}\n\n{body}\n---\n{below}"


class Cover(unittest.TestCase):
	def test_good(self):
		self.assertEqual(posting.check_cover(cover(), 12), [])
		self.assertEqual(posting.check_cover(cover("[PATCH 0/9] drm/amdgpu: things"), 9), [])
		self.assertEqual(posting.check_cover(cover("[PATCH 00/12] drm/amdgpu: a subject that is\n folded"), 12), [])

	def test_count(self):
		self.assertIn("0/12, it is 0/11", posting.check_cover(cover(), 11)[0])
		self.assertIn("1/12, it is 0/12", posting.check_cover(cover("[PATCH 01/12] drm/amdgpu: things"), 12)[0])
		for subject in ("[PATCH] drm/amdgpu: things", "[PATCH 00/12]", "drm/amdgpu: things", "[PATCH v2] things"):
			self.assertIn("the subject is not", posting.check_cover(cover(subject), 12)[0])

	def test_empty(self):
		for body in ("", "\n\n", "Things."):
			self.assertEqual(len(posting.check_cover(cover(body=body), 12)), 1)
		# Words below the line "---" do not count, because git writes them and not the author.
		self.assertEqual(len(posting.check_cover(cover(body="", below=WORDS), 12)), 1)

	def test_blank(self):
		for blank in ("*** SUBJECT HERE ***", "*** BLURB HERE ***"):
			self.assertEqual(posting.check_cover(cover(body=WORDS + "\n" + blank), 12), [f"it has {blank} in it"])

	def test_numbers(self):
		self.assertEqual(posting.named_numbers("patch 3, Patches 1, 4 to 6 and 9;\npatches 10-12, patch\n7; 42 patches"),
			[1, 3, 4, 6, 7, 9, 10, 12])
		self.assertEqual(posting.check_cover(cover(body=WORDS + "Patches 1 to 12."), 12), [])
		self.assertEqual(posting.check_cover(cover(body=WORDS + "Patches 0 to 13."), 12),
			["it names patch 0, there are 12", "it names patch 13, there are 12"])


class Tags(unittest.TestCase):
	def check(self, tags, stable=False):
		return posting.check_tags(PATCH.format(tags=tags), stable)

	def test_good(self):
		self.assertEqual(self.check(""), [])
		self.assertEqual(self.check(FIXES), [])
		self.assertEqual(self.check(FIXES + STABLE, True), [])
		self.assertEqual(self.check("Cc: <stable@vger.kernel.org> # needed by the next one\n", True), [])
		self.assertEqual(self.check("Cc: stable@kernel.org\n", True), [])

	def test_stable(self):
		for tags in ("", FIXES, "Cc: somebody@example.org\n", "To stable@vger.kernel.org\n"):
			self.assertEqual(self.check(tags, True), ["no Cc: stable"])

	def test_stable_below_the_message(self):
		self.assertEqual(posting.check_tags(PATCH.format(tags="") + STABLE, True), ["no Cc: stable"])

	def test_fixes(self):
		for line in ('Fixes: 0123456789abc ("one")', 'Fixes: 0123456789a ("one")', "Fixes: 0123456789ab (one)",
				'fixes: 0123456789ab ("one")', 'Fixes: 0123456789AB ("one")', 'Fixes: 0123456789ab "one"',
				"Fixes: 0123456789ab", 'Fixes: 0123456789ab ("")'):
			self.assertEqual(self.check(line + "\n"), [f"not a 12-digit hash and a quoted subject: {line}"])

	def test_signed(self):
		self.assertTrue(posting.SIGNED.search(posting.message(PATCH.format(tags="Signed-off-by: somebody <a@example.org>\n"))))
		self.assertFalse(posting.SIGNED.search(posting.message(PATCH.format(tags=FIXES))))

	def test_subject(self):
		self.assertEqual(posting.check_subject("[PATCH 03/12] one", 3, 12), [])
		self.assertEqual(posting.check_subject("[PATCH 03/12] one", 4, 12), ["the subject says 3/12, it is 4/12"])

	def test_title(self):
		self.assertEqual(posting.title("[PATCH 03/12] drm/amdgpu: do one thing"), "do one thing")
		self.assertEqual(posting.title("[PATCH 03/12] mm/hmm: do one thing"), "mm/hmm: do one thing")

	def test_names(self):
		known = {("stable", "do one thing"), ("fixes", "do another thing")}
		good = "| H1 | `stable: do one thing` |\nand `fixes: do another\nthing`, `stable`, `stable/`, `userptr:x`"
		self.assertEqual(posting.unknown_names(good, known), [])
		self.assertEqual(posting.unknown_names("`stable: do another thing`, `userptr: do`", known),
			["stable: do another thing", "userptr: do"])


if __name__ == "__main__":
	unittest.main()
