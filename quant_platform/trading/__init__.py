"""What an order becomes: orders, costs, the portfolio's state and its simulation.

What does not belong here: how good the result is (`evaluation/`), what to order (`strategies/`).
"""
