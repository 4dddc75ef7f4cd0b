"""Cleans a list of Debian packages and sums it up by section.

Real lists have real blemishes: packages without an installed size, the same line twice, several versions of one package.
Each row that is left out is counted under its reason, and a few of them are shown.
"""

import re
from csv import DictReader
from io import StringIO
from itertools import zip_longest

COLUMNS = ["name", "version", "section", "priority", "installed_kb", "download_bytes"]
SHOWN_PER_REASON = 3


def main(csv: str):
    rejected = Rejected()

    print("step 1 of 4: reading")
    rows = read_rows(csv)
    print(f"  {len(rows):,} rows, {len(csv):,} characters")

    print("step 2 of 4: checking each row")
    sound = [row for row in rows if not rejected.add(row, fault_of(row))]
    print(f"  {len(sound):,} rows are sound")

    print("step 3 of 4: one row a package")
    newest = keep_newest(sound, rejected)
    print(f"  {len(newest):,} packages are left")

    print("step 4 of 4: summing up")
    sections = totals_by_section(newest)
    for name, total in sorted(sections.items(), key=lambda item: -item[1]["installed_kb"])[:5]:
        print(f"  {name:12} {total['packages']:5,} packages {total['installed_kb'] / 1024:10,.1f} MB installed")
    print(f"rejected {rejected.total:,} of {len(rows):,} rows: {rejected.counts}")

    return {"rows": len(rows), "packages": len(newest), "rejected": rejected.counts, "sections": sections}


class Rejected:
    """Counts rows that are left out, and prints the first few of each reason."""

    def __init__(self):
        self.counts = {}

    @property
    def total(self):
        return sum(self.counts.values())

    def add(self, row, reason):
        """Notes a reason, if there is one. Returns whether there was."""
        if reason is None:
            return False
        count = self.counts.get(reason, 0) + 1
        self.counts[reason] = count
        if count <= SHOWN_PER_REASON:
            print(f"  line {row['line']}: {row['name'] or '(no name)'} {row['version']}: {reason}")
        elif count == SHOWN_PER_REASON + 1:
            print(f"  … and more: {reason}")
        return True


def read_rows(text):
    reader = DictReader(StringIO(text))
    if reader.fieldnames != COLUMNS:
        raise ValueError(f"the first line must be {','.join(COLUMNS)}, not {','.join(reader.fieldnames or [])}")
    return [dict(row, line=reader.line_num) for row in reader]


def fault_of(row):
    if None in row or None in row.values():
        return "wrong number of fields"
    if not row["name"] or not row["version"]:
        return "no name or version"
    if not row["installed_kb"]:
        return "no installed size"
    if not row["installed_kb"].isdecimal() or not row["download_bytes"].isdecimal():
        return "a size is no number"
    return None


def keep_newest(rows, rejected):
    newest = {}
    for row in rows:
        known = newest.get(row["name"])
        if known is None:
            newest[row["name"]] = row
            continue
        order = compare_versions(row["version"], known["version"])
        if order > 0:
            newest[row["name"]] = row
            rejected.add(known, "an older version")
        else:
            rejected.add(row, "the same package again" if order == 0 else "an older version")
    return list(newest.values())


def totals_by_section(rows):
    sections = {}
    for row in rows:
        total = sections.setdefault(row["section"] or "unknown", {"packages": 0, "installed_kb": 0, "download_bytes": 0})
        total["packages"] += 1
        total["installed_kb"] += int(row["installed_kb"])
        total["download_bytes"] += int(row["download_bytes"])
    return dict(sorted(sections.items()))


def compare_versions(a, b):
    """Orders two Debian versions as deb-version(7) says: epoch, then upstream version, then revision."""
    epoch_a, upstream_a, revision_a = split_version(a)
    epoch_b, upstream_b, revision_b = split_version(b)
    return epoch_a - epoch_b or compare_parts(upstream_a, upstream_b) or compare_parts(revision_a, revision_b)


def split_version(version):
    epoch, colon, rest = version.rpartition(":")
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return (int(epoch) if colon and epoch.isdecimal() else 0), upstream, revision


def compare_parts(a, b):
    """Text and numbers in turn: text by rank, numbers by value."""
    for (text_a, number_a), (text_b, number_b) in zip_longest(pieces(a), pieces(b), fillvalue=("", 0)):
        order = compare_text(text_a, text_b) or number_a - number_b
        if order:
            return order
    return 0


def pieces(part):
    """Pairs of a text without digits and the number after it."""
    return [(text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", part)]


def compare_text(a, b):
    for at in range(max(len(a), len(b))):
        order = rank(a[at : at + 1]) - rank(b[at : at + 1])
        if order:
            return order
    return 0


def rank(character):
    """A tilde comes before the end, the end before letters, letters before everything else."""
    if character == "~":
        return -1
    if character == "":
        return 0
    return ord(character) if character.isalpha() else ord(character) + 256
