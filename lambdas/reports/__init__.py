"""Makes sales reports: a table as CSV, and a chart of it as SVG."""
