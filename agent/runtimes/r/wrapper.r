# Runs an R script as the agent wants it. A constant: what comes from the tenant is read from the files beside it.
#   main.r, args.json   the script and its arguments
# Writes one record to fd 5: R + JSON (result), E + JSON (exception), S + JSON (syntax error), I + JSON (result is not JSON).
# JSON is read and written here: loading the package jsonlite takes longer than starting R.
local({
  here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1L]))
  file <- "main.r"
  pid <- Sys.getpid()
  max_text <- 16000L
  max_depth <- 128L
  reported <- FALSE
  stack <- character()
  top_line <- 0L

  run <- function() {
    options(warn = 1, keep.source = TRUE, encoding = "UTF-8")
    Sys.unsetenv("R_DEFAULT_PACKAGES")
    offer_default_packages()
    # TERM came before R could take an interrupt, see launch.sh.
    if (file.exists(file.path(Sys.getenv("TMPDIR"), ".terminated"))) quit(save = "no", status = 130L)
    lines <- readLines(file.path(here, file), encoding = "UTF-8", warn = FALSE)
    code <- tryCatch(
      parse(text = lines, keep.source = TRUE, srcfile = srcfilecopy(file, lines), encoding = "UTF-8"),
      error = function(e) report_syntax(conditionMessage(e), lines)
    )
    result <- tryCatch(
      withCallingHandlers({
        load_script(code)
        call_main(read_args())
      }, error = function(e) stack <<- lines_of(sys.calls())),
      error = report_error,
      interrupt = function(e) quit(save = "no", status = 130L)
    )
    text <- tryCatch(enc2utf8(text_of(result, "$", 0L)), error = report_unfit)
    write_record("R", text)
  }

  # stats, utils and the others take twice as long to load as R takes to start: each name loads its package when it is used.
  # The internal function, since there are a thousand names.
  offer_default_packages <- function() {
    offered <- attach(NULL, pos = 2L, name = "defaults")
    base <- baseenv()
    for (package in c("graphics", "grDevices", "utils", "stats", "methods")) {
      names <- tryCatch(readRDS(file.path(.Library, package, "Meta", "nsInfo.rds"))$exports, error = function(e) character())
      for (name in names) .Internal(delayedAssign(name, call("::", package, name), base, offered))
    }
    try(lazyLoad(file.path(.Library, "datasets", "data", "Rdata"), offered), silent = TRUE)
  }

  load_script <- function(code) {
    references <- attr(code, "srcref")
    for (at in seq_along(code)) {
      top_line <<- references[[at]][1L]
      eval(code[[at]], globalenv())
    }
    top_line <<- 0L
  }

  call_main <- function(args) {
    main <- get0("main", envir = globalenv(), mode = "function", inherits = FALSE)
    if (is.null(main)) fault("NoMain", "the script defines no function `main`")
    parameters <- formals(main)
    known <- setdiff(names(parameters), "...")
    unknown <- setdiff(names(args), known)
    if (length(unknown) > 0L && !("..." %in% names(parameters))) {
      takes <- if (length(known) > 0L) paste(known, collapse = ", ") else "none"
      fault("UnknownArgument", sprintf("main takes no argument `%s`; it takes: %s", unknown[1L], takes))
    }
    for (name in known) {
      required <- is.symbol(parameters[[name]]) && !nzchar(as.character(parameters[[name]]))
      if (required && !(name %in% names(args))) fault("MissingArgument", sprintf("main needs the argument `%s`, which was not given", name))
    }
    eval(as.call(c(quote(main), args)), globalenv())
  }

  fault <- function(name, message, path = NULL) {
    stop(structure(class = c("millrace_fault", "error", "condition"), list(message = message, call = NULL, name = name, path = path)))
  }

  # ---- reading JSON: the text is cut into tokens at once, by PCRE, since R is slow at single characters.
  read_args <- function() {
    path <- file.path(here, "args.json")
    text <- readChar(path, file.size(path), useBytes = TRUE)
    pattern <- "\"(?:[^\"\\\\]|\\\\.)*+\"|[-+0-9.eE]+|true|false|null|[\\[\\]{}:,]"
    tokens <- regmatches(text, gregexpr(pattern, text, perl = TRUE, useBytes = TRUE))[[1L]]
    at <- 0L
    next_token <- function() tokens[at <<- at + 1L]
    value <- function() {
      token <- next_token()
      switch(substr(token, 1L, 1L), "{" = members(), "[" = simplified(items()), "\"" = string(token), t = TRUE, f = FALSE, n = NULL, number(token))
    }
    members <- function() {
      found <- list()
      if (tokens[at + 1L] == "}") {
        next_token()
        return(structure(found, names = character()))
      }
      repeat {
        name <- string(next_token())
        next_token()
        found[name] <- list(value())
        if (next_token() == "}") return(found)
      }
    }
    items <- function() {
      found <- list()
      if (tokens[at + 1L] == "]") {
        next_token()
        return(found)
      }
      repeat {
        found[length(found) + 1L] <- list(value())
        if (next_token() == "]") return(found)
      }
    }
    value()
  }

  string <- function(token) {
    text <- substr(token, 2L, nchar(token, "bytes") - 1L)
    if (grepl("\\", text, fixed = TRUE, useBytes = TRUE)) text <- unescaped(text)
    Encoding(text) <- "UTF-8"
    text
  }

  unescaped <- function(text) {
    pieces <- regmatches(text, gregexpr("[^\\\\]+|\\\\u[0-9a-fA-F]{4}|\\\\.", text, perl = TRUE, useBytes = TRUE))[[1L]]
    high <- 0L
    out <- character(length(pieces))
    for (i in seq_along(pieces)) {
      piece <- pieces[i]
      code <- if (startsWith(piece, "\\u")) strtoi(substr(piece, 3L, 6L), 16L) else -1L
      if (code == 0L) fault("InvalidArgument", "an argument holds a NUL character, which R cannot take")
      if (high > 0L && code >= 0xDC00L && code <= 0xDFFFL) {
        out[i] <- intToUtf8(0x10000L + (high - 0xD800L) * 0x400L + code - 0xDC00L)
        high <- 0L
        next
      }
      if (high > 0L) out[i - 1L] <- "\uFFFD"
      high <- if (code >= 0xD800L && code <= 0xDBFFL) code else 0L
      if (high > 0L) next
      out[i] <- if (code >= 0xDC00L && code <= 0xDFFFL) "\uFFFD"
      else if (code >= 0L) intToUtf8(code)
      else if (!startsWith(piece, "\\")) piece
      else switch(substr(piece, 2L, 2L), n = "\n", t = "\t", r = "\r", b = "\b", f = "\f", substr(piece, 2L, 2L))
    }
    if (high > 0L) out[length(out)] <- "\uFFFD"
    enc <- paste(vapply(out, function(one) rawToChar(charToRaw(one)), ""), collapse = "")
    Encoding(enc) <- "UTF-8"
    enc
  }

  # Integers that a double cannot hold stay text.
  number <- function(token) {
    value <- as.numeric(token)
    if (abs(value) <= 2^53 || grepl("[.eE]", token)) return(if (grepl("[.eE]", token) || abs(value) > .Machine$integer.max) value else as.integer(value))
    token
  }

  # A list of scalars of one kind becomes a vector, a list of flat objects a data frame: what an R script expects.
  simplified <- function(items) {
    if (length(items) == 0L) return(items)
    scalar <- function(value) is.null(value) || (is.atomic(value) && length(value) == 1L && is.null(names(value)))
    if (all(vapply(items, scalar, NA))) return(vector_of(items))
    flat <- function(item) is.list(item) && !is.data.frame(item) && !is.null(names(item)) && length(item) > 0L && all(vapply(item, scalar, NA))
    if (!all(vapply(items, flat, NA))) return(items)
    columns <- unique(unlist(lapply(items, names)))
    cells <- lapply(columns, function(column) vector_of(lapply(items, function(item) item[[column]])))
    if (!all(vapply(cells, is.atomic, NA))) return(items)
    structure(cells, names = columns, class = "data.frame", row.names = seq_along(items))
  }

  vector_of <- function(items) {
    kinds <- unique(vapply(Filter(Negate(is.null), items), function(item) if (is.numeric(item)) "numeric" else class(item), ""))
    if (length(kinds) != 1L) return(items)
    unlist(lapply(items, function(item) if (is.null(item)) NA else item))
  }

  # ---- writing JSON
  text_of <- function(value, path, depth) {
    if (is.null(value)) return("null")
    if (inherits(value, "json")) return(paste(value, collapse = ""))
    if (depth > max_depth) fault("", sprintf("nested deeper than %d levels", max_depth), path)
    if (inherits(value, "Date")) value <- format(value)
    else if (inherits(value, "POSIXt")) value <- sub("(..)$", ":\\1", format(value, "%Y-%m-%dT%H:%M:%OS%z"))
    else if (is.factor(value)) value <- as.character(value)
    if (is.data.frame(value)) return(rows_text(value, path, depth))
    if (is.list(value)) return(list_text(value, path, depth))
    if (!is.logical(value) && !is.numeric(value) && !is.character(value)) fault("", sprintf("a value of type %s is not JSON", class(value)[1L]), path)
    if (length(dim(value)) == 2L) return(matrix_text(value, path, depth))
    texts <- scalar_texts(value, path)
    if (length(value) == 1L && !inherits(value, "AsIs")) texts else brackets(texts)
  }

  brackets <- function(texts) paste0("[", paste(texts, collapse = ","), "]")
  braces <- function(names, texts) paste0("{", paste0(quoted(names), ":", texts, collapse = if (length(texts) > 0L) ","), "}")

  scalar_texts <- function(values, path) {
    at <- function(index) if (length(values) == 1L) path else sprintf("%s[%d]", path, index - 1L)
    if (is.character(values)) {
      # Before the conversion, which would put a description in the place of such bytes.
      wrong <- which(Encoding(values) %in% c("unknown", "UTF-8") & !validUTF8(values))
      if (length(wrong) > 0L) fault("", "a string that is not UTF-8 is not JSON", at(wrong[1L]))
      texts <- quoted(enc2utf8(values))
    } else if (is.logical(values)) {
      texts <- ifelse(values, "true", "false")
    } else {
      wrong <- which(is.nan(values) | is.infinite(values))
      if (length(wrong) > 0L) fault("", sprintf("%s is not a JSON number", values[wrong[1L]]), at(wrong[1L]))
      texts <- number_texts(values)
    }
    texts[is.na(values)] <- "null"
    texts
  }

  # As few digits as give the same number again.
  number_texts <- function(values) {
    if (is.integer(values)) return(as.character(values))
    values <- as.numeric(values)
    texts <- formatC(values, digits = 15L, width = 1L, format = "g")
    inexact <- !is.na(values) & as.numeric(texts) != values
    texts[inexact] <- formatC(values[inexact], digits = 17L, width = 1L, format = "g")
    texts
  }

  quoted <- function(texts) {
    texts <- gsub("\"", "\\\"", gsub("\\", "\\\\", texts, fixed = TRUE), fixed = TRUE)
    if (any(grepl("[\x01-\x1f]", texts, perl = TRUE))) {
      for (code in 1:31) texts <- gsub(intToUtf8(code), sprintf("\\u%04x", code), texts, fixed = TRUE)
    }
    paste0("\"", texts, "\"", recycle0 = TRUE)
  }

  list_text <- function(value, path, depth) {
    if (depth >= max_depth) fault("", sprintf("nested deeper than %d levels", max_depth), path)
    names <- names(value)
    texts <- character(length(value))
    # Not vapply: the stack of R holds three times as many levels without it.
    for (i in seq_along(value)) {
      texts[i] <- text_of(value[[i]], if (is.null(names)) sprintf("%s[%d]", path, i - 1L) else paste0(path, ".", names[i]), depth + 1L)
    }
    if (is.null(names)) brackets(texts) else braces(names, texts)
  }

  rows_text <- function(frame, path, depth) {
    columns <- names(frame)
    brackets(vapply(seq_len(nrow(frame)), function(row) {
      place <- sprintf("%s[%d]", path, row - 1L)
      braces(columns, vapply(columns, function(column) text_of(frame[[column]][[row]], paste0(place, ".", column), depth + 2L), ""))
    }, ""))
  }

  matrix_text <- function(value, path, depth) {
    brackets(vapply(seq_len(nrow(value)), function(row) brackets(scalar_texts(value[row, ], sprintf("%s[%d]", path, row - 1L))), ""))
  }

  # ---- reports
  report_unfit <- function(e) {
    path <- if (inherits(e, "millrace_fault")) e$path else "$"
    write_fields("I", list(path = path, message = conditionMessage(e)))
    quit(save = "no", status = 1L)
  }

  report_error <- function(e) {
    if (inherits(e, "millrace_fault")) {
      write_fields("E", list(name = e$name, message = conditionMessage(e)))
    } else {
      message <- conditionMessage(e)
      name <- class(e)[1L]
      if (name == "simpleError") name <- "Error"
      if (grepl("^cannot allocate (?:vector|memory)", message)) name <- "MemoryError"
      write_fields("E", list(name = name, message = message, stack = paste(c(paste0(name, ": ", message), stack), collapse = "\n")))
    }
    quit(save = "no", status = 1L)
  }

  # Lines of the script, innermost first. Each call knows the place that it was made from.
  lines_of <- function(calls) {
    found <- character()
    for (call in rev(calls)) {
      reference <- attr(call, "srcref")
      if (is.null(reference) || !identical(attr(reference, "srcfile")$filename, file)) next
      found <- c(found, sprintf("  at %s:%d", file, reference[1L]))
    }
    if (top_line > 0L) found <- c(found, sprintf("  at %s:%d", file, top_line))
    utils_head(unique(found), 50L)
  }

  utils_head <- function(values, count) if (length(values) > count) values[seq_len(count)] else values

  report_syntax <- function(text, lines) {
    found <- regmatches(text, regexec("^[^\n]*?:([0-9]+):([0-9]+): ([^\n]*)", text))[[1L]]
    line <- if (length(found) > 0L) as.integer(found[2L]) else 0L
    message <- if (length(found) > 0L) found[4L] else text
    fields <- list(message = message, line = line)
    if (line > 0L) fields$column <- max(1L, as.integer(found[3L]))
    if (line > 0L && line <= length(lines)) fields$text <- lines[line]
    write_fields("S", fields)
    quit(save = "no", status = 1L)
  }

  clip <- function(text) {
    if (!is.character(text) || nchar(text) <= max_text) return(text)
    paste0(substr(text, 1L, max_text / 2), "\n\u2026\n", substr(text, nchar(text) - max_text / 2, nchar(text)))
  }

  write_fields <- function(kind, fields) {
    fields <- lapply(fields, function(field) clip(if (is.character(field)) iconv(field, "UTF-8", "UTF-8", sub = "?") else field))
    write_record(kind, text_of(fields, "$", 0L))
  }

  # R cannot write to a descriptor that it did not open itself.
  write_record <- function(kind, text) {
    # A child made by parallel:::mcfork came back through main: the result is the parent's.
    if (reported || Sys.getpid() != pid) return(invisible())
    reported <<- TRUE
    record <- pipe("exec /bin/cat >&5", "wb")
    writeBin(charToRaw(enc2utf8(paste0(kind, text))), record)
    close(record)
    invisible()
  }

  run()
})
