"""Rankings, report rows, figures and the HTML page of a session.

What does not belong here: metrics (`evaluation/`), alert rules (`alerts/`).
"""
