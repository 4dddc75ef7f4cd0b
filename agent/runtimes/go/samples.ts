import type { Samples } from "../samples.ts";

/** One program for what needs no arguments of its own: each takes half a second to build. Line 3 fails. */
const CODE = `package main
import ("fmt"; "os"; "os/exec"; "os/signal"; "path/filepath"; "strings"; "syscall"; "time")
func main(act string, size int, seconds string, own bool) any { if act == "fails" { panic("no") }
	switch act {
	case "lines":
		for i := 0; i < 200; i++ {
			fmt.Println("out", i)
			fmt.Fprintln(os.Stderr, "err", i)
		}
	case "waits":
		fmt.Println("ready")
		time.Sleep(300 * time.Second)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(300 * time.Second)
	case "polite":
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Println("ready")
		<-term
		fmt.Println("bye")
	case "exit":
		os.Exit(size)
	case "leaves":
		child := exec.Command("sleep", seconds)
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: own}
		if err := child.Start(); err != nil {
			panic(err)
		}
		return "left"
	case "big":
		return strings.Repeat("x", size)
	case "bytes":
		data := make([]byte, 256)
		for i := range data {
			data[i] = byte(i)
		}
		os.Stdout.Write(append(data, "\\x1b[31mred\\x1b[0m\\n"...))
	case "devices":
		os.WriteFile("/dev/stdout", []byte("a"), 0)
		os.WriteFile("/dev/stderr", []byte("b"), 0)
	case "environment":
		for _, line := range os.Environ() {
			fmt.Println(line)
		}
	case "million":
		fmt.Print(strings.Repeat("x", 1000000))
	case "writesJob":
		if _, err := os.Create(filepath.Join(filepath.Dir(os.Args[0]), "new")); err != nil {
			return "no"
		}
		return "yes"
	}
	return nil
}
`;

function act(name: string, more: { size?: number; seconds?: string; own?: boolean } = {}): { code: string; args: string } {
  return { code: CODE, args: JSON.stringify({ act: name, size: 0, seconds: "", own: false, ...more }) };
}

export const go: Samples = {
  language: "go",
  file: "main.go",
  echo: 'package inner\nfunc main(a string) (any, error) { return map[string]string{"got": a}, nil }\n',
  precise: 'package inner\nimport "os"\nfunc main(text string, big uint64) uint64 {\n\tos.Stderr.WriteString(text)\n\treturn big\n}\n',
  fails: act("fails"),
  failure: { code: 1, name: "Panic" },
  broken: "package inner\nfunc main() {\n\tx := = 2\n}\n",
  lines: act("lines"),
  waits: act("waits"),
  stubborn: act("stubborn"),
  polite: act("polite"),
  exit3: act("exit", { size: 3 }),
  exit0: act("exit", { size: 0 }),
  leaves: (seconds, own) => act("leaves", { seconds, own }),
  big: (size) => act("big", { size }),
  unfit: { code: 'package inner\nimport "math"\nfunc main() any { return map[string]any{"a": []float64{1, math.NaN()}} }\n', path: "$.a[1]" },
  bytes: act("bytes"),
  devices: act("devices"),
  environment: act("environment"),
  million: act("million"),
  writesJob: act("writesJob"),
  ownEnvironment: ["GOMEMLIMIT", "GOMAXPROCS"],
};
