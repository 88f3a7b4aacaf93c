"""The emulator's own process: ministack, with the behaviours of AWS that this project needs and ministack lacks.

It runs as `python -m launcher` in the emulator's virtual environment, which has ministack and nothing of this project;
so it imports the standard library, ministack, and itself. One module a gap; each has an `install` that replaces the
functions of ministack it names, and a contract test of its own. The modules reach into private names of ministack on
purpose: its exact version is asserted before anything is replaced.
"""
