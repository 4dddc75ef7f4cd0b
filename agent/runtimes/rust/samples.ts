import type { Samples } from "../samples.ts";

/** One program for what needs no arguments of its own: each takes half a second to build. Line 3 fails. */
const CODE = `use std::{io::Write, os::unix::process::CommandExt, process::Command, thread::sleep, time::Duration};
extern "C" { fn signal(n: i32, handler: usize) -> usize; fn write(fd: i32, data: *const u8, size: usize) -> isize; fn _exit(code: i32) -> !; fn setsid() -> i32; }
fn main(act: &str, size: usize, seconds: String, own: bool) -> Option<String> { if act == "fails" { panic!("no"); }
    match act {
        "lines" => for i in 0..200 { println!("out {i}"); eprintln!("err {i}"); },
        "waits" => { println!("ready"); sleep(Duration::from_secs(300)); }
        "stubborn" => unsafe { signal(15, 1); println!("ready"); sleep(Duration::from_secs(300)); },
        "polite" => unsafe { signal(15, bye as usize); println!("ready"); sleep(Duration::from_secs(300)); },
        "exit" => std::process::exit(size as i32),
        "leaves" => {
            let mut child = Command::new("sleep");
            child.arg(seconds);
            if own { unsafe { child.pre_exec(|| { setsid(); Ok(()) }); } }
            child.spawn().unwrap();
            return Some("left".into());
        }
        "big" => return Some("x".repeat(size)),
        "bytes" => {
            let data: Vec<u8> = (0..=255).collect();
            let mut out = std::io::stdout();
            out.write_all(&data).unwrap();
            out.write_all(b"\\x1b[31mred\\x1b[0m\\n").unwrap();
        }
        "devices" => { std::fs::write("/dev/stdout", "a").unwrap(); std::fs::write("/dev/stderr", "b").unwrap(); }
        "environment" => for (name, value) in std::env::vars() { println!("{name}={value}"); },
        "million" => print!("{}", "x".repeat(1000000)),
        "writesJob" => {
            let program = std::env::args().next().unwrap();
            let new = std::path::Path::new(&program).with_file_name("new");
            return Some(if std::fs::write(new, "").is_ok() { "yes" } else { "no" }.into());
        }
        _ => {}
    }
    None
}
extern "C" fn bye(_: i32) { unsafe { write(1, b"bye\\n".as_ptr(), 4); _exit(0) } }
`;

function act(name: string, more: { size?: number; seconds?: string; own?: boolean } = {}): { code: string; args: string } {
  return { code: CODE, args: JSON.stringify({ act: name, size: 0, seconds: "", own: false, ...more }) };
}

export const rust: Samples = {
  language: "rust",
  file: "main.rs",
  echo: 'use std::collections::HashMap;\nfn main(a: String) -> HashMap<&\'static str, String> { HashMap::from([("got", a)]) }\n',
  precise: 'fn main(text: String, big: u64) -> Result<u64, String> {\n    eprint!("{text}");\n    Ok(big)\n}\n',
  fails: act("fails"),
  failure: { code: 1, name: "Panic" },
  broken: "fn main() {\n    let a = 1;\n    let b = = 2;\n}\n",
  lines: act("lines"),
  waits: act("waits"),
  stubborn: act("stubborn"),
  polite: act("polite"),
  exit3: act("exit", { size: 3 }),
  exit0: act("exit", { size: 0 }),
  leaves: (seconds, own) => act("leaves", { seconds, own }),
  big: (size) => act("big", { size }),
  unfit: {
    code: 'use std::collections::HashMap;\nfn main() -> HashMap<&\'static str, Vec<f64>> { HashMap::from([("a", vec![1.0, f64::NAN])]) }\n',
    path: "$.a[1]",
  },
  bytes: act("bytes"),
  devices: act("devices"),
  environment: act("environment"),
  million: act("million"),
  writesJob: act("writesJob"),
};
