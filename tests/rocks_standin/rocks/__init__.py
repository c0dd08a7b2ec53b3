"""A stand-in for the Python package of the Rocks cluster toolkit.

It has what gpupt's commands and its plugin touch, with the interface and the output of Rocks 7,
and little behind it: no syslog, no sudo, and a database only if a test names one. Runs on Python 2.7 and 3.
"""
