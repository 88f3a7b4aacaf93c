"""What the site of the documentation needs beside the pages: see mkdocs.yml."""
