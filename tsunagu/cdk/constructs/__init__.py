"""Constructs with safe defaults, each for one AWS resource or for one role that several resources play together.

Its public names are those of `tsunagu.cdk`, which imports each module when one of its names is used.
"""
