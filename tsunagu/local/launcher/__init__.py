"""Runs ministack, the emulator, and adds the behaviours of AWS that this project needs and ministack lacks.

- It runs as `python -m launcher` in the emulator's virtual environment. That environment has ministack and nothing of
  this project. So this package imports only the standard library, ministack and itself.
- Each module adds one behaviour. Its `install` replaces functions of ministack, and a contract test checks the result.
- The modules use private names of ministack on purpose. So the launcher checks the exact version of ministack first.
"""
