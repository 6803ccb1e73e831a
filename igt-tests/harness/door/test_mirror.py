# SPDX-License-Identifier: MIT
"""Tests from which mirror, and through which proxy, `run` gets Debian."""

import os
import unittest

from harness.door.host import DEBIAN, Host

THIRD_PARTY = "https://download.example.org/linux/debian"
OTHER = "http://mirror.example.org/pub/debian"


class Mirror(unittest.TestCase):
	def used(self, host, result):
		"""Returns the mirror of the root that the run with this @result has set up."""
		self.assertEqual(0, result.status, result.err)
		self.assertIn("harness: test style", result.out)
		mirror = host.read("cache/root/etc/apt/sources.list").split()[1]
		self.assertEqual(mirror, host.read("debootstrapped").split()[0])
		return mirror

	def test_third_party(self):
		"""an archive that is not Debian's is no mirror, even if its address ends in /debian"""
		with Host() as host:
			host.serve(THIRD_PARTY, {"forky": "Others", "trixie-backports": "Others"})
			host.serve(OTHER)
			host.write("apt/sources.list", f"# deb http://commented.example.org/debian forky main\n"
				f"deb [signed-by=/k] {THIRD_PARTY} forky stable\ndeb [arch=amd64] {OTHER}/ forky main\n")
			self.assertEqual(OTHER, self.used(host, host.run("test", "style")))
			self.assertIn(THIRD_PARTY, host.read("asked"))
			self.assertNotIn("commented", host.read("asked"))

	def test_deb822(self):
		"""`run` finds a mirror in *.sources and in lists of mirrors"""
		for name, text in (("sources.list.d/debian.sources", f"Types: deb\nURIs: {OTHER}\nSuites: forky\n"),
				("mirrors/debian.list", OTHER + "\n")):
			with Host() as host:
				host.serve(OTHER)
				host.write("apt/" + name, text)
				self.assertEqual(OTHER, self.used(host, host.run("test", "style")), name)

	def test_official(self):
		"""deb.debian.org is the mirror if apt's sources name none, or one that lacks a suite"""
		with Host() as host:
			host.serve(OTHER, {"forky": "Debian"})
			host.write("apt/sources.list", f"deb {OTHER} forky main\n")
			self.assertEqual(DEBIAN, self.used(host, host.run("test", "style")))

	def test_variable(self):
		"""AMDGPU_USERPTR_MIRROR names the mirror, and `run` tries no other"""
		with Host() as host:
			result = host.run("test", "style", AMDGPU_USERPTR_MIRROR=OTHER)
			self.assertEqual((1, 1), (result.status, result.err.count("\n")), result.err)
			self.assertIn(f"{OTHER} cannot be reached", result.err)
			host.serve(OTHER)
			self.assertEqual(OTHER, self.used(host, host.run("test", "style", AMDGPU_USERPTR_MIRROR=OTHER + "/")))
			self.assertNotIn(DEBIAN, host.read("asked"))

	def test_change(self):
		"""AMDGPU_USERPTR_MIRROR replaces the mirror of a root that is already set up"""
		with Host() as host:
			self.assertEqual(DEBIAN, self.used(host, host.run("test", "style")))
			host.serve(OTHER)
			self.assertEqual(0, host.run("test", "style", AMDGPU_USERPTR_MIRROR=OTHER).status)
			self.assertIn(f"deb {OTHER} trixie-backports main", host.read("cache/root/etc/apt/sources.list"))

	def test_offline(self):
		"""without network the message names each mirror that `run` has tried"""
		with Host() as host:
			host.write("apt/sources.list", f"deb {OTHER} forky main\n")
			result = host.run("test", "style", network=False, stubs=False)
			self.assertEqual((1, 1), (result.status, result.err.count("\n")), result.err)
			self.assertIn(f"{OTHER} cannot be reached, {DEBIAN} cannot be reached; is there a network?", result.err)

	def test_lost(self):
		"""if the mirror cannot be reached any more during the set-up, the message names it"""
		with Host() as host:
			host.write("apt-get.sh", "echo \"W: Failed to fetch x  Temporary failure resolving 'x'\" >&2; exit 100\n")
			result = host.run("test", "style")
			self.assertEqual((1, 1), (result.status, result.err.count("\n")), result.err)
			self.assertIn(f"the Debian mirror {DEBIAN} cannot be reached", result.err)


class Proxy(unittest.TestCase):
	APT = ('Acquire::http::Proxy "http://name:secret@proxy.example.org:3142";\n'
		'Acquire::HTTP::Proxy::near.example.org "DIRECT";\n')

	def used(self, host, **variables):
		"""Returns the proxies that debootstrap, apt in the root, and the harness used in a run."""
		result = host.run("test", "style", **variables)
		self.assertEqual(0, result.status, result.err)
		inside = host.read("cache/root/var/apt-get").split("http=")[1].split()[0] if "=" in host.read("cache/root/var/apt-get") else ""
		return host.read("debootstrapped").split(" ", 1)[1].strip(), inside, result.out.split("proxies: ")[1].strip()

	def test_apt(self):
		"""debootstrap uses the proxy of apt, but not for the hosts that apt reaches directly"""
		with Host() as host:
			host.write("apt/apt.conf.d/proxy", self.APT)
			proxy = "http://name:secret@proxy.example.org:3142"
			self.assertEqual((f"http={proxy} https={proxy} no=near.example.org", proxy, f"{proxy} {proxy} near.example.org"),
				self.used(host))

	def test_environment(self):
		"""`run` uses http_proxy and https_proxy instead of the proxy of apt"""
		with Host() as host:
			host.write("apt/apt.conf.d/proxy", self.APT)
			self.assertEqual(("http=http://a:1 https=http://b:2 no=c,near.example.org", "http://a:1",
				"http://a:1 http://b:2 c,near.example.org"),
				self.used(host, http_proxy="http://a:1", https_proxy="http://b:2", no_proxy="c"))

	def test_probe(self):
		"""the search for a mirror uses http_proxy, whatever the configuration of apt says"""
		with Host() as host:
			host.write("apt/apt.conf.d/proxy", self.APT)
			result = host.run("test", "style", stubs=False, network=False, http_proxy="http://127.0.0.1:9")
			self.assertIn("cannot be reached through the proxy 127.0.0.1:9", result.err)
			self.assertIn("127.0.0.1:9", host.read("cache/log/mirror.log"))

	def test_detect(self):
		"""`run` asks the program that apt is configured to ask for a proxy"""
		with Host() as host:
			host.write("apt/detect", "#!/bin/sh\necho http://found:8\n")
			os.chmod(host.path("apt/detect"), 0o755)
			host.write("apt/apt.conf.d/proxy", 'Acquire::http::Proxy-Auto-Detect "/etc/apt/detect";\n')
			self.assertEqual("http://found:8", self.used(host)[1])

	def test_name(self):
		"""the message names a mirror that cannot be reached, and the proxy without its password"""
		with Host() as host:
			host.write("apt/apt.conf.d/proxy", self.APT)
			result = host.run("test", "style", AMDGPU_USERPTR_MIRROR="http://far.example.org/debian")
			self.assertIn("cannot be reached through the proxy proxy.example.org:3142", result.err)
			self.assertNotIn("secret", result.err)


if __name__ == "__main__":
	unittest.main()
