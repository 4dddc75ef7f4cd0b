/** For `contract-samples.ts`, which says what each of them does. */
export const perl = {
  language: "perl",
  file: "main.pl",
  echo: "sub main {\n  my ($a) = @_;\n  return { got => $a };\n}\n",
  precise: "sub main {\n  my ($text, $big) = @_;\n  print STDERR $text;\n  return $big;\n}\n",
  fails: "sub main {\n  # two\n  die My::Fault->new;\n}\npackage My::Fault;\nsub new { return bless { message => 'no' }, shift }\n1;\n",
  failure: { code: 1, name: "My::Fault" },
  broken: "sub main {\n  my $a = 1;\n  my $b = = 2;\n}\n",
  lines: 'sub main {\n  for my $i (0 .. 199) {\n    print "out $i\\n";\n    print STDERR "err $i\\n";\n  }\n}\n',
  waits: 'sub main {\n  print "ready\\n";\n  sleep 300;\n}\n',
  stubborn: "sub main {\n  $SIG{TERM} = 'IGNORE';\n  print \"ready\\n\";\n  sleep 300 while 1;\n}\n",
  polite: 'sub main {\n  $SIG{TERM} = sub { print "bye\\n"; exit 0 };\n  print "ready\\n";\n  select undef, undef, undef, 0.01 while 1;\n}\n',
  exit3: "sub main {\n  exit 3;\n}\n",
  exit0: "sub main {\n  exit 0;\n}\n",
  leaves: (seconds: string, ownSession: boolean) =>
    `use POSIX ();\nsub main {\n  if (!fork) {\n    ${ownSession ? "POSIX::setsid();" : ""}\n    exec 'sleep', '${seconds}';\n  }\n  return 'left';\n}\n`,
  big: (size: number) => `sub main {\n  return 'x' x ${size};\n}\n`,
  unfit: { code: "sub main {\n  return { a => [1, 9**9**9] };\n}\n", path: "$.a[1]" },
  bytes: 'sub main {\n  binmode STDOUT;\n  print map(chr, 0 .. 255), "\\e[31mred\\e[0m\\n";\n}\n',
  devices:
    "sub main {\n  for (['/dev/stdout', 'a'], ['/dev/stderr', 'b']) {\n    open my $file, '>', $_->[0] or die;\n    print $file $_->[1];\n  }\n  return;\n}\n",
  environment: 'sub main {\n  print "$_=$ENV{$_}\\n" for keys %ENV;\n}\n',
  million: "sub main {\n  print 'x' x 1000000;\n}\n",
  writesJob: "use File::Basename;\nsub main {\n  return open(my $file, '>', dirname($0) . '/new') ? 'yes' : 'no';\n}\n",
};
