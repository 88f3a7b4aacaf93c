"""The hinge between infrastructure and runtime: names, shapes and limits that both sides read.

Standard library only, so that neither side drags the other's dependencies in.
"""
