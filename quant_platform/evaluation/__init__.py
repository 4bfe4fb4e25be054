"""How good a portfolio was: windows, metrics, performance rows; maths on returns.

What does not belong here: what an order becomes (`trading/`), rankings and pages (`reports/`).
"""
