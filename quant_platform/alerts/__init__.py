"""What needs a person's attention: rules over figures, and the queue of alerts.

What does not belong here: figures themselves (`evaluation/`), pages (`reports/`).
"""
