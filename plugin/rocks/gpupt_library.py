"""Loads libgpupt.so, which adds the GPU cards of a guest to its XML, and calls it.

It is outside Rocks' command tree, where every file would be a command or a plugin.
"""

import ctypes
import os

LIBRARY = '/opt/rocks/lib/gpupt/libgpupt.so'

# Major and minor version of the library whose C interface `declare` describes.
VERSION = '0.1'


class Failure(Exception):
	"""Has the message for the user."""


class Session:
	"""The guests of one report: the library reads the cluster once for all of them."""

	def __init__(self):
		try:
			self.library = load()
		except (OSError, AttributeError) as error:
			raise Failure('cannot load the gpupt library\n  cause: %s\n  try:   '
				'copy libgpupt.so of this version to %s' % (error, LIBRARY))
		self.number = self.library.gpupt_open()

	def __del__(self):
		# Without a library there is no number.
		if getattr(self, 'number', None):
			self.library.gpupt_close(self.number)

	def splice(self, guest, xml):
		"""The bytes of `xml` with the cards of `guest`."""
		out, error, out_len = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_size_t()
		status = self.library.gpupt_session_splice(self.number, guest, xml, len(xml),
			ctypes.byref(out), ctypes.byref(out_len), ctypes.byref(error))
		try:
			if status != 0 or not out:
				raise Failure(error_text(error, status))
			return ctypes.string_at(out.value, out_len.value)
		finally:
			self.library.gpupt_free(out)
			self.library.gpupt_free(error)


def load():
	"""The library. Its version is checked before any other function is used."""
	path = os.environ.get('GPUPT_LIBRARY') or LIBRARY
	library = ctypes.CDLL(path)
	library.gpupt_version.argtypes = []
	library.gpupt_version.restype = ctypes.c_char_p
	version = to_native(library.gpupt_version() or b'')
	if not (version + '.').startswith(VERSION + '.'):
		raise Failure('%s has version "%s", but this command needs %s'
			% (path, version, VERSION))
	declare(library)
	return library


def declare(library):
	"""Declares the C types of the functions: by default ctypes cuts pointers to 32 bits."""
	# Texts from the library are c_void_p: ctypes would copy a c_char_p and lose the address
	# to free.
	text, length, allocated = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p
	number = ctypes.c_long
	library.gpupt_open.argtypes = []
	library.gpupt_open.restype = number
	library.gpupt_session_splice.argtypes = [number, text, text, length,
		ctypes.POINTER(allocated), ctypes.POINTER(length), ctypes.POINTER(allocated)]
	library.gpupt_session_splice.restype = ctypes.c_int
	library.gpupt_close.argtypes = [number]
	library.gpupt_close.restype = ctypes.c_int
	library.gpupt_free.argtypes = [allocated]
	library.gpupt_free.restype = None


def error_text(error, status):
	"""The error message of the library."""
	if not error:
		return 'the gpupt library failed with status %d and no message' % status
	return to_native(ctypes.string_at(error.value), 'replace').strip('\n')


def to_bytes(text):
	"""UTF-8; bytes that are not UTF-8 are kept."""
	if isinstance(text, bytes):
		return text
	return text.encode('utf-8') if str is bytes else text.encode('utf-8', 'surrogateescape')


def to_native(data, errors='surrogateescape'):
	"""`data` as `str`: bytes in Python 2, text in Python 3."""
	return data if str is bytes else data.decode('utf-8', errors)
