// Joins what two earlier runs found out: the sizes from clean_packages, the priorities from count_priorities.
// The types of `main` become the schema of its arguments: a call that does not fit is refused before anything runs.

interface Totals {
  packages: number;
  installed_kb: number;
  download_bytes: number;
}

interface Sizes {
  rows: number;
  packages: number;
  rejected: Record<string, number>;
  sections: Record<string, Totals>;
}

/** By section: how many packages have which priority, the usual one left out. */
type Priorities = Record<string, Record<string, number>>;

export function main(sizes: Sizes, priorities: Priorities, largest = 8) {
  const unmatched = Object.keys(priorities).filter((section) => !(section in sizes.sections));
  if (unmatched.length > 0) console.error(`no sizes for: ${unmatched.join(", ")}`);

  const joined = Object.entries(sizes.sections).map(([section, totals]) => ({
    section,
    packages: totals.packages,
    installed_mb: round(totals.installed_kb / 1024),
    download_mb: round(totals.download_bytes / 1024 / 1024),
    // How much smaller the packages are on their way to the machine.
    compression: round((totals.installed_kb * 1024) / Math.max(1, totals.download_bytes)),
    priorities: priorities[section] ?? {},
  }));
  joined.sort((a, b) => b.installed_mb - a.installed_mb);

  console.log(`joined ${joined.length} sections; the ${largest} largest:`);
  for (const row of joined.slice(0, largest)) {
    const kinds = Object.entries(row.priorities).map(([name, count]) => `${count} ${name}`);
    console.log(
      `  ${row.section.padEnd(12)} ${row.installed_mb.toFixed(1).padStart(10)} MB  ${row.compression.toFixed(1).padStart(4)} : 1  ${kinds.join(", ")}`.trimEnd(),
    );
  }
  return {
    sections: joined.length,
    packages: sizes.packages,
    installed_mb: round(joined.reduce((sum, row) => sum + row.installed_mb, 0)),
    largest: joined.slice(0, largest),
    unmatched,
  };
}

const round = (value: number): number => Math.round(value * 10) / 10;
