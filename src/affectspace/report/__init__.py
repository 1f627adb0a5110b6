"""Results as tables and as self-contained HTML pages, a module per page."""
