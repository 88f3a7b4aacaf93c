"""The functions of the pipeline of shipments, one module each."""
