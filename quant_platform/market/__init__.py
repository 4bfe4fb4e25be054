"""What a market was: sessions, panels of bars, identities of securities, and tradable universes.

A vendor's facts become frames and arrays here. What does not belong here: figures computed from
them (`features`), and checks of whether they are plausible (`quality`).
"""
