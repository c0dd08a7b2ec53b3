"""Runs `gpupci host VERB ...` for the commands `rocks VERB host gpu`.

Their common part, outside Rocks' command tree: whatever lies in that tree is a command.
"""

import os
import subprocess
import sys

PROGRAMS = ['/opt/rocks/bin/gpupci', '/usr/bin/gpupci']


def run(command, verb, params, args):
	"""Gives the answer of gpupci as the output of `command`, its failure as an abort."""
	# After `--` a word that begins with a dash is a word, not an option of gpupci.
	arguments = [find_program(command), 'host', verb, '--'] + typed_words(params, args)
	try:
		status, answer, talk = call(arguments)
	except OSError as error:
		command.abort('cannot run %s: %s' % (arguments[0], error.strerror))
	if status != 0:
		command.abort(reason(talk, status))
	command.addText(native(answer, 'surrogateescape'))
	pass_on(talk)


def find_program(command):
	"""The gpupci to run: what GPUPT_GPUPCI names, else the first one installed."""
	chosen = os.environ.get('GPUPT_GPUPCI')
	candidates = [chosen] if chosen else PROGRAMS
	for path in candidates:
		if os.path.exists(path):
			return path
	command.abort('cannot find gpupci (looked for %s)' % ', '.join(candidates))


def typed_words(params, args):
	"""The words as they were typed, before Rocks sorted the parameters out of them."""
	# Names with an @ are notes that Rocks leaves among the parameters for itself.
	given = ['%s=%s' % (name, params[name]) for name in sorted(params) if name[:1] != '@']
	return list(args) + given


def call(arguments):
	"""Exit status, stdout and stderr of a program."""
	# Rocks holds open connections to its database: they are none of the program's.
	program = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
		close_fds=True)
	answer, talk = program.communicate()
	return program.returncode, answer, talk


def reason(talk, status):
	"""Why gpupci failed. Rocks puts `Error: ` before it, so its own name goes."""
	# Bytes that are no UTF-8 are replaced: syslog and print could stumble over them.
	message = native(talk, 'replace').strip('\n')
	if message.startswith('gpupci: '):
		message = message[len('gpupci: '):]
	return message or 'gpupci exited with status %d and no message' % status


def native(output, errors):
	"""The output of a program as this Python's `str`: bytes in Python 2, text in Python 3."""
	return output if str is bytes else output.decode('utf-8', errors)


def pass_on(talk):
	"""Shows the notes of a program that succeeded, byte for byte."""
	stream = getattr(sys.stderr, 'buffer', sys.stderr)
	stream.write(talk)
	stream.flush()
