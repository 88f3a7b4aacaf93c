"""What an operator does, as functions without a command line.

They find stacks, queues and pipelines, send payloads, start, replay and trace requests, and redrive dead letters. The
`tsunagu` command calls them, and other programs can too. Errors are those of `tsunagu.errors`.
"""
