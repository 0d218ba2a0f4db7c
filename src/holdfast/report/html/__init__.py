"""A report as one self-contained HTML file: no script, nothing loaded, everything escaped."""
