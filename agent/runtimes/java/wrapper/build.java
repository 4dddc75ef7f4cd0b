package millrace;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * Compiles a script into a jar, in one process: starting the compiler and then the packer takes twice as long.
 * Arguments: the source, the jar, and a folder with the jars that it uses (may be missing).
 */
final class Build {
  private static final int MAX_ERRORS = 10;
  /** The same for equal programs. */
  private static final long EPOCH_MS = 315_532_800_000L;

  private Build() {}

  public static void main(String[] arguments) throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    Map<String, ByteArrayOutputStream> classes = new TreeMap<>();
    boolean good;
    try (JavaFileManager files = new Kept(compiler.getStandardFileManager(found, null, StandardCharsets.UTF_8), classes)) {
      // Texts put together the plain way: the other one takes 20 ms when a program first uses it.
      List<String> options = List.of("-g", "-parameters", "-XDstringConcat=inline", "-proc:none", "-Xlint:none", "-classpath", classpath(Path.of(arguments[2])));
      good = compiler.getTask(null, files, found, options, null, List.of(new Source(Files.readString(Path.of(arguments[0]))))).call();
    }
    if (!good) {
      found.getDiagnostics().stream().filter(one -> one.getKind() == Diagnostic.Kind.ERROR).limit(MAX_ERRORS).forEach(Build::print);
      System.exit(1);
    }
    String main = classes.keySet().stream().filter(name -> name.equals("Main") || name.endsWith(".Main")).findFirst().orElse("Main");
    pack(Path.of(arguments[1]), classes, main);
  }

  private static void print(Diagnostic<? extends JavaFileObject> one) {
    String message = one.getMessage(null).split("\n", 2)[0];
    System.err.println("Main.java:" + Math.max(0, one.getLineNumber()) + ":" + Math.max(0, one.getColumnNumber()) + ": error: " + message);
  }

  private static String classpath(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) return "";
    try (Stream<Path> jars = Files.list(folder)) {
      return String.join(":", new ArrayList<>(jars.map(Path::toString).filter(name -> name.endsWith(".jar")).sorted().toList()));
    }
  }

  private static void pack(Path jar, Map<String, ByteArrayOutputStream> classes, String main) throws IOException {
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
      add(out, "millrace-main", main.getBytes(StandardCharsets.UTF_8));
      for (Map.Entry<String, ByteArrayOutputStream> one : classes.entrySet()) add(out, one.getKey().replace('.', '/') + ".class", one.getValue().toByteArray());
    }
  }

  private static void add(JarOutputStream out, String name, byte[] data) throws IOException {
    JarEntry entry = new JarEntry(name);
    entry.setTime(EPOCH_MS);
    out.putNextEntry(entry);
    out.write(data);
  }

  private static final class Source extends SimpleJavaFileObject {
    private final String text;

    Source(String text) {
      super(URI.create("string:///Main.java"), Kind.SOURCE);
      this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreErrors) {
      return text;
    }
  }

  /** Keeps compiled classes in memory. */
  private static final class Kept extends ForwardingJavaFileManager<JavaFileManager> {
    private final Map<String, ByteArrayOutputStream> classes;

    Kept(JavaFileManager files, Map<String, ByteArrayOutputStream> classes) {
      super(files);
      this.classes = classes;
    }

    @Override
    public JavaFileObject getJavaFileForOutput(Location place, String name, JavaFileObject.Kind kind, FileObject sibling) {
      return new SimpleJavaFileObject(URI.create("mem:///" + name.replace('.', '/') + kind.extension), kind) {
        @Override
        public OutputStream openOutputStream() {
          ByteArrayOutputStream data = new ByteArrayOutputStream();
          classes.put(name, data);
          return data;
        }
      };
    }
  }
}
