"""Report words and phrases that the style guide replaces, in comments, docstrings, messages and pages.

Run it on files or folders, ``python tools/plain_english.py fitwell/losses``; without arguments it checks the package
and its documentation. It prints one line for each finding and exits with 1 if there are any.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Pattern, and what to write instead. Spaces in a pattern match line breaks too.
WORDS = {
    r"somebody|nobody|anybody|everybody|someone|no one|whoever|whomever": "name the part: a user, a caller, a hook",
    r"anew|afresh|once more": "again, from scratch",
    r"texts": "strings",
    r"whole numbers?": "integer(s)",
    r"(?:goes|go|went|gone|going) on": "continue, resume",
    r"(?<!there )(?:is|are|was|were|be) no(?! longer| more| less| fewer| later| matter| \w+er than)": "is not a …",
    r"told|said|asked": "report, describe, format, infer; the required, the requested",
    r"beside": "next to, with, alongside",
    r"besides|likewise": "also, too",
    r"hence": "so, therefore",
    r"so many(?! that)(?! \w+ that)": "n of them, the number of",
    r"of (?:its|their|your|our|his) own": "its …, separate, custom",
    r"of old": "of earlier versions",
    r"wants?(?! to\b)": "needs, requires, expects",
    r"strangers?": "untrusted, user-defined, third-party",
    r"for people": "human-readable",
    r"(?:the|this|that|each|every|another|a|other) (?:room|house|roof)s?(?! (?:price|value|age)s?)": "package, layer",
}
RULES = [(re.compile(rf"\b(?:{words})(?!\w)", re.IGNORECASE), instead) for words, instead in WORDS.items()]
CLAUSE = re.compile(r"(?:\A|(?<=\. ))(?:What|Who|Whoever|Whatever|Whose|Whom)\b(?![^.?!]*\?)[^.]{0,20}")
# Code inside prose: fenced blocks, double and single backticks, examples.
CODE = re.compile(r"```.*?```|``.*?``|`[^`\n]*`|^ *(?:>>>|\.\.\. ).*?$", re.DOTALL | re.MULTILINE)
QUOTES = re.compile(r"^[A-Za-z]*(\"\"\"|'''|[\"'])|(\"\"\"|'''|[\"'])$")


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line (from 0), the words, and what to write instead, for each finding in a piece of prose."""
    text = CODE.sub(lambda match: re.sub(r"[^\n]", "`", match[0]), text)
    # One space for a line break and the indentation and the comment signs after it; lengths stay the same.
    flat = re.sub(r"[\n#]", " ", text)
    squeezed, starts = [], []
    for position, letter in enumerate(flat):
        if letter != " " or (squeezed and squeezed[-1] != " "):
            squeezed.append(letter)
            starts.append(position)
    prose = "".join(squeezed)
    rules = [*RULES, (CLAUSE, "begin with the subject or the verb, not with a clause")]
    for pattern, instead in rules:
        for match in pattern.finditer(prose):
            yield text.count("\n", 0, starts[match.start()]), match[0].strip(), instead


def pieces(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the first line and the text of each piece of prose: a page, or comments and strings of code."""
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
            if " " in text:  # a single word is a key or a name
                yield token.start[0], text


def main(arguments: list[str]) -> int:
    """Print what is found in the files and folders named by `arguments`; return the exit status."""
    paths = [Path(argument) for argument in arguments] or [ROOT / "fitwell", ROOT / "docs"]
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
    count = 0
    for file in files:
        if file.suffix not in (".py", ".md"):
            continue
        for first, text in pieces(file):
            for line, word, instead in sorted(findings(text)):
                print(f"{file}:{first + line}: {word}: {instead}")
                count += 1
    print(f"{count} findings")
    return bool(count)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
