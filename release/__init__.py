"""`make release-check`: what is looked at before a release, and the very files that are then published."""
