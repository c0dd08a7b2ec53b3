"""Runs `gpupci host VERB ...` for the commands `rocks VERB host gpu`.

The code that they share is outside Rocks' command tree, where every file would be a command.
"""

import os
import subprocess
import sys

PROGRAMS = ['/opt/rocks/bin/gpupci', '/usr/bin/gpupci']


def run(command, verb, params, args):
	"""Prints the output of gpupci as that of `command`; aborts it if gpupci fails."""
	# After `--` an argument that begins with a dash is not an option of gpupci.
	arguments = [find_program(command), 'host', verb, '--'] + typed_arguments(params, args)
	try:
		status, stdout, stderr = call(arguments)
	except OSError as error:
		command.abort('cannot run %s: %s' % (arguments[0], error.strerror))
	if status != 0:
		command.abort(error_message(stderr, status))
	command.addText(to_native(stdout, 'surrogateescape'))
	print_notes(stderr)


def find_program(command):
	"""The gpupci to run: GPUPT_GPUPCI if set, else the first one installed."""
	chosen = os.environ.get('GPUPT_GPUPCI')
	candidates = [chosen] if chosen else PROGRAMS
	for path in candidates:
		if os.path.exists(path):
			return path
	command.abort('cannot find gpupci (looked for %s)' % ', '.join(candidates))


def typed_arguments(params, args):
	"""The arguments as typed, before Rocks separated the parameters from them."""
	# Parameters whose name begins with @ are Rocks' own.
	given = ['%s=%s' % (name, params[name]) for name in sorted(params) if name[:1] != '@']
	return list(args) + given


def call(arguments):
	"""Runs a program; returns its exit status, stdout and stderr."""
	# Rocks has open connections to its database, which the program must not inherit.
	# gpupci then names the commands in its advice as rocks does.
	program = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
		close_fds=True, env=dict(os.environ, GPUPT_ASKED_BY='rocks'))
	stdout, stderr = program.communicate()
	return program.returncode, stdout, stderr


def error_message(stderr, status):
	"""The error message of gpupci without its name: Rocks puts `Error: ` before it."""
	# Bytes that are not UTF-8 are replaced: syslog and print could fail on them.
	message = to_native(stderr, 'replace').strip('\n')
	if message.startswith('gpupci: '):
		message = message[len('gpupci: '):]
	return message or 'gpupci exited with status %d and no message' % status


def to_native(output, errors):
	"""The output of a program as `str`: bytes in Python 2, text in Python 3."""
	return output if str is bytes else output.decode('utf-8', errors)


def print_notes(stderr):
	"""Prints what a program that succeeded wrote to stderr, byte for byte, if somebody listens."""
	stream = getattr(sys.stderr, 'buffer', sys.stderr)
	try:
		stream.write(stderr)
		stream.flush()
	except (AttributeError, EnvironmentError, ValueError):
		# It is closed. The command itself succeeded.
		pass
