"""The flow of a stack as a graph: read from templates, and written as SVG or Mermaid."""
