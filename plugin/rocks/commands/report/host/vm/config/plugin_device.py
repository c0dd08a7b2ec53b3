"""Adds the <hostdev> elements of a guest's GPU cards to its <devices>.

libgpupt.so does the work. It is loaded when the plugin runs, not when this file is imported:
only then can the command report a failure as its error message.
"""

import os
import rocks.commands

LIBRARY = '/opt/rocks/lib/gpupt/libgpupt.so'

# Major and minor version of the library whose C interface `declare` describes.
VERSION = '0.1'


class Plugin(rocks.commands.Plugin):
	"""Adds the GPU cards to the output of `rocks report host vm config`."""

	def provides(self):
		return 'gpu'

	def run(self, node, xml):
		"""Takes and returns the <devices> of guest `node` as a list of strings; a string
		may hold several lines."""
		# As bytes, because Python 2 cannot join str and unicode outside ASCII.
		before = b'\n'.join([to_bytes(item) for item in xml])
		try:
			after = splice(to_bytes(node.name), before)
		except Failure as failure:
			self.abort(failure.args[0])
		return xml if after == before else to_native(after).split('\n')

	def abort(self, message):
		"""Ends the command with an error, as Rocks does; does not return."""
		import rocks.util
		abort = getattr(getattr(self, 'owner', None), 'abort', None)
		if abort:
			abort(message)
		raise rocks.util.CommandError(message)


class Failure(Exception):
	"""Has the message for the user."""


def splice(guest, xml):
	"""The bytes of `xml` with the cards of `guest`, from libgpupt.so."""
	try:
		import ctypes
		library = load(ctypes)
	except (ImportError, OSError, AttributeError) as error:
		raise Failure('cannot load the gpupt library\n  cause: %s\n  try:   '
			'copy libgpupt.so of this version to %s' % (error, LIBRARY))

	out, error, out_len = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_size_t()
	status = library.gpupt_splice(guest, xml, len(xml),
		ctypes.byref(out), ctypes.byref(out_len), ctypes.byref(error))
	try:
		if status != 0 or not out:
			raise Failure(error_text(ctypes, error, status))
		return ctypes.string_at(out.value, out_len.value)
	finally:
		library.gpupt_free(out)
		library.gpupt_free(error)


def load(ctypes):
	"""The library. Its version is checked before any other function is used."""
	path = os.environ.get('GPUPT_LIBRARY') or LIBRARY
	library = ctypes.CDLL(path)
	library.gpupt_version.argtypes = []
	library.gpupt_version.restype = ctypes.c_char_p
	version = to_native(library.gpupt_version() or b'')
	if not (version + '.').startswith(VERSION + '.'):
		raise Failure('%s has version "%s", but this command needs %s'
			% (path, version, VERSION))
	declare(ctypes, library)
	return library


def declare(ctypes, library):
	"""Declares the C types of the functions: by default ctypes cuts pointers to 32 bits."""
	# Texts from the library are c_void_p: ctypes would copy a c_char_p and lose the address
	# to free.
	text, length, allocated = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p
	library.gpupt_splice.argtypes = [text, text, length,
		ctypes.POINTER(allocated), ctypes.POINTER(length), ctypes.POINTER(allocated)]
	library.gpupt_splice.restype = ctypes.c_int
	library.gpupt_free.argtypes = [allocated]
	library.gpupt_free.restype = None


def error_text(ctypes, error, status):
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


RollName = "gpupt"
