/** R and its file Renviron set these. */
const OWN =
  "R_HOME R_SESSION_TMPDIR R_SHARE_DIR R_INCLUDE_DIR R_DOC_DIR R_LIBS_SITE EDITOR LN_S MAKE PAGER R_BROWSER R_BZIPCMD R_GZIPCMD R_LIBS_USER R_PAPERSIZE R_PAPERSIZE_USER R_PDFVIEWER R_PLATFORM R_PRINTCMD R_RD4PDF R_STRIP_SHARED_LIB R_STRIP_STATIC_LIB R_SYSTEM_ABI R_TEXI2DVICMD R_UNZIPCMD R_ZIPCMD SED TAR".split(
    " ",
  );

/** For `contract-samples.ts`, which says what each of them does. */
export const r = {
  language: "r",
  file: "main.r",
  echo: "main <- function(a) {\n  list(got = a)\n}\n",
  // Integers that a double cannot hold arrive as text.
  precise: 'main <- function(text, big) {\n  cat(text, file = stderr())\n  structure(big, class = "json")\n}\n',
  fails: "main <- function() {\n  # two\n  stop('no')\n}\n",
  failure: { code: 1, name: "Error" },
  broken: "main <- function() {\n  a <- 1\n  b <- = 2\n}\n",
  lines: "main <- function() {\n  for (i in 0:199) {\n    cat('out', i, fill = TRUE)\n    message('err ', i)\n  }\n}\n",
  waits: "main <- function() {\n  cat('ready\\n')\n  Sys.sleep(300)\n}\n",
  stubborn: "main <- function() {\n  cat('ready\\n')\n  repeat tryCatch(Sys.sleep(300), interrupt = function(e) NULL)\n}\n",
  polite:
    "main <- function() {\n  tryCatch({\n    cat('ready\\n')\n    repeat Sys.sleep(0.01)\n  }, interrupt = function(e) {\n    cat('bye\\n')\n    quit(status = 0)\n  })\n}\n",
  exit3: "main <- function() {\n  quit(status = 3)\n}\n",
  exit0: "main <- function() {\n  quit(status = 0)\n}\n",
  leaves: (seconds: string, ownSession: boolean) =>
    `main <- function() {\n  system('${ownSession ? "setsid " : ""}sleep ${seconds}', wait = FALSE)\n  'left'\n}\n`,
  big: (size: number) => `main <- function() {\n  strrep('x', ${size})\n}\n`,
  unfit: { code: "main <- function() {\n  list(a = c(1, NaN))\n}\n", path: "$.a[1]" },
  bytes:
    "main <- function() {\n  out <- file('/dev/stdout', 'wb', raw = TRUE)\n  writeBin(as.raw(0:255), out)\n  close(out)\n  cat('\\033[31mred\\033[0m\\n')\n}\n",
  devices:
    "main <- function() {\n  for (one in list(c('stdout', 'a'), c('stderr', 'b'))) {\n    device <- file(file.path('/dev', one[1]), 'w', raw = TRUE)\n    cat(one[2], file = device)\n    close(device)\n  }\n}\n",
  environment: "main <- function() {\n  env <- Sys.getenv()\n  cat(paste0(names(env), '=', env), sep = '\\n')\n}\n",
  million: "main <- function() {\n  cat(strrep('x', 1000000))\n}\n",
  writesJob:
    "main <- function() {\n  job <- dirname(sub('--file=', '', grep('--file=', commandArgs(), value = TRUE)))\n  if (suppressWarnings(file.create(file.path(job, 'new')))) 'yes' else 'no'\n}\n",
  ownEnvironment: OWN,
};
