"""The only code that talks to AWS; everything else sees the protocols beside their use."""
