"""Draws a graph as SVG: sizes of texts, places of boxes, ways of edges, and the file."""
