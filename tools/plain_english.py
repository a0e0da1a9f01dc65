"""Find words and phrases that the style guide discourages in comments, docstrings, messages and pages.

Pass files or folders as arguments: ``python tools/plain_english.py fitwell/losses``. Without arguments, the script
checks the package and its documentation. It prints one line per finding, and its exit status is 1 if there are any
findings.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Maps each pattern to a suggestion of what to write instead. A space in a pattern also matches a line break.
WORDS = {
    r"somebody|nobody|anybody|everybody|someone|no one|whoever|whomever": "the component or role, such as a user",
    r"anew|afresh|once more": "again, or from scratch",
    r"texts": "strings",
    r"whole numbers?": "integer(s)",
    r"(?:goes|go|went|gone|going) on": "continue or resume",
    r"(?<!there )(?:is|are|was|were|be) no(?! longer| more| less| fewer| later| matter| \w+er than)": "is not a …",
    r"told|said|asked": "report, describe, format, infer, required or requested",
    r"beside": "next to, with or alongside",
    r"besides|likewise": "also or too",
    r"hence": "so or therefore",
    r"so many(?! that)(?! \w+ that)": "a number, or the number of",
    r"of (?:its|their|your|our|his) own": "its …, separate or custom",
    r"of old": "of earlier versions",
    r"wants?(?! to\b)": "needs, requires or expects",
    r"strangers?": "untrusted, user-defined or third-party",
    r"for people": "human-readable",
    r"(?:the|this|that|each|every|another|a|other) (?:room|house|roof)s?(?! (?:price|value|age)s?)": "package or layer",
}
RULES = [(re.compile(rf"\b(?:{words})(?!\w)", re.IGNORECASE), instead) for words, instead in WORDS.items()]
CLAUSE = re.compile(r"(?:\A|(?<=\. ))(?:What|Who|Whoever|Whatever|Whose|Whom)\b(?![^.?!]*\?)[^.]{0,20}")
# Code in prose: fenced blocks, double and single backticks, and doctest examples.
CODE = re.compile(r"```.*?```|``.*?``|`[^`\n]*`|^ *(?:>>>|\.\.\. ).*?$", re.DOTALL | re.MULTILINE)
QUOTES = re.compile(r"^[A-Za-z]*(\"\"\"|'''|[\"'])|(\"\"\"|'''|[\"'])$")


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the 0-based line, the matched words and a suggestion for each finding in a piece of prose."""
    text = CODE.sub(lambda match: re.sub(r"[^\n]", "`", match[0]), text)
    # Replace line breaks and comment signs with spaces, which does not change any position.
    flat = re.sub(r"[\n#]", " ", text)
    squeezed, starts = [], []
    # Collapse runs of spaces, and store the original position of each remaining character.
    for position, letter in enumerate(flat):
        if letter != " " or (squeezed and squeezed[-1] != " "):
            squeezed.append(letter)
            starts.append(position)
    prose = "".join(squeezed)
    rules = [*RULES, (CLAUSE, "a sentence that begins with its subject or verb")]
    for pattern, instead in rules:
        for match in pattern.finditer(prose):
            yield text.count("\n", 0, starts[match.start()]), match[0].strip(), instead


def pieces(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the first line number and the text of each piece of prose.

    A piece is a documentation page, or a comment or string in Python code.
    """
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield 1, source
        return
    comment: list[str] = []
    middle = getattr(tokenize, "FSTRING_MIDDLE", None)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comment.append(token.string)
            last = token.start[0]
        elif token.type != tokenize.NL and comment:
            yield last - len(comment) + 1, "\n".join(comment)
            comment = []
        if token.type == tokenize.STRING or token.type == middle:
            text = QUOTES.sub("", token.string)
            if "f" in token.string.partition('"')[0].lower():
                text = re.sub(r"\{[^{}]*\}", lambda match: "`" * len(match[0]), text)
            if " " in text:  # a single word is probably a key or a name
                yield token.start[0], text


def main(arguments: list[str]) -> int:
    """Print the findings in the files and folders listed in `arguments`, and return the exit status."""
    paths = [Path(argument) for argument in arguments] or [ROOT / "fitwell", ROOT / "docs"]
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
    count = 0
    for file in files:
        if file.suffix not in (".py", ".md"):
            continue
        for first, text in pieces(file):
            for line, word, instead in sorted(findings(text)):
                print(f"{file}:{first + line}: {word!r}: use {instead}")
                count += 1
    print(f"{count} finding{'' if count == 1 else 's'}")
    return bool(count)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
