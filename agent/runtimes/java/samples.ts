import type { Samples } from "../samples.ts";

/** One program for what needs no arguments of its own: each takes half a second to build. Line 3 fails. */
const CODE = `import java.nio.file.*;
public class Main {
  public static Object main(String act, int size, String seconds, boolean own) throws Exception { if (act.equals("fails")) throw new IllegalStateException("no");
    switch (act) {
      case "lines":
        for (int i = 0; i < 200; i++) {
          System.out.println("out " + i);
          System.err.println("err " + i);
        }
        break;
      case "stubborn":
      case "polite":
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
          if (act.equals("polite")) System.out.println("bye");
          else pause();
        }));
      case "waits":
        System.out.println("ready");
        pause();
        break;
      case "exit":
        System.exit(size);
      case "leaves":
        new ProcessBuilder(own ? new String[] {"setsid", "sleep", seconds} : new String[] {"sleep", seconds}).inheritIO().start();
        return "left";
      case "big":
        return "x".repeat(size);
      case "bytes":
        for (int i = 0; i < 256; i++) System.out.write(i);
        System.out.print("\\033[31mred\\033[0m\\n");
        break;
      case "devices":
        Files.writeString(Path.of("/dev/stdout"), "a", StandardOpenOption.WRITE);
        Files.writeString(Path.of("/dev/stderr"), "b", StandardOpenOption.WRITE);
        break;
      case "environment":
        System.getenv().forEach((name, value) -> System.out.println(name + "=" + value));
        break;
      case "million":
        System.out.print("x".repeat(1000000));
        break;
      case "writesJob":
        try {
          Files.writeString(Path.of(System.getProperty("java.class.path").split(":")[0]).resolveSibling("new"), "");
          return "yes";
        } catch (java.io.IOException error) {
          return "no";
        }
    }
    return null;
  }
  static void pause() {
    try {
      Thread.sleep(300_000);
    } catch (InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }
}
`;

function act(name: string, more: { size?: number; seconds?: string; own?: boolean } = {}): { code: string; args: string } {
  return { code: CODE, args: JSON.stringify({ act: name, size: 0, seconds: "", own: false, ...more }) };
}

export const java: Samples = {
  language: "java",
  file: "Main.java",
  echo: 'import java.util.Map;\npublic class Main {\n  public static Map<String, String> main(String a) { return Map.of("got", a); }\n}\n',
  precise: "public class Main {\n  public static Object main(String text, java.math.BigInteger big) {\n    System.err.print(text);\n    return big;\n  }\n}\n",
  fails: act("fails"),
  failure: { code: 1, name: "IllegalStateException" },
  broken: "public class Main {\n  public static void main() {\n    int y = = 2;\n  }\n}\n",
  lines: act("lines"),
  waits: act("waits"),
  stubborn: act("stubborn"),
  polite: act("polite"),
  exit3: act("exit", { size: 3 }),
  exit0: act("exit", { size: 0 }),
  leaves: (seconds, own) => act("leaves", { seconds, own }),
  big: (size) => act("big", { size }),
  unfit: {
    code: 'import java.util.*;\npublic class Main {\n  public static Object main() { return Map.of("a", List.of(1, Double.NaN)); }\n}\n',
    path: "$.a[1]",
  },
  bytes: act("bytes"),
  devices: act("devices"),
  environment: act("environment"),
  million: act("million"),
  writesJob: act("writesJob"),
};
