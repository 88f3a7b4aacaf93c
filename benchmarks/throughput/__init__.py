"""Messages a second through functions that are deployed to the embedded cloud."""
