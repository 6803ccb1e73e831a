# SPDX-License-Identifier: MIT
"""
Downloads Debian packages that the harness unpacks but does not install: from the mirror, or from a second place, an
archive that keeps all versions of packages.
"""

import glob
import hashlib
import os
import shutil

from harness import step, trouble

DOWNLOADS = os.path.join(step.CACHE, "download")


def sha256(path):
	with open(path, "rb") as f:
		return hashlib.file_digest(f, "sha256").hexdigest()


def empty_directory(package):
	"""
	Make an empty directory to download @package to, and remove files that an interrupted run left there. Returns
	the path.
	"""
	directory = os.path.join(DOWNLOADS, package + ".new")
	shutil.rmtree(directory, ignore_errors=True)
	os.makedirs(directory)
	return directory


def keep(directory):
	"""Move the only file of @directory to DOWNLOADS and remove @directory. Returns the new path of the file."""
	name, = os.listdir(directory)
	path = os.path.join(DOWNLOADS, name)
	os.rename(os.path.join(directory, name), path)
	os.rmdir(directory)
	return path


def download(package, variables=()):
	"""
	Download a Debian package from the mirror unless it is in DOWNLOADS. apt has the @variables in its environment.
	Returns the path of the .deb.
	"""
	found = glob.glob(os.path.join(DOWNLOADS, f"{package}_*.deb"))
	if found:
		return found[0]
	directory = empty_directory(package)
	step.run_logged(f"downloading {package}", ["sh", step.script("download.sh"), package], cwd=directory,
		env={**os.environ, **dict(variables)})
	return keep(directory)


def from_mirror(package, version, checksum):
	"""
	Download one version of a package from the mirror. Returns (path of the .deb or None, the reason if there is
	none).
	"""
	what, mirror, directory = f"downloading {package}", trouble.mirror(), empty_directory(package)
	try:
		step.run_logged(what, ["sh", step.script("download.sh"), f"{package}={version}"], show=False, cwd=directory)
	except step.Failed:
		said = step.read(step.log_of(what))
		if trouble.reason(directory, said) == trouble.MAKE_ROOM:
			raise
		return None, (f"the mirror {mirror} cannot be reached" if trouble.UNREACHABLE.search(said) else
			f"the mirror {mirror} does not have version {version}")
	path = keep(directory)
	if sha256(path) == checksum:
		return path, None
	os.unlink(path)
	return None, f"{os.path.basename(path)} of the mirror {mirror} has another checksum than kernel/BASE names"


def from_second_place(package, checksum, address, why):
	"""Download a package from @address. @why tells why it is not from the mirror. Returns the path of the .deb."""
	directory = empty_directory(package)
	path, what = os.path.join(directory, os.path.basename(address)), f"downloading {package} from the second place"
	step.say(f"downloading {package} from {address}, because {why}")
	try:
		step.run_logged(what, ["apt-helper", "download-file", address, path], quiet=True, show=False,
			env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/lib/apt"})
	except step.Failed as failure:
		said = step.read(step.log_of(what))
		if trouble.reason(directory, said) == trouble.MAKE_ROOM:
			raise
		wrong = "cannot be reached" if trouble.UNREACHABLE.search(said) else "does not have it"
		raise step.Failed(f"{package} is not to be had: {why}, and {address} {wrong}; {trouble.OTHER_MIRROR}") from failure
	if sha256(path) != checksum:
		raise step.Failed(f"{address} has another checksum than kernel/BASE names, and {why}")
	return keep(directory)


def pinned(package, version, checksum, second_place):
	"""
	Download the version of a package that has the SHA-256 @checksum. Returns the path of the .deb. A mirror removes
	a version when there is a newer one. Then download the version from the address @second_place, which keeps all
	versions.
	"""
	path, why = from_mirror(package, version, checksum)
	return path or from_second_place(package, checksum, second_place, why)
