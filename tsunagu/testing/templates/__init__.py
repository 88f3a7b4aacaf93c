"""Snapshots of templates: what changes with each build is masked, and stateful resources are guarded."""
