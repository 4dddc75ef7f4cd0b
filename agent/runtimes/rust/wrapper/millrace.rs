//! Around a Rust script. A constant: what comes from the tenant is its crate and the files beside the program.
//!
//! Reads args.json, hands `main` its arguments by name, writes one record to fd 5:
//! R + JSON (result), E + JSON (error or panic), I + JSON (the result is not JSON).

// The crate serves two kinds of scripts, old compilers and new ones.
#![allow(dead_code, deprecated)]

mod json;
#[cfg(feature = "crates")]
#[path = "with-serde.rs"]
mod types;
#[cfg(not(feature = "crates"))]
#[path = "plain-types.rs"]
mod types;

use std::fmt::{Debug, Display, Write as _};
use std::io::Write as _;
use std::os::unix::io::FromRawFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;

pub use types::{FromArgument, IntoResult};

const RECORD_FD: i32 = 5;
const MAX_TEXT: usize = 16_000;

extern "C" {
    fn fcntl(fd: i32, command: i32, argument: i32) -> i32;
    fn signal(number: i32, handler: usize) -> usize;
}
const F_SETFD: i32 = 2;
const FD_CLOEXEC: i32 = 1;
const SIGPIPE: i32 = 13;
const SIG_IGN: usize = 1;

/// How `main` ended.
pub enum End {
    Result(String),
    Failure { name: String, message: String },
    Unfit { path: String, message: String },
}

/// What the caller gave, by name.
pub struct Args(Vec<(String, &'static str)>);

impl Args {
    /// The argument as main wants it. Ends the program where it does not fit.
    pub fn take<T: FromArgument>(&self, name: &str) -> T {
        let given = self.0.iter().rev().find(|(known, _)| known == name).map(|(_, text)| *text);
        match T::from_argument(given.unwrap_or("null")) {
            Ok(value) => value,
            Err(_) if given.is_none() => refuse("MissingArgument", &format!("main needs the argument `{name}`, which was not given")),
            Err(reason) => refuse("InvalidArgument", &format!("the argument `{name}` does not fit the type {}: {reason}", short_name::<T>())),
        }
    }
}

fn refuse(name: &str, message: &str) -> ! {
    report_failure(name, message, "");
    std::process::exit(1)
}

/// What main returned, whatever its type: a `Result` is looked into. The trait of the longest reference is tried first.
pub struct Returned<T>(pub T);

pub trait ByDisplay {
    fn end(&self) -> End;
}
pub trait ByDebug {
    fn end(&self) -> End;
}
pub trait ByValue {
    fn end(&self) -> End;
}

impl<T: IntoResult, E: Display> ByDisplay for &&Returned<Result<T, E>> {
    fn end(&self) -> End {
        match &self.0 {
            Ok(value) => end_of(value),
            // The long form: some errors show their causes in it.
            Err(error) => End::Failure { name: error_name::<E>(), message: format!("{error:#}") },
        }
    }
}

impl<T: IntoResult, E: Debug> ByDebug for &Returned<Result<T, E>> {
    fn end(&self) -> End {
        match &self.0 {
            Ok(value) => end_of(value),
            Err(error) => End::Failure { name: error_name::<E>(), message: format!("{error:?}") },
        }
    }
}

impl<T: IntoResult> ByValue for Returned<T> {
    fn end(&self) -> End {
        end_of(&self.0)
    }
}

fn end_of<T: IntoResult>(value: &T) -> End {
    match value.into_result() {
        Ok(text) => End::Result(text),
        Err((path, message)) => End::Unfit { path, message },
    }
}

struct Panicked {
    message: String,
    stack: String,
}

static PANICKED: Mutex<Option<Panicked>> = Mutex::new(None);

/// Runs the script and ends the program. `lines`: how many lines of the file are the tenant's own.
pub fn run(lines: usize, body: fn(&Args) -> End) -> ! {
    // The Rust runtime does the second itself where it starts a program.
    unsafe {
        fcntl(RECORD_FD, F_SETFD, FD_CLOEXEC);
        signal(SIGPIPE, SIG_IGN);
    }
    let args = read_args();
    let main_thread = std::thread::current().id();
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == main_thread {
            *PANICKED.lock().unwrap_or_else(|broken| broken.into_inner()) = Some(panicked(info, lines));
        } else {
            usual(info);
        }
    }));
    let end = panic::catch_unwind(AssertUnwindSafe(|| body(&args)));
    let code = match end {
        Ok(End::Result(text)) => {
            write_record('R', text.as_bytes());
            0
        }
        Ok(End::Failure { name, message }) => {
            report_failure(&name, &message, "");
            1
        }
        Ok(End::Unfit { path, message }) => {
            write_record('I', json::object(&[("path", &path), ("message", &clip(&message))]).as_bytes());
            1
        }
        Err(_) => {
            let what = PANICKED.lock().unwrap_or_else(|broken| broken.into_inner()).take();
            let what = what.unwrap_or(Panicked { message: "panic".to_string(), stack: String::new() });
            report_failure("Panic", &what.message, &what.stack);
            1
        }
    };
    std::process::exit(code)
}

fn read_args() -> Args {
    let program = std::env::args_os().next().unwrap_or_default();
    let path = std::path::Path::new(&program).with_file_name("args.json");
    match std::fs::read_to_string(path) {
        Ok(text) => Args(json::members(Box::leak(text.into_boxed_str()))),
        Err(error) => refuse("InvalidArgument", &format!("args.json: {error}")),
    }
}

fn panicked(info: &panic::PanicInfo<'_>, lines: usize) -> Panicked {
    let payload = info.payload();
    let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_string(),
        (_, Some(text)) => text.clone(),
        _ => "a value that is no text".to_string(),
    };
    let mut stack = match info.location() {
        Some(place) => format!("panicked at {}:{}:{}:\n{}\n", place.file(), place.line(), place.column(), message),
        None => format!("panicked:\n{message}\n"),
    };
    own_frames(&std::backtrace::Backtrace::force_capture().to_string(), lines, &mut stack);
    Panicked { message, stack }
}

/// The frames in the script's own file. Each has two lines: its name, and where it is.
fn own_frames(all: &str, lines: usize, into: &mut String) {
    let mut name = "";
    for line in all.lines() {
        let text = line.trim_start();
        let Some(place) = text.strip_prefix("at ") else {
            name = text.split_once(": ").map_or(text, |(_, rest)| rest);
            continue;
        };
        let place = place.trim_start_matches("./");
        let number = place.strip_prefix("main.rs:").and_then(|rest| rest.split(':').next()).and_then(|digits| digits.parse::<usize>().ok());
        if number.map_or(false, |number| number <= lines) {
            let _ = writeln!(into, "  {name}\n      at {place}");
        }
    }
}

fn error_name<E>() -> String {
    let name = short_name::<E>();
    // Names that say nothing of the error.
    if ["Box", "String", "str", "&str"].contains(&name.split('<').next().unwrap_or("")) {
        return "Error".to_string();
    }
    name
}

/// The name of a type without the modules around it.
fn short_name<T>() -> String {
    let full = std::any::type_name::<T>();
    let outer = full.find('<').unwrap_or(full.len());
    let from = full[..outer].rfind("::").map_or(0, |at| at + 2);
    full[from..].to_string()
}

fn report_failure(name: &str, message: &str, stack: &str) {
    let code = if message.contains("(os error 28)") { "ENOSPC" } else { "" };
    write_record('E', json::object(&[("name", name), ("message", &clip(message)), ("stack", &clip(stack)), ("code", code)]).as_bytes());
}

fn clip(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_string();
    }
    let floor = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    format!("{}\n…\n{}", &text[..floor(MAX_TEXT / 2)], &text[floor(text.len() - MAX_TEXT / 2)..])
}

fn write_record(kind: char, data: &[u8]) {
    let mut file = unsafe { std::fs::File::from_raw_fd(RECORD_FD) };
    let _ = file.write_all(&[&[kind as u8], data].concat());
}
