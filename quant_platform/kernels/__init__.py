"""Pure functions of arrays, and the array types.

What does not belong here: anything that knows a table, a vendor, a panel or a setting.
"""
