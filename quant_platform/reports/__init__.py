"""Rankings, alert rules, report rows, figures and the HTML page of a session."""
