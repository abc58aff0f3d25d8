#!/usr/bin/env python3
"""Writes the table behind src/Exo.Sdk.Tokenization/Unicode/Normalization.cs.

Usage: python3 generate.py > ../../src/Exo.Sdk.Tokenization/Unicode/normalization.txt

The source is Python's own copy of the Unicode Character Database (unicodedata.unidata_version).
One line per code point: code;combining class;decomposition. The decomposition is one step, as in
UnicodeData.txt; '~' before it marks a compatibility mapping, '!' a canonical one that never composes
again. Hangul syllables are left out: they follow a formula.
"""
import sys
import unicodedata

print(f"# Unicode {unicodedata.unidata_version}")
for code in range(sys.maxunicode + 1):
    if 0xAC00 <= code <= 0xD7A3 or 0xD800 <= code <= 0xDFFF:
        continue
    char = chr(code)
    combining = unicodedata.combining(char)
    mapping = unicodedata.decomposition(char)
    if not combining and not mapping:
        continue
    if mapping.startswith("<"):
        mapping = "~" + mapping.split("> ", 1)[1]
    elif mapping and unicodedata.normalize("NFC", unicodedata.normalize("NFD", char)) != char:
        mapping = "!" + mapping
    print(f"{code:04X};{combining};{mapping}")
