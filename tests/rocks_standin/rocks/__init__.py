"""A stand-in for the Python package of the Rocks cluster toolkit.

It has what gpupt's commands and its plugin touch, with the interface and the output of Rocks 7,
and nothing behind it: no database, no syslog, no sudo. Runs on Python 2.7 and 3.
"""
