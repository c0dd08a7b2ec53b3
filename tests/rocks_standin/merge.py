#!/usr/bin/env python
"""Usage: merge.py TARGET

Makes TARGET/rocks, the package `rocks` as it looks on a frontend with gpupt installed: the
stand-in of this folder with the shims of plugin/rocks among it.
"""

import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHIMS = os.path.join(HERE, '..', '..', 'plugin', 'rocks')


def main(target):
    """Fills TARGET/rocks."""
    merged = os.path.join(target, 'rocks')
    for source in [os.path.join(HERE, 'rocks'), SHIMS]:
        for file in python_files(source):
            copy(os.path.join(source, file), os.path.join(merged, file))


def python_files(folder):
    """The relative paths of all Python files below a folder."""
    for path, _, names in os.walk(folder):
        for name in names:
            if name.endswith('.py'):
                yield os.path.relpath(os.path.join(path, name), folder)


def copy(source, target):
    """Copies one file and makes the folders above it."""
    # A shim must not replace one of Rocks' own files.
    if os.path.exists(target):
        sys.exit('merge.py: %s is there already' % target)
    if not os.path.isdir(os.path.dirname(target)):
        os.makedirs(os.path.dirname(target))
    shutil.copyfile(source, target)


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
