"""Tests on the embedded cloud: an app or a stack, deployed, with kills and faults, and accounts apart."""
