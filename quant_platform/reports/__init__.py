"""What a person reads: ranking, report rows, figures and the HTML page; frames in, pages out.

What does not belong here: reading what a page shows (`pipeline/pages.py`), alert rules (`alerts/`).
"""
