"""One form of a symbol, whoever writes it: the rule by which the rows of a vendor find each other.

The rule is the same for every vendor and every kind of row, at the door through which they come in:

1. Unicode forms of one character are one (NFKC: a full-width Ｉ is an I);
2. what is not seen at the ends is none of it: blanks of every kind, marks of the byte order, and
   characters of no width;
3. case counts, and nothing inside is changed: `BRK.B`, `BRK B` and `BRK/B` are three symbols.
"""

import unicodedata

INVISIBLE = ("Cc", "Cf", "Zl", "Zp", "Zs")
"""Unicode categories of what is not seen: controls, formats and separators."""


def normal_symbol(text: str) -> str:
    r"""Return a symbol in its one form.

    Examples
    --------
    >>> normal_symbol(" IBM\u00a0"), normal_symbol("ＩＢＭ"), normal_symbol("brk b")
    ('IBM', 'IBM', 'brk b')
    """
    text = unicodedata.normalize("NFKC", text)
    start, end = 0, len(text)
    while start < end and unicodedata.category(text[start]) in INVISIBLE:
        start += 1
    while end > start and unicodedata.category(text[end - 1]) in INVISIBLE:
        end -= 1
    return text[start:end]
