"""The quarterly report: content, figures and renderings."""
