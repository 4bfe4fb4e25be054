"""What a market was: sessions, panels of bars, who was tradable, and what looks suspicious.

A vendor's facts become arrays and judgements here; figures computed from them are in `features`.
"""
