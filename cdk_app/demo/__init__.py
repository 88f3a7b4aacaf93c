"""The demonstration: sends real messages, kills handlers, and compares the effects with what was sent."""
