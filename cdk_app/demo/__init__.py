"""The demonstration: real messages and real kills, judged by a ledger that reads only the effects."""
