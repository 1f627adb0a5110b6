"""The service of a rating study: pages and programming interface for raters and the study lead."""
