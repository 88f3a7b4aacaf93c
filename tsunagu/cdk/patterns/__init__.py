"""Patterns: constructs made of several constructs, with numbers that fit each other.

Its public names are those of `tsunagu.cdk`, which imports each module when one of its names is used.
"""
