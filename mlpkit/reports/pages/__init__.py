"""Reports as pages of HTML: tables and plots as text, without a template engine."""
